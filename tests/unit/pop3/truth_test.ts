/** Every recorded dialogue of qmail-popup and qmail-pop3d against the engine. */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { AuthAnswer } from "../../../auth/types.ts";
import type { Maildrop } from "../../../pop3/maildrop.ts";
import { latin1 } from "../../../pop3/replies.ts";
import { createPop3Engine } from "../../../pop3/session.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { POP3_DIFFERS } from "../../truth/pop3_differs.ts";
import { buildMaildir, cacheFor, Client, CONFIG, type Entry, JOE, PEER, say } from "./kit.ts";
import { openUp, withFolder } from "./kit.ts";

const TRUTH = new URL("../../../../shared/qmail-truth/pop3/", import.meta.url);

interface After {
  readonly path: string;
  readonly type: string;
  readonly sha256?: string;
}

interface Case {
  readonly id: string;
  readonly name: string;
  readonly program: "qmail-pop3d" | "qmail-popup";
  readonly maildir: string | null;
  readonly args: readonly string[];
  readonly stdin: string;
  readonly uid?: number;
  readonly checkpassword?: { readonly mode: string };
  readonly expect: { readonly stdout: string; readonly fd3?: string | null } & {
    readonly maildir_after?: readonly After[];
  };
}

function readLines<T>(name: string): T[] {
  const text = Deno.readTextFileSync(new URL(name, TRUTH));
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}

/** One reply without what may differ everywhere: texts, sizes, the extra blank line, doubled CRs. */
function replyShapes(stdout: string, stdin: string, isPopup: boolean): string[] {
  const shapes: string[] = [];
  let rest = stdout;
  const take = (end: string) => {
    const at = rest.indexOf(end);
    const text = at < 0 ? rest : rest.slice(0, at);
    rest = at < 0 ? "" : rest.slice(at + end.length);
    return text;
  };
  shapes.push(take("\r\n").slice(0, 1));
  for (const line of stdin.split("\n")) {
    if (rest === "") break;
    const [verb, argument] = [line.slice(0, 4).toUpperCase().trim(), line.slice(5).trim()];
    const status = take("\r\n");
    const isList = (verb === "LIST" || verb === "UIDL") && argument === "";
    const isMessage = verb === "RETR" || verb === "TOP";
    const isLong = !isPopup && status.startsWith("+") && (isList || isMessage);
    // An empty list or message ends at once: its final dot is to be found as every other one.
    if (isLong) rest = `\r\n${rest}`;
    if (isPopup || !status.startsWith("+")) shapes.push(status.slice(0, 1));
    else if (isList) shapes.push(`${verb} ${listShape(verb, take("\r\n.\r\n"))}`);
    else if (isMessage) shapes.push(take("\r\n.\r\n").replaceAll("\r\r\n", "\r\n"));
    else if (verb === "STAT") shapes.push(status.split(" ")[1]!);
    else if (verb === "UIDL" || verb === "LAST") shapes.push(status.trim());
    else shapes.push("+");
  }
  return rest === "" ? shapes : [...shapes, rest];
}

function listShape(verb: string, body: string): string {
  const lines = body.split("\r\n").filter((line) => line !== "" && line !== ".");
  return verb === "UIDL" ? lines.join("|") : lines.map((l) => l.split(" ")[0]).join("|");
}

function answerOf(mode: string): AuthAnswer {
  if (mode === "exit:0" || mode === "exec:") return { kind: "ok", account: JOE };
  if (mode === "exit:1") return { kind: "refused" };
  return { kind: "undecided", reason: mode };
}

async function sha256(path: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", Deno.readFileSync(path)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function treeAfter(path: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (dir: string) => {
    for (const entry of Deno.readDirSync(`${path}/${dir}`)) {
      const name = dir === "" ? entry.name : `${dir}/${entry.name}`;
      if (entry.isSymlink) found.push(`${name} symlink`);
      else if (entry.isDirectory) {
        found.push(`${name} dir`);
        await walk(name);
      } else found.push(`${name} ${await sha256(`${path}/${name}`)}`);
    }
  };
  openUp(path);
  await walk("");
  return found.sort();
}

function expectedAfter(after: readonly After[]): string[] {
  const utf8 = (text: string) => new TextDecoder().decode(latin1(text));
  return after.map((a) => `${utf8(a.path)} ${a.sha256 ?? a.type}`).sort();
}

