/** One session on standard input, started as root: whose rights it has, and that closed homes are served all the same. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseThreadStatus } from "../../net/privileges.ts";
import { JOE, makeClosedSite, NOBODY } from "./closed_site.ts";
import { qfrontCommand, removeSite, runQfront } from "./front.ts";
import { Client, onSocket } from "./tls_kit.ts";

const ignore = Deno.uid() !== 0;
if (ignore) console.log("stdin_root_test: skipped, it needs root");

async function withSite(work: (root: string) => Promise<void>): Promise<void> {
  const root = await makeClosedSite();
  try {
    await work(root);
  } finally {
    await removeSite(root);
  }
}

/** A mail in joe's closed Maildir. */
function putMail(root: string, name: string, text: string): void {
  const path = `${root}/home/joe/Maildir/new/${name}`;
  Deno.writeTextFileSync(path, text, { mode: 0o600 });
  Deno.chownSync(path, JOE, JOE);
}

const login = (name: string, ...commands: string[]) =>
  [`USER ${name}`, "PASS sesame", ...commands, "QUIT", ""].join("\r\n");

/** The ids of all threads of a process. */
function requireIds(pid: number, id: number): void {
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const ids = parseThreadStatus(Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`));
    const four = [id, id, id, id];
    assertEquals([ids.uids, ids.gids, ids.groups, ids.capabilities], [four, four, [], 0n]);
  }
}

Deno.test({
  name: "pop3 on standard input as root: a closed home is read and changed as its owner",
  ignore,
  fn: () =>
    withSite(async (root) => {
      putMail(root, "1.a.host", "Subject: one\n\nbody\n");
      putMail(root, "2.a.host", "Subject: two\n\nbody\n");
      const { code, stdout, stderr } = await runQfront(
        ["pop3", "--root", root],
        login("joe@example.org", "STAT", "RETR 1", "DELE 1"),
      );
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, "\r\n+OK 2 ");
      assertStringIncludes(stdout, "\r\nSubject: one\r\n\r\nbody\r\n.\r\n");
      const left = [...Deno.readDirSync(`${root}/home/joe/Maildir/cur`)];
      assertEquals(left.map(({ name }) => name.slice(0, 8)), ["2.a.host"]);
    }),
});

Deno.test({
  name:
    "pop3 on standard input as root: behind the login no thread is root's, and no link leads where the owner can't go",
  ignore,
  fn: () =>
    withSite(async (root) => {
      Deno.writeTextFileSync(`${root}/secret`, "Subject: secret\n\nroot's\n", { mode: 0o600 });
      putMail(root, "1.a.host", "Subject: one\n\nbody\n");
      Deno.symlinkSync(`${root}/secret`, `${root}/home/joe/Maildir/new/2.a.host`);
      const [program = "", ...before] = qfrontCommand();
      const child = new Deno.Command(program, {
        args: [...before, "pop3", "--root", root],
        stdin: "piped",
        stdout: "piped",
        env: { NO_COLOR: "1" },
      }).spawn();
      const writer = child.stdin.getWriter();
      const say = (text: string) => writer.write(new TextEncoder().encode(text));
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let heard = "";
      const until = async (words: string) => {
        while (!heard.includes(words)) {
          const { value, done } = await reader.read();
          assert(!done, heard);
          heard += value;
        }
      };
      await say("USER joe@example.org\r\nPASS sesame\r\n");
      await until("maildrop is open");
      requireIds(child.pid, JOE);
      await say("RETR 2\r\nRETR 1\r\n");
      await until("\r\nbody\r\n.\r\n");
      assertEquals(heard.includes("root's"), false);
      await say("QUIT\r\n");
      await until("bye");
      await writer.close();
      await reader.cancel();
      assertEquals((await child.status).code, 0);
    }),
});

Deno.test({
  name: "pop3 on standard input as root: root's own mail is nobody's",
  ignore,
  fn: () =>
    withSite(async (root) => {
      putMail(root, "1.a.host", "Subject: one\n\nbody\n");
      const { stdout } = await runQfront(["pop3", "--root", root], login("toor@example.org"));
      assertMatch(stdout, /\r\n-ERR \[SYS\/PERM\] [^\r]*\r\n$/);
      const left = [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)];
      assertEquals(left.map(({ name }) => name), ["1.a.host"]);
    }),
});

Deno.test({
  name: "smtp on a socket as root: root is given away, a keeper delivers to a closed home",
  ignore,
  fn: () =>
    withSite(async (root) => {
      const { conn, pid, ended } = await onSocket("smtp", root);
      const client = new Client(conn);
      assertMatch((await client.smtp(null))[0]!, /^220 /);
      requireIds(pid, NOBODY);
      await client.smtp("HELO c");
      await client.smtp("MAIL FROM:<you@example.com>");
      assertMatch((await client.smtp("RCPT TO:<joe@example.org>"))[0]!, /^250 /);
      await client.smtp("DATA");
      assertMatch((await client.smtp("Subject: x\r\n\r\nx\r\n."))[0]!, /^250 /);
      await client.smtp("QUIT");
      client.close();
      assertEquals(await ended(), { code: 0, stderr: "" });
      const [file] = [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)];
      assertEquals(Deno.statSync(`${root}/home/joe/Maildir/new/${file?.name}`).uid, JOE);
      assertEquals(Deno.statSync(`${root}/var/log/qfront/trace`).uid, NOBODY);
    }),
});

Deno.test({
  name:
    "smtp on a pipe as root: a transcript is played as who he is, and what it delivers is its owner's",
  ignore,
  fn: () =>
    withSite(async (root) => {
      const mail = ["HELO c", "MAIL FROM:<you@example.com>", "RCPT TO:<joe@example.org>", "DATA"];
      const dialogue = [...mail, "Subject: x", "", "x", ".", "QUIT", ""].join("\r\n");
      const { code, stderr } = await runQfront(["smtp", "--root", root], dialogue);
      assertEquals([code, stderr], [0, ""]);
      const [file] = [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)];
      assertEquals(Deno.statSync(`${root}/home/joe/Maildir/new/${file?.name}`).uid, JOE);
    }),
});

Deno.test({
  name: "smtp on standard input as root: a new trace file is the owner's of its directory",
  ignore,
  async fn() {
    await withSite(async (root) => {
      const directory = `${root}/var/log/qfront`;
      Deno.mkdirSync(directory, { recursive: true });
      Deno.chownSync(directory, NOBODY, NOBODY);
      const set = ["--set", "trace_file=/var/log/qfront/new", "--set", "trace_level=2"];
      await runQfront(["smtp", "--root", root, ...set], "QUIT\r\n");
      const { uid, gid, size } = Deno.statSync(`${directory}/new`);
      assertEquals([uid, gid], [NOBODY, NOBODY]);
      assert(size > 0);
      Deno.symlinkSync(`${root}/elsewhere`, `${directory}/link`);
      const link = ["--set", "trace_file=/var/log/qfront/link", "--set", "trace_level=2"];
      await runQfront(["smtp", "--root", root, ...link], "QUIT\r\n");
      assertEquals(Deno.statSync(`${root}/elsewhere`).uid, 0);
    });
  },
});
