/** End to end over real sockets: real clients against `qfront serve` on the sample site. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createTransport } from "nodemailer";
import Pop3Command from "node-pop3";
import { type Front, makeSite, removeSite, startFront } from "./front.ts";

async function withFront(args: string[], work: (front: Front) => Promise<void>): Promise<void> {
  const root = await makeSite();
  const front = await startFront(root, args);
  try {
    await work(front);
  } finally {
    const { code, stderr } = await front.stop();
    await removeSite(root);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
}

/** Talks SMTP by hand: sends everything at once and reads until the server closes. */
async function dialogue(port: number, lines: string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(lines.map((l) => `${l}\r\n`).join("")));
  const said = await new Response(conn.readable).text();
  return said;
}

/** Waits for an event of the trace, without guessing how long it takes. */
async function traceHas(front: Front, text: string): Promise<void> {
  using watcher = Deno.watchFs(`${front.root}/var/log/qfront`);
  const tooLate = setTimeout(() => watcher.close(), 20_000);
  try {
    if (front.trace().includes(text)) return;
    for await (const _ of watcher) if (front.trace().includes(text)) return;
    throw new Error(`The trace never said "${text}":\n${front.trace()}`);
  } finally {
    clearTimeout(tooLate);
  }
}

const MAIL = { from: "you@example.com", subject: "hello", text: "It works.\n.\n..two dots\n" };

Deno.test("serve: a mail sent with nodemailer is read by a POP3 client", async () => {
  await withFront([], async (front) => {
    const smtp = createTransport({ host: "127.0.0.1", port: front.smtpPort, ignoreTLS: true });
    const sent = await smtp.sendMail({ ...MAIL, to: ["joe@example.org", "sales@example.org"] });
    assertEquals(sent.accepted.length, 2);
    assertMatch(sent.response, /^250 /);
    smtp.close();
    const pop3 = new Pop3Command({
      user: "joe@example.org",
      password: "sesame",
      host: "127.0.0.1",
      port: front.pop3Port,
    });
    const listed = await pop3.UIDL();
    assertEquals(listed.length, 1);
    const text = await pop3.RETR(1);
    await pop3.QUIT();
    assertStringIncludes(text, "Subject: hello");
    assertStringIncludes(text, "It works.");
    assertStringIncludes(text, "..two dots");
    assertMatch(
      text,
      /Received: from \S+ \(HELO .*\) \(127\.0\.0\.1\)\r\n\s+by 127\.0\.0\.1 with ESMTP/,
    );
    assertMatch(text, /^Return-Path: <you@example\.com>\r\nDelivered-To: /);
    await traceHas(front, "you@example.com");
  });
});

Deno.test("serve: an invalid recipient ends the session, and the trace says so in KATR's words", async () => {
  await withFront([], async (front) => {
    const said = await dialogue(front.smtpPort, [
      "EHLO client.example.com",
      "MAIL FROM:<stranger@example.com>",
      "RCPT TO:<angela@example.org>",
      "RCPT TO:<joe@example.org>",
      "DATA",
    ]);
    assertMatch(said, /\r\n550 5\.1\.1 [^\r]+\r\n421 4\.7\.0 [^\r]+\r\n$/);
    await traceHas(front, "invalid rcpt user");
    assertMatch(
      front.trace(),
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(1\) \(\d+\) setup: remoteip: 127\.0\.0\.1$/m,
    );
    assertMatch(front.trace(), /\(2\) \(\d+\) smtp_rcpt: user\[angela\] domain \[example\.org\]$/m);
    assertMatch(
      front.trace(),
      /\(2\) \(\d+\) smtp_rcpt: invalid rcpt user, terminating connection$/m,
    );
  });
});

Deno.test("serve: nodemailer is told that a recipient does not exist", async () => {
  await withFront(["--set", "on_invalid_rcpt=reject"], async (front) => {
    const smtp = createTransport({ host: "127.0.0.1", port: front.smtpPort, ignoreTLS: true });
    await assertRejects(() => smtp.sendMail({ ...MAIL, to: "angela@example.org" }), Error, "550");
    smtp.close();
  });
});

Deno.test("serve: a wrong POP3 password is refused", async () => {
  await withFront([], async (front) => {
    const pop3 = new Pop3Command({
      user: "joe@example.org",
      password: "wrong",
      host: "127.0.0.1",
      port: front.pop3Port,
    });
    await assertRejects(() => pop3.UIDL());
  });
});

Deno.test("serve: SIGHUP re-reads the site without losing a session", async () => {
  await withFront([], async (front) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: front.smtpPort });
    const reader = conn.readable.pipeThrough(new TextDecoderStream()).getReader();
    const say = (line: string) => conn.write(new TextEncoder().encode(`${line}\r\n`));
    assertMatch((await reader.read()).value ?? "", /^220 /);
    Deno.writeTextFileSync(
      `${front.root}/var/qmail/control/rcpthosts`,
      "example.org\nnew.example\n",
    );
    front.signal("SIGHUP");
    await traceHas(front, "reload");
    await say("HELO still.here");
    assertMatch((await reader.read()).value ?? "", /^250 /);
    await reader.cancel();
    const said = await dialogue(front.smtpPort, [
      "HELO x",
      "MAIL FROM:<a@example.com>",
      "RCPT TO:<joe@example.net>",
      "QUIT",
    ]);
    assertMatch(said, /\r\n553 5\.7\.1 /);
  });
});

const curl = (() => {
  try {
    return new Deno.Command("curl", { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
})();

Deno.test({
  name: "serve: curl sends and reads (skipped where curl is not installed)",
  ignore: !curl,
  fn: async () => {
    await withFront([], async (front) => {
      const run = async (args: string[], input = "") => {
        const child = new Deno.Command("curl", {
          args: ["-sS", ...args],
          stdin: "piped",
          stdout: "piped",
          stderr: "piped",
        }).spawn();
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(input));
        await writer.close();
        const { success, stdout, stderr } = await child.output();
        assert(success, new TextDecoder().decode(stderr));
        return new TextDecoder().decode(stdout);
      };
      const to = ["--mail-from", "you@example.com", "--mail-rcpt", "joe@example.org", "-T", "-"];
      await run([`smtp://127.0.0.1:${front.smtpPort}`, ...to], "Subject: by curl\r\n\r\nbody\r\n");
      const pop3 = `pop3://127.0.0.1:${front.pop3Port}`;
      assertStringIncludes(
        await run(["--user", "joe@example.org:sesame", `${pop3}/1`]),
        "Subject: by curl",
      );
    });
  },
});

Deno.test("serve: two workers share one port, and a stop ends both", async () => {
  await withFront(["--set", "workers=2"], async (front) => {
    const greetings = await Promise.all(
      Array.from({ length: 8 }, () => dialogue(front.smtpPort, ["QUIT"])),
    );
    for (const said of greetings) assertMatch(said, /^220 [^\r]+\r\n221 /);
    const smtp = createTransport({ host: "127.0.0.1", port: front.smtpPort, ignoreTLS: true });
    await Promise.all([1, 2, 3, 4].map(() => smtp.sendMail({ ...MAIL, to: "jane@example.org" })));
    smtp.close();
    const files = [...Deno.readDirSync(`${front.root}/home/jane/Maildir/new`)];
    assertEquals(files.length, 4);
  });
});
