/**
 * serve started as root: it gives root away, and what needs another identity goes through the keeper. Homes are closed,
 * users/poppasswd.cdb is root's alone, the two users have different uids.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { openKeeperAuth, openKeeperDrops, Proofs } from "../../keeper/client.ts";
import { bytesOf } from "../../keeper/frames.ts";
import { offerLine } from "../../keeper/line.ts";
import { startKeeper } from "../../keeper/start.ts";
import { closeDescriptor } from "../../net/hand_over.ts";
import { pollCalls } from "../../net/poll_calls.ts";
import { parseThreadStatus } from "../../net/privileges.ts";
import { MaildropError } from "../../pop3/maildrop.ts";
import { NO_TRACE } from "../../trace/tracer.ts";
import { JOE, makeClosedSite, NOBODY } from "./closed_site.ts";
import { type Front, qfrontCommand, removeSite, runQfront, startFront } from "./front.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
pollCalls();

const ignore = Deno.uid() !== 0;
if (ignore) console.log("keeper_test: skipped, it needs root");

const RUN_AS = ["--set", `run_as=${NOBODY}:${NOBODY}`];

async function withSite(work: (root: string) => Promise<void>): Promise<void> {
  const root = await makeClosedSite();
  try {
    await work(root);
  } finally {
    await removeSite(root);
  }
}

function withFront(args: string[], work: (front: Front) => Promise<void>): Promise<void> {
  return withSite(async (root) => {
    const front = await startFront(root, [...RUN_AS, ...args]);
    let isOver = false;
    void front.ended.then(() => isOver = true);
    try {
      await work(front);
    } finally {
      if (!isOver) await front.stop();
    }
  });
}

/** A conversation line by line. */
async function connect(port: number) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const reader = conn.readable.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  return {
    async say(text: string) {
      const bytes = new TextEncoder().encode(text);
      for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
    },
    /** The next line, or "" at the end. */
    async line(): Promise<string> {
      for (;;) {
        const end = heard.indexOf("\r\n");
        if (end >= 0) {
          const line = heard.slice(0, end);
          heard = heard.slice(end + 2);
          return line;
        }
        const { value, done } = await reader.read();
        if (done) return "";
        heard += value;
      }
    },
    async rest(): Promise<string> {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return heard;
        heard += value;
      }
    },
    /** Whatever the other side has done. */
    close: () => reader.cancel().catch(() => undefined),
  };
}

/** Says everything at once and hears all that is answered. */
async function dialogue(port: number, lines: readonly string[]): Promise<string> {
  const talk = await connect(port);
  await talk.say(lines.map((l) => `${l}\r\n`).join(""));
  return await talk.rest();
}

const mailTo = (recipient: string, body = "It works.") => [
  "HELO client.example.com",
  "MAIL FROM:<you@example.com>",
  `RCPT TO:<${recipient}>`,
  "DATA",
  `Subject: hello\r\n\r\n${body}\r\n.`,
  "QUIT",
];

const login = (name: string, password: string, ...commands: string[]) => [
  `USER ${name}`,
  `PASS ${password}`,
  ...commands,
  "QUIT",
];

/** Processes whose parent is `pid`. */
function childrenOf(pid: number): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid) {
        found.push(Number(name));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

/** What a process of the front's user sees of `path`. */
function asFront(command: string): { success: boolean; text: string } {
  const { success, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-c", command],
    uid: NOBODY,
    gid: NOBODY,
    clearEnv: true,
    cwd: "/",
  }).outputSync();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { success, text };
}

const filesOf = (root: string, user: string, part: string) =>
  [...Deno.readDirSync(`${root}/home/${user}/Maildir/${part}`)].map((e) =>
    `${root}/home/${user}/Maildir/${part}/${e.name}`
  );

for (const workers of [1, 2]) {
  Deno.test({
    name:
      `serve as root, ${workers} workers: no thread keeps an id, a group or a capability of root`,
    ignore,
    fn: () =>
      withFront(["--set", `workers=${workers}`], async (front) => {
        // All threads of the pool are there once something was done.
        await dialogue(front.smtpPort, mailTo("joe@example.org"));
        let threads = 0;
        for (const { name } of Deno.readDirSync(`/proc/${front.pid}/task`)) {
          const path = `/proc/${front.pid}/task/${name}/status`;
          const ids = parseThreadStatus(Deno.readTextFileSync(path));
          const four = [NOBODY, NOBODY, NOBODY, NOBODY];
          assertEquals([ids.uids, ids.gids, ids.groups, ids.capabilities], [four, four, [], 0n]);
          threads++;
        }
        assert(threads > workers);
        assertEquals(childrenOf(front.pid).length, workers);
      }),
  });
}