/** Our side of a case, in the form of the recorded one. */
async function runCase(
  c: Case,
  entries: readonly Entry[] | null | "file",
  root: string,
): Promise<{ stdout: string; fd3: string | null; after: string[] | null }> {
  const path = `${root}/home/joe/Maildir`;
  Deno.mkdirSync(`${root}/home/joe`, { recursive: true });
  if (entries === "file") Deno.writeTextFileSync(path, "");
  else if (entries !== null) buildMaildir(path, entries);
  const client = new Client();
  const cache = cacheFor({});
  let fd3: string | null = null;
  // cwd of the recorded program was /home/joe.
  const argument = c.args[c.args.length - 1] ?? "missing";
  const maildir = root + (argument.startsWith("/") ? argument : `/home/joe/${argument}`);
  const empty = { path: "", listing: { messages: [], uniqueIds: [], octets: 0 } };
  const isPop3d = c.program === "qmail-pop3d" || c.checkpassword?.mode === "exec:";
  const engine = createPop3Engine(
    {
      config: { ...CONFIG, apop: true, host: c.program === "qmail-popup" ? c.args[0] ?? "" : "h" },
      auth: {
        checkPassword(login, password) {
          fd3 = `${login}\0${password}\0`;
          return Promise.resolve(answerOf(c.checkpassword!.mode));
        },
      },
      // APOP's digest goes to checkpassword as well.
      checkResponse(login, response) {
        fd3 = `${login}\0${response}\0`;
        return Promise.resolve(answerOf(c.checkpassword!.mode));
      },
      openMaildrop: (_, session) =>
        isPop3d
          ? cache.open(c.program === "qmail-popup" ? path : maildir, session)
          : empty as unknown as Maildrop,
      tracer: NO_TRACE,
      clock: Date.now,
      ...(c.program === "qmail-pop3d" ? { account: JOE } : {}),
    },
    PEER,
    client,
  );
  await engine.start();
  for (const line of c.stdin.split(/(?<=\n)/)) {
    await say(engine, line);
    if (!isPop3d && fd3 !== null && answerOf(c.checkpassword!.mode).kind === "ok") {
      // Here qmail-popup is replaced by its child: the reply to PASS is the child's.
      const output = client.output;
      return {
        stdout: output.slice(0, output.lastIndexOf("+OK")),
        fd3,
        after: null,
      };
    }
  }
  await engine.end("eof");
  const after = Array.isArray(entries) ? await treeAfter(path) : null;
  return { stdout: client.output, fd3, after };
}

/** Both sides of a case in one comparable form each. */
async function compareCase(
  c: Case,
  entries: readonly Entry[] | null | "file",
  root: string,
): Promise<{ ours: unknown; theirs: unknown }> {
  const found = await runCase(c, entries, root);
  const isPopup = c.program === "qmail-popup" && c.checkpassword?.mode !== "exec:";
  // The extra blank line of qmail-pop3d stands before the final dot.
  const stdout = c.expect.stdout.replaceAll("\r\n\r\n.\r\n", "\r\n.\r\n");
  const theirs = {
    replies: replyShapes(stdout, c.stdin, isPopup),
    fd3: c.expect.fd3?.replace(/<@PID@.*$/s, "") ?? null,
    after: c.expect.maildir_after === undefined ? null : expectedAfter(c.expect.maildir_after),
  };
  const ours = {
    replies: replyShapes(found.stdout, c.stdin, isPopup),
    fd3: c.program === "qmail-popup" ? found.fd3 : null,
    after: theirs.after === null ? null : found.after,
  };
  return { ours, theirs };
}

const isThere = (() => {
  try {
    return Deno.statSync(TRUTH).isDirectory;
  } catch {
    console.log("pop3 truth: ../shared/qmail-truth is not here, its cases are skipped");
    return false;
  }
})();
const isRoot = Deno.uid() === 0;
/** Maildirs whose cases depend on permissions that do not hold for root. */
const NOT_AS_ROOT = ["rodirs", "rocur", "unscannable"];
const differing = new Map(
  Object.entries(POP3_DIFFERS).flatMap(([why, ids]) => ids.map((id) => [id, why] as const)),
);

if (isThere) {
  const dirs = new Map(
    readLines<{ maildir: string; entries: Entry[] | null | "file" }>("maildirs.jsonl")
      .map((m) => [m.maildir, m.entries]),
  );
  for (const c of readLines<Case>("cases.jsonl")) {
    const why = differing.get(c.id);
    Deno.test({
      name: `createPop3Engine: ${c.id} ${c.name} ${why === undefined ? "as qmail" : `not: ${why}`}`,
      ignore: c.uid === 1002 || (isRoot && NOT_AS_ROOT.includes(c.maildir ?? "")),
      fn: () =>
        withFolder(async (root) => {
          const { ours, theirs } = await compareCase(c, dirs.get(c.maildir ?? "") ?? null, root);
          if (why === undefined) assertEquals(ours, theirs);
          else assertNotEquals(JSON.stringify(ours), JSON.stringify(theirs));
        }),
    });
  }
}
