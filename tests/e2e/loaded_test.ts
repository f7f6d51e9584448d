/** What serve needs is loaded before it serves: it goes on when the program, or its sources, are gone from the disk. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { answersOf, packageOf } from "../unit/qmtp/kit.ts";
import { type Front, makeSite, removeSite, startFront } from "./front.ts";

const TOP = new URL("../../", import.meta.url).pathname;

/** What does not belong to the program itself. */
const NOT_SOURCES = new Set(["tests", "dist", "docs", "config", "node_modules"]);

function copySources(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (name.startsWith(".") || NOT_SOURCES.has(name)) continue;
    if (isDirectory) copySources(`${from}/${name}`, `${to}/${name}`);
    else if (/\.(ts|json|lock)$/.test(name)) Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

/** A copy of the program in `dir`, compiled or as sources: the command that runs it. */
function copyProgram(dir: string): string[] {
  const binary = Deno.env.get("QFRONT_BINARY");
  if (binary !== undefined) {
    Deno.copyFileSync(binary, `${dir}/qfront`);
    return [`${dir}/qfront`];
  }
  copySources(TOP, dir);
  const lock = [`--lock=${dir}/deno.lock`, "--frozen"];
  return [Deno.execPath(), "run", "-A", "--no-check", ...lock, `${dir}/main.ts`];
}

/** Starts serve from a copy of the program, which is gone when this resolves. */
async function startWithout(root: string, args: readonly string[]): Promise<Front> {
  const dir = await Deno.makeTempDir({ prefix: "qfront-gone-" });
  await Deno.chmod(dir, 0o755);
  try {
    return await startFront(root, args, copyProgram(dir));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Sends everything, and returns all that was answered. */
async function converse(port: number, text: string, closes = false): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(text));
  if (closes) await conn.closeWrite();
  return await new Response(conn.readable).text();
}

const lines = (...words: readonly string[]): string => [...words, ""].join("\r\n");

Deno.test("serve: SMTP with message checks, QMTP and POP3 go on when the program is gone from the disk", async () => {
  const root = await makeSite();
  const front = await startWithout(root, [
    ...["--qmtp", "127.0.0.1:0"],
    ...["--set", "header_limits=on", "--set", "dkim=shadow"],
  ]);
  try {
    const smtp = await converse(
      front.smtpPort,
      lines("EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<joe@example.org>", "DATA") +
        lines("From: a@b.example", "Subject: one", "", "body", ".", "QUIT"),
    );
    assertMatch(smtp, /\r\n250 2\.0\.0 ok [^\r]*\r\n221 /);
    const mail = packageOf("\nSubject: two\n\nbody\n", "a@b.example", ["joe@example.org"]);
    const [answer] = answersOf(await converse(front.port("qmtp"), mail, true));
    assertMatch(answer ?? "", /^K/);
    const login = lines("USER joe@example.org", "PASS sesame", "STAT", "QUIT");
    assertStringIncludes(await converse(front.pop3Port, login), "\r\n+OK 2 ");
  } finally {
    const { code, stderr } = await front.stop();
    await removeSite(root);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
});