Deno.test({
  name: "serve as root: mail reaches a closed home and belongs to its owner; strangers are 550",
  ignore,
  fn: () =>
    withFront([], async (front) => {
      const said = await dialogue(front.smtpPort, mailTo("joe@example.org", "x".repeat(70_000)));
      assertMatch(said, /\r\n354 [^\r]+\r\n250 /);
      const files = filesOf(front.root, "joe", "new");
      assertEquals(files.length, 1);
      const { uid, gid, mode, size } = Deno.statSync(files[0]!);
      assertEquals([uid, gid, (mode ?? 0) & 0o7777], [JOE, JOE, 0o600]);
      assert(size > 70_000);
      assertEquals(filesOf(front.root, "joe", "tmp"), []);
      const other = await dialogue(front.smtpPort, mailTo("angela@example.org"));
      assertMatch(other, /\r\n550 5\.1\.1 /);
      // What the keeper did stands in the one trace, which is the front's.
      const trace = Deno.statSync(`${front.root}/var/log/qfront/trace`);
      assertEquals(trace.uid, NOBODY);
      assertStringIncludes(front.trace(), `delivered [${files[0]}]`);
      assertStringIncludes(front.trace(), "keeps root, this one runs as 65534:65534");
    }),
});

Deno.test({
  name: "serve as root: long messages that come at the same time arrive as they are",
  ignore,
  fn: () =>
    withFront([], async (front) => {
      const letters = ["a", "b", "c", "d"];
      const bodies = letters.map((letter) => `${letter.repeat(98)}\r\n`.repeat(10_000).trimEnd());
      const said = await Promise.all(
        bodies.map((body) => dialogue(front.smtpPort, mailTo("joe@example.org", body))),
      );
      for (const text of said) assertMatch(text, /\r\n354 [^\r]+\r\n250 /);
      const files = filesOf(front.root, "joe", "new");
      const came = files.map((file) => {
        const text = Deno.readTextFileSync(file);
        return text.slice(text.indexOf("\n\n") + 2).trimEnd();
      });
      const sent = bodies.map((body) => body.replaceAll("\r\n", "\n"));
      assert(came.every((text) => sent.includes(text)));
      assertEquals(new Set(came).size, letters.length);
      for (const file of files) {
        const { uid, mode } = Deno.statSync(file);
        assertEquals([uid, (mode ?? 0) & 0o7777], [JOE, 0o600]);
      }
      assertEquals(filesOf(front.root, "joe", "tmp"), []);
    }),
});

Deno.test({
  name: "serve as root: POP3 reads and deletes as the owner; root's own mail is nobody's",
  ignore,
  fn: () =>
    withFront([], async (front) => {
      for (const body of ["one", "two"]) {
        await dialogue(front.smtpPort, mailTo("joe@example.org", body));
      }
      const said = await dialogue(
        front.pop3Port,
        login("joe@example.org", "sesame", "STAT", "UIDL", "RETR 1", "DELE 1"),
      );
      assertMatch(said, /\r\n\+OK 2 \d+\r\n/);
      assertMatch(said, /\r\none\r\n\.\r\n/);
      assertEquals(filesOf(front.root, "joe", "new"), []);
      const left = filesOf(front.root, "joe", "cur");
      assertEquals(left.length, 1);
      assertEquals(Deno.statSync(left[0]!).uid, JOE);
      const wrong = await dialogue(front.pop3Port, ["USER joe@example.org", "PASS wrong", "QUIT"]);
      assertMatch(wrong, /\r\n-ERR \[AUTH\] /);
      const roots = await dialogue(front.pop3Port, login("toor@example.org", "sesame"));
      assertMatch(roots, /\r\n-ERR \[SYS\/PERM\] /);
    }),
});

