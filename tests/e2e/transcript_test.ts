/** `qfront transcript` as it is typed: against a site, a copy of one, a running service with TLS, and from its trace. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeSite, removeSite, runQfront } from "./front.ts";
import { Client, withTls } from "./tls_kit.ts";

const GOOD = "# Greets.\nS: 220 *\nC: HELO a\nS: 250 *\nC: QUIT\nS: 221 *\nS: <eof>\n";
const GUESS = "S: 220 *\nC: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<nobody@example.org>\nS: 250 *\n";
const MAIL =
  "@file home/joe/Maildir/new/1.x\n| Subject: there\nS: 220 *\nC: HELO a\nC: MAIL FROM:<>\n" +
  "C: RCPT TO:<joe@example.org>\nC: DATA\nS*3: 250 *\nS: 354 *\nC: x\nC: .\nS: 250 2.*\nC: QUIT\n" +
  "S: 221 *\nS: <eof>\n";

async function withSite(work: (root: string, dir: string) => Promise<void>): Promise<void> {
  const root = await makeSite();
  const dir = `${root}/../transcripts`;
  Deno.mkdirSync(dir);
  try {
    await work(root, dir);
  } finally {
    await removeSite(root);
  }
}

const mails = (root: string): string[] =>
  [...Deno.readDirSync(`${root}/home/joe/Maildir/new`)].map((entry) => entry.name);

Deno.test("transcript run: passes, differs, can't be played: 0, 1, 2; the first difference with why", () =>
  withSite(async (root, dir) => {
    Deno.writeTextFileSync(`${dir}/good.txt`, GOOD);
    const run = (...args: string[]) => runQfront(["transcript", "run", "--root", root, ...args]);
    assertEquals(await run(`${dir}/good.txt`), {
      code: 0,
      stdout: "1 passed, 0 failed\n",
      stderr: "",
    });
    Deno.mkdirSync(`${dir}/deeper`);
    Deno.writeTextFileSync(`${dir}/deeper/guess.txt`, GUESS);
    const { code, stdout, stderr } = await run(dir);
    assertEquals([code, stderr], [1, ""]);
    assertStringIncludes(
      stdout,
      `guess.txt:5: the server says something else
      S: 220 mail.example.org ESMTP
      C: MAIL FROM:<>
      S: 250 2.1.0 ok
      C: RCPT TO:<nobody@example.org>
  expected: 250 *
  got:      550 5.1.1 no mailbox here by that name
  hint:     the recipient is not deliverable: qfront lookup nobody@example.org says why
  trace:
`,
    );
    assertMatch(stdout, /lookup: nobody@example\.org no-mailbox, local/);
    assertMatch(stdout, /\n1 passed, 1 failed\n$/);
    Deno.writeTextFileSync(`${dir}/bad.txt`, "S: 220 *\nD: x\n");
    const bad = await run(dir, `${dir}/missing.txt`);
    assertEquals(bad.code, 2);
    assertStringIncludes(bad.stdout, 'bad.txt:2: can\'t be played: "D: x" begins with none of');
    assertStringIncludes(bad.stdout, "missing.txt: can't be played: ");
    assertEquals((await run()).code, 64);
  }));

Deno.test("transcript run: mail is thrown away unless it is asked for; files go into a copy only", () =>
  withSite(async (root, dir) => {
    const withoutFile = MAIL.split("\n").slice(2).join("\n");
    Deno.writeTextFileSync(`${dir}/mail.txt`, withoutFile);
    Deno.writeTextFileSync(`${dir}/file.txt`, MAIL);
    const run = async (name: string, ...args: string[]) => {
      const all = ["transcript", "run", "--root", root, "--set", "queue=maildir", ...args];
      return (await runQfront([...all, `${dir}/${name}`])).stdout;
    };
    assertEquals(await run("mail.txt"), "1 passed, 0 failed\n");
    assertEquals(mails(root), []);
    assertMatch(await run("file.txt"), /skipped: .* \(--copy\)\n0 passed, 0 failed, 1 skipped\n$/);
    assertEquals(await run("file.txt", "--copy", "--deliver"), "1 passed, 0 failed\n");
    assertEquals(mails(root), []);
    assertEquals(await run("mail.txt", "--deliver", "--piece", "1"), "1 passed, 0 failed\n");
    assertEquals(mails(root).length, 1);
  }));

Deno.test("transcript run: TAP and JSON say the same", () =>
  withSite(async (root, dir) => {
    Deno.writeTextFileSync(`${dir}/1#good.txt`, GOOD);
    Deno.writeTextFileSync(`${dir}/2guess.txt`, GUESS);
    const run = (flag: string) => runQfront(["transcript", "run", "--root", root, flag, dir]);
    const tap = await run("--tap");
    assertEquals(tap.code, 1);
    assertMatch(
      tap.stdout,
      /^TAP version 14\n1\.\.2\nok 1 - .*1\\#good\.txt\nnot ok 2 - .*\n {2}---\n/,
    );
    assertMatch(tap.stdout, /\n {2}\.\.\.\n# 1 passed, 1 failed\n$/);
    const json = JSON.parse((await run("--json")).stdout);
    assertEquals(json.summary, "1 passed, 1 failed");
    assertEquals(json.transcripts[0].kind, "passed");
    const { kind, line, expected, got } = json.transcripts[1];
    assertEquals([kind, line, expected], ["differs", 5, "250 *"]);
    assertMatch(got, /^550 5\.1\.1 /);
  }));

const STARTTLS = "S: 220 *\nC: EHLO a\nS: ...\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 *\nC: <tls>\n" +
  "C: EHLO b\nS: ...\nS: 250 SMTPUTF8\nC: MAIL FROM:<>\nC: RCPT TO:<joe@example.org>\n" +
  "C: RCPT TO:<nobody@example.org>\nC: DATA\nS: 250 2.1.0 *\nS: 250 2.1.5 *\nS: 550 *\nS: 421 *\nS: <eof>\n";
const IMPLICIT =
  "@tls implicit\nS: 220 *\nC: EHLO a\nS: ...\nS: 250 *\nC: <wait 0.01>\nC: QUIT\nS: 221 *\nS: <eof>\n";

for (const format of ["katr", "json", "logfmt"]) {
  Deno.test(`transcript: against serve with TLS, recorded from its ${format} trace, played again`, () =>
    withTls(
      { trace_level: "4", trace_format: format, trace_remoteip: "on", trace_tcpserver: "on" },
      async (site) => {
        const { root, front } = site;
        const dir = `${root}/../transcripts`;
        Deno.mkdirSync(dir);
        Deno.writeTextFileSync(`${dir}/starttls.txt`, STARTTLS);
        Deno.writeTextFileSync(`${dir}/implicit.txt`, IMPLICIT);
        Deno.writeTextFileSync(`${dir}/settings.txt`, `@set max_hops=3\n${GOOD}`);
        const against = (port: number, ...names: string[]) =>
          runQfront([
            ...["transcript", "run", "--against", `127.0.0.1:${port}`, "--wait", "20"],
            ...names.map((name) => `${dir}/${name}.txt`),
          ]);
        assertEquals((await against(front.smtpPort, "starttls")).stdout, "1 passed, 0 failed\n");
        assertEquals(
          (await against(front.port("smtps"), "implicit")).stdout,
          "1 passed, 0 failed\n",
        );
        assertMatch(
          (await against(front.smtpPort, "settings")).stdout,
          /@set \(--anyway plays it\)\n0 passed/,
        );
        const wrong = await against(front.smtpPort, "implicit");
        assertEquals(wrong.code, 2);
        assertStringIncludes(wrong.stdout, "There is no TLS with 127.0.0.1:");
        const client = await Client.dial(front.port("submission"));
        await client.line();
        await client.smtp("EHLO c");
        await client.send(`AUTH PLAIN ${btoa("\0joe@example.org\0sesame")}\r\n`);
        await client.line();
        client.close();
        await recordAndPlay(root, dir, front.trace, format);
      },
    ));
}

async function recordAndPlay(
  root: string,
  dir: string,
  trace: () => string,
  format: string,
): Promise<void> {
  for (let n = 0; (trace().match(/end=eof|"end":"eof"/g) ?? []).length < 1 && n < 400; n++) {
    await new Promise((done) => setTimeout(done, 10));
  }
  const file = `${root}/var/log/qfront/trace`;
  const out = `${dir}/recorded`;
  const recorded = await runQfront(["transcript", "record", file, "--out", out]);
  assertEquals([recorded.code, recorded.stderr], [0, ""]);
  const names = recorded.stdout.trim().split("\n");
  const texts = names.map((name) => Deno.readTextFileSync(name));
  const starttls = texts.find((text) => text.includes("STARTTLS\nS: 220")) ?? "";
  assertStringIncludes(starttls, "@tls offered\n");
  assertStringIncludes(starttls, "C: <tls>\nC: EHLO b\n");
  assertStringIncludes(
    starttls,
    "C: MAIL FROM:<>\nC: RCPT TO:<joe@example.org>\nC: RCPT TO:<nobody@example.org>\nC: NOOP\nS: ",
  );
  assert(
    texts.some((text) =>
      text.includes("@tls implicit\n") && text.includes("@protocol submission\n")
    ),
  );
  const secret = texts.find((text) => text.includes("# C: AUTH ...")) ?? "";
  assertMatch(secret, /secret was sent/);
  assert(!texts.some((text) => text.includes("c2VzYW1l") || text.includes("(remoteip")));
  const again = await runQfront(["transcript", "run", "--root", root, "--copy", out]);
  assertEquals(again.stdout, `${names.length} passed, 0 failed\n`);
  if (format !== "katr") return;
  // What scripts for tcpserver look for.
  assertMatch(trace(), /tcpserver: status: \d+\/\d+/);
  const [, number] = /tcpserver: pid (\d+) from 127\.0\.0\.1/.exec(trace()) ?? [];
  assertStringIncludes(trace(), `tcpserver: end ${number} status 0`);
}
