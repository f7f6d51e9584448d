/** End to end on standard input: one session of a transcript, and the command line's own answers. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeSite, removeSite, runQfront } from "./front.ts";

async function withSite(work: (root: string) => Promise<void>): Promise<void> {
  const root = await makeSite();
  try {
    await work(root);
  } finally {
    await removeSite(root);
  }
}

const COMMANDS = [
  "serve",
  "smtp",
  "pop3",
  "qmtp",
  "qmqp",
  "lookup",
  "poppasswd",
  "newpop",
  "help",
];

const TRANSCRIPT = Deno.readTextFileSync(new URL("../../config/smtp.txt", import.meta.url));

Deno.test("stdin: the shipped transcript is refused at its recipient", async () => {
  await withSite(async (root) => {
    const { stdout, stderr } = await runQfront(["--root", root], TRANSCRIPT);
    assertMatch(
      stdout,
      /^220 mail\.example\.org ESMTP\r\n250 [^\r]*\r\n250 [^\r]*\r\n550 5\.1\.1 [^\r]*\r\n421 4\.7\.0 [^\r]*\r\n$/,
    );
    assertEquals(stderr, "");
    const trace = Deno.readTextFileSync(`${root}/var/log/qfront/trace`);
    assertStringIncludes(trace, "smtp_rcpt: invalid rcpt user, terminating connection");
  });
});

Deno.test("stdin: a transcript with bare LF delivers a mail", async () => {
  await withSite(async (root) => {
    const { code, stdout } = await runQfront(
      ["smtp", "--root", root],
      "HELO x\nMAIL FROM:<a@example.com>\nRCPT TO:<joe@example.org>\nDATA\nSubject: t\n\nbody\n.\nQUIT\n",
    );
    assertEquals(code, 0);
    assertMatch(stdout, /\r\n354 [^\r]*\r\n250 [^\r]*\r\n221 [^\r]*\r\n$/);
    const files = [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)];
    assertEquals(files.length, 1);
    const text = Deno.readTextFileSync(`${root}/home/joe/Maildir/new/${files[0]?.name}`);
    assertMatch(text, /^Return-Path: <a@example\.com>\nDelivered-To: joe@example\.org\nReceived: /);
    assertMatch(text, /\nSubject: t\n\nbody\n$/);
  });
});

Deno.test("stdin: TCPREMOTEIP of tcpserver is the client in the trace", async () => {
  await withSite(async (root) => {
    await runQfront(["smtp", "--root", root], "QUIT\r\n", { TCPREMOTEIP: "192.0.2.7" });
    const trace = Deno.readTextFileSync(`${root}/var/log/qfront/trace`);
    assertStringIncludes(trace, "setup: remoteip: 192.0.2.7");
  });
});

Deno.test("stdin: pop3 reads a maildrop in one session", async () => {
  await withSite(async (root) => {
    Deno.writeTextFileSync(`${root}/home/joe/Maildir/new/1.a.host`, "Subject: one\n\nbody\n");
    const { stdout } = await runQfront(
      ["pop3", "--root", root],
      "USER joe@example.org\r\nPASS sesame\r\nSTAT\r\nRETR 1\r\nQUIT\r\n",
    );
    assertStringIncludes(stdout, "Subject: one\r\n\r\nbody\r\n.\r\n");
  });
});

const ns = (text: string): string => `${text.length}:${text},`;

Deno.test("stdin: qmtp answers each recipient of each package and delivers", async () => {
  await withSite(async (root) => {
    const message = ns("\nSubject: one\n\nbody\n");
    const recipients = ns(ns("joe@example.org") + ns("joe@elsewhere.example"));
    const { code, stdout } = await runQfront(
      ["qmtp", "--root", root],
      message + ns("a@b.example") + recipients,
      { TCPREMOTEIP: "192.0.2.7" },
    );
    assertEquals(code, 0);
    assertMatch(stdout, /^\d+:Kok \d+ \S+,\d+:Dsorry, [^:]* \(#5\.7\.1\),$/);
    const [file] = [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)];
    const text = Deno.readTextFileSync(`${root}/home/joe/Maildir/new/${file?.name}`);
    assertMatch(text, /\nReceived: from unknown \(192\.0\.2\.7\)\n {2}by \S+ with QMTP; /);
  });
});

Deno.test("stdin: qmqp gives its one answer to the one request", async () => {
  await withSite(async (root) => {
    const request = ns(ns("Subject: one\n\nbody\n") + ns("") + ns("joe@example.org"));
    const { code, stdout } = await runQfront(["qmqp", "--root", root], request);
    assertEquals(code, 0);
    assertMatch(stdout, /^\d+:Kok \d+ [^:]*,$/);
    assertEquals([...Deno.readDirSync(`${root}/home/joe/Maildir/new`)].length, 1);
  });
});

Deno.test("stdin: where control/me can't be read each client is told to come again", async () => {
  await withSite(async (root) => {
    Deno.removeSync(`${root}/var/qmail/control/me`);
    Deno.mkdirSync(`${root}/var/qmail/control/me`);
    const smtp = await runQfront(["smtp", "--root", root], "QUIT\r\n");
    assertMatch(smtp.stdout, /^421 4\.3\.0 [^\r]*\r\n$/);
    const pop3 = await runQfront(["pop3", "--root", root], "QUIT\r\n");
    assertMatch(pop3.stdout, /^-ERR \[SYS\/TEMP\] [^\r]*\r\n$/);
  });
});

Deno.test("command line: a wrong argument is one sentence and exit code 64", async () => {
  for (const args of [["frobnicate"], ["lookup", "--frobnicate"], ["serve", "--set", "nosuch=1"]]) {
    const { code, stderr, stdout } = await runQfront(args);
    assertEquals(code, 64, args.join(" "));
    assertEquals(stderr.trimEnd().split("\n").length, 1);
    assertEquals(stdout, "");
  }
  const { code, stderr } = await runQfront(["--set", "trace_level=0", "lookup", "joe@example.org"]);
  assertEquals(code, 64);
  assertEquals(stderr, "qfront: The command comes before its options: qfront lookup ...\n");
});

Deno.test("command line: a site that can't be used is one sentence and exit code 78", async () => {
  for (const command of ["smtp", "pop3", "qmtp", "qmqp", "lookup", "serve", "newpop"]) {
    const { code, stderr } = await runQfront([command, "--qmail-dir", "/nonexistent/qmail"]);
    assertEquals(code, 78, command);
    assertMatch(stderr, /^qfront: [^\n]*\/nonexistent\/qmail[^\n]*\n$/);
  }
});

Deno.test("command line: each command's help fits a screen and shows an example", async () => {
  for (const command of COMMANDS) {
    const { code, stdout } = await runQfront([command, "--help"]);
    assertEquals(code, 0, command);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.length <= 24, true, `${command}: ${lines.length} lines`);
    assertEquals(lines.every((l) => l.length <= 80), true, `${command}: a line is too long`);
    assertStringIncludes(stdout, "example:");
  }
});

Deno.test("command line: --version names the release", async () => {
  const { stdout } = await runQfront(["--version"]);
  assertMatch(stdout, /^qfront \d+\.\d+\.\d+\n$/);
});

Deno.test("command line: serve with nothing to serve is exit code 64, without control/me 78", async () => {
  await withSite(async (root) => {
    const nothing = await runQfront(["serve", "--root", root, "--smtp", "off", "--pop3", "off"]);
    assertEquals([nothing.code, nothing.stdout], [64, ""]);
    Deno.removeSync(`${root}/var/qmail/control/me`);
    const nameless = await runQfront(["serve", "--root", root, "--smtp", "127.0.0.1:0"]);
    assertEquals([nameless.code, nameless.stdout], [78, ""]);
    assertStringIncludes(nameless.stderr, "control/me");
  });
});