Deno.test({
  name: "serve as root: a Maildir closed to its owner is 451, though root could write it",
  ignore,
  fn: () =>
    withFront([], async (front) => {
      const tmp = `${front.root}/home/jane/Maildir/tmp`;
      Deno.chmodSync(tmp, 0o500);
      const said = await dialogue(front.smtpPort, mailTo("jane@example.org"));
      assertMatch(said, /\r\n451 /);
      assertEquals(filesOf(front.root, "jane", "new"), []);
      // A Maildir of somebody else below her home is not hers to fill.
      Deno.chmodSync(tmp, 0o700);
      Deno.chownSync(tmp, JOE, JOE);
      assertMatch(await dialogue(front.smtpPort, mailTo("jane@example.org")), /\r\n451 /);
      assertEquals(filesOf(front.root, "jane", "new"), []);
    }),
});

/** A keeper of its own, with a hostile front: this test. */
async function withKeeper(
  work: (root: string, keeper: Awaited<ReturnType<typeof startKeeper>>) => Promise<void>,
): Promise<void> {
  const root = await makeClosedSite();
  try {
    const keeper = await startKeeper([...qfrontCommand(), "keeper", "--root", root], NO_TRACE);
    try {
      await work(root, keeper);
    } finally {
      await keeper.close();
    }
  } finally {
    await removeSite(root);
  }
}

Deno.test({
  name: "a session process that is fully taken over can read no home and no password",
  ignore,
  fn: () =>
    withKeeper(async (root, { connection }) => {
      Deno.writeTextFileSync(`${root}/home/joe/Maildir/new/1.2.host`, "secret\n", { mode: 0o644 });
      // By itself: what the user sees.
      assertEquals(asFront(`cat ${root}/etc/passwd`).success, true);
      for (
        const path of [
          `${root}/home/joe`,
          `${root}/home/joe/Maildir/new/1.2.host`,
          `${root}/var/qmail/users/poppasswd.cdb`,
          "/etc/shadow",
        ]
      ) {
        const { success, text } = asFront(`cat ${path} || ls ${path}/`);
        assertEquals(success, false, path);
        assert(!text.includes("secret"));
      }
      // With the keeper at hand: only a right password opens a maildrop.
      const ask = connection.ask.bind(connection);
      const wrong = await ask("login", "login", { login: "joe@example.org", password: "x" });
      assertEquals(wrong.text("kind"), "refused");
      for (const token of ["", "0".repeat(64), "joe@example.org", `${root}/home/joe`]) {
        await assertRejects(
          () => ask("drop", "drop.open", { token, session: 1 }),
          Error,
          "no such",
        );
      }
      const right = { login: "jane@example.org", password: "open-sesame" };
      const token = (await ask("login", "login", right)).text("token");
      // Whatever else is named, it is her maildrop that opens, and once.
      const more = { path: `${root}/home/joe/Maildir`, uid: 0, account: { home: "/home/joe" } };
      const opened = await ask("drop", "drop.open", { token, session: 1, ...more });
      assertEquals(opened.text("path"), `${root}/home/jane/Maildir`);
      await assertRejects(() => ask("drop", "drop.open", { token, session: 1 }), Error, "no such");
    }),
});

Deno.test({
  name: "the keeper opens nobody's maildrop as root, whoever has the password",
  ignore,
  fn: () =>
    withKeeper(async (_, { connection }) => {
      const proofs = new Proofs(connection);
      const answer = await openKeeperAuth(connection, proofs).checkPassword(
        "toor@example.org",
        "sesame",
      );
      assert(answer.kind === "ok");
      const open = openKeeperDrops(connection, proofs, 10);
      const error = await assertRejects(() => open(answer.account, 1), MaildropError, "root");
      assertEquals(error.kind, "permanent");
    }),
});

Deno.test({
  name: "a long message's file is handed out to be written only, and has the length that was said",
  ignore,
  fn: () =>
    withKeeper(async (root, { connection, files }) => {
      assert(files !== null);
      const ask = connection.ask.bind(connection);
      const text = bytesOf("Subject: long\n\n");
      for (const [mail, said] of [[1, text.length], [2, text.length + 1]] as const) {
        const envelope = bytesOf('["you@example.com","joe@example.org"]');
        await ask("mail", "mail.open", { mail, session: 1, last: true }, envelope);
        const path = (await ask("mail", "mail.file", { mail })).text("path");
        const fd = files.take(mail);
        assert(fd !== null);
        assertEquals(Deno.readLinkSync(`/proc/self/fd/${fd}`), path);
        assert(path.startsWith(`${root}/home/joe/Maildir/tmp/`));
        assertEquals([Deno.statSync(path).uid, Deno.statSync(path).size > 0], [JOE, true]);
        const flags = /^flags:\s*0(\d+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`));
        // O_WRONLY and O_APPEND: not even the lines that the keeper wrote can be read or changed.
        assertEquals(parseInt(flags?.[1] ?? "", 8) & 0o2003, 0o2001);
        pollCalls()?.write(fd, text, text.length);
        closeDescriptor(fd);
        const answer = await ask("mail", "mail.handed", { mail, bytes: said, lines: 2 });
        assertEquals(answer.text("kind"), said === text.length ? "queued" : "deferred");
      }
      assertEquals(filesOf(root, "joe", "new").length, 1);
      assertEquals(filesOf(root, "joe", "tmp"), []);
    }),
});

/** A keeper that is told `bytes` and then nothing any more. */
async function runOnLine(root: string, bytes: Uint8Array<ArrayBuffer>) {
  const offer = offerLine();
  const [program = "", ...args] = qfrontCommand();
  const child = new Deno.Command(program, {
    args: [...args, "keeper", "--root", root, `--line=${offer.path}`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const line = await offer.take(new Promise<never>(() => {}));
  await line.write(bytes);
  await line.end();
  const { code, stderr } = await child.output();
  line.close();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test({
  name: "keeper: garbage and frames too large end it with one line",
  ignore,
  fn: () =>
    withSite(async (root) => {
      for (
        const bytes of [bytesOf("EHLO x\r\nEHLO x\r\n"), Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0)]
      ) {
        const { code, stderr } = await runOnLine(root, bytes);
        assertEquals(code, 1);
        assertMatch(
          stderr,
          /^qfront: The keeper ends, because it was asked what no front asks: .+\n$/,
        );
      }
      assertEquals(await runOnLine(root, new Uint8Array(0)), { code: 0, stderr: "" });
    }),
});

Deno.test({
  name: "serve as root: a front that is killed takes its keeper with it",
  ignore,
  fn: () =>
    withFront([], async (front) => {
      const [keeper] = childrenOf(front.pid);
      assert(keeper !== undefined);
      const talk = await connect(front.smtpPort);
      await talk.say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n");
      for (let line = ""; !line.startsWith("354"); line = await talk.line());
      await talk.say(`Subject: x\r\n\r\n${"y".repeat(200_000)}\r\n`);
      front.signal("SIGKILL");
      // Standard error ends when both of them have ended.
      const { stderr } = await front.ended;
      assertEquals(stderr, "");
      assertEquals(filesOf(front.root, "joe", "new"), []);
      await talk.close();
    }),
});

for (const workers of [1, 2]) {
  Deno.test({
    name:
      `serve as root, ${workers} workers: without its keeper it finishes what is in hand and ends`,
    ignore,
    fn: () =>
      withFront(["--set", `workers=${workers}`], async (front) => {
        const inHand = await connect(front.smtpPort);
        await inHand.say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n");
        for (let line = ""; !line.startsWith("354"); line = await inHand.line());
        const idle = await connect(front.smtpPort);
        assertMatch(await idle.line(), /^220 /);
        for (const keeper of childrenOf(front.pid)) Deno.kill(keeper, "SIGKILL");
        assertMatch(await idle.rest(), /^421 /);
        await inHand.say("Subject: x\r\n\r\ny\r\n.\r\n");
        assertMatch(await inHand.line(), /^451 4\.3\.0 /);
        await inHand.rest();
        const { code, stderr } = await front.ended;
        assertEquals(code, 1);
        assertStringIncludes(stderr, "qfront: The keeper, which held root, is gone");
        assert(stderr.trim().split("\n").length <= workers);
        assertEquals(filesOf(front.root, "joe", "new"), []);
      }),
  });
}

Deno.test({
  name: "serve as root: an unknown user, root itself, or who owns the site is exit code 78",
  ignore,
  fn: () =>
    withSite(async (root) => {
      const passwd = `${root}/etc/passwd`;
      Deno.writeTextFileSync(passwd, Deno.readTextFileSync(passwd).replace(/^qmaild:.*\n/m, ""));
      const listen = ["--root", root, "--smtp", "127.0.0.1:0", "--pop3", "127.0.0.1:0"];
      for (
        const [run_as, sentence] of [
          [
            "root",
            'qfront: Setting run_as: "root" is 0:0, and the network is never served as root\n',
          ],
          [
            "0:1",
            'qfront: Setting run_as: "0:1" is 0:1, and the network is never served as root\n',
          ],
          ["no-such", 'qfront: Setting run_as: there is no user "no-such" (a name, or UID:GID)\n'],
        ]
      ) {
        const ended = await runQfront(["serve", ...listen, "--set", `run_as=${run_as}`]);
        assertEquals([ended.code, ended.stderr, ended.stdout], [78, sentence, ""]);
      }
      const users = `${root}/var/qmail/users`;
      Deno.chownSync(users, JOE, JOE);
      const trusting = await runQfront(["serve", ...listen, "--set", `run_as=${JOE}:${JOE}`]);
      assertEquals(trusting.code, 78);
      assertStringIncludes(trusting.stderr, `qfront: "${users}" can be changed by ${JOE}:${JOE}`);
    }),
});

Deno.test({
  name: "serve as root: without a user qmaild it becomes nobody, aloud, and still writes its trace",
  ignore,
  fn: () =>
    withSite(async (root) => {
      const passwd = `${root}/etc/passwd`;
      Deno.writeTextFileSync(passwd, Deno.readTextFileSync(passwd).replace(/^qmaild:.*\n/m, ""));
      Deno.chownSync(`${root}/var/log/qfront`, 0, 0);
      const front = await startFront(root, []);
      const status = Deno.readTextFileSync(`/proc/${front.pid}/status`);
      assertEquals(parseThreadStatus(status).uids, [NOBODY, NOBODY, NOBODY, NOBODY]);
      const { code, stderr } = await front.stop();
      assertEquals(code, 0);
      assertMatch(
        stderr,
        /^qfront: serve was started as root and there is no user "qmaild"[^\n]+\n$/,
      );
      const trace = Deno.statSync(`${root}/var/log/qfront/trace`);
      assertEquals([trace.uid, (trace.mode ?? 0) & 0o777], [NOBODY, 0o640]);
      assert(trace.size > 0);
    }),
});

Deno.test({
  name:
    "serve as root: a site that only root can reach is a trial on this machine, or a clear refusal",
  ignore,
  fn: () =>
    withSite(async (root) => {
      const above = root.slice(0, root.lastIndexOf("/"));
      Deno.chmodSync(above, 0o700);
      const named = await runQfront(["serve", "--root", root, ...RUN_AS, "--smtp", "127.0.0.1:0"]);
      assertEquals([named.code, named.stdout], [78, ""]);
      assertMatch(
        named.stderr,
        /^qfront: "[^"]+", on the way to the site, is closed to others, so /,
      );
      const open = await runQfront(["serve", "--root", root, "--smtp", ":0", "--pop3", "off"]);
      assertEquals([open.code, open.stdout], [78, ""]);
      assertMatch(open.stderr, /root serves nobody beyond this machine: chmod o\+x it/);
      const front = await startFront(root, []);
      const client = await connect(front.smtpPort);
      for (const line of ["HELO x", "MAIL FROM:<a@example.com>", "RCPT TO:<joe@example.org>"]) {
        await client.say(`${line}\r\n`);
      }
      await client.say("DATA\r\n");
      const heard = [];
      for (let i = 0; i < 5; i++) heard.push((await client.line()).slice(0, 3));
      assertEquals(heard, ["220", "250", "250", "250", "354"]);
      await client.say("Subject: t\r\n\r\nt\r\n.\r\nQUIT\r\n");
      assertMatch(await client.line(), /^250 /);
      await client.line();
      await client.line();
      const { code, stderr } = await front.stop();
      assertEquals(code, 0);
      assertMatch(
        stderr,
        /^qfront: "[^"]+", on the way to the site, is closed to others: root is kept/,
      );
      assertEquals(filesOf(root, "joe", "new").length, 1);
    }),
});
