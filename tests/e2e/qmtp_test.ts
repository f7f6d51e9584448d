/** QMTP and QMQP end to end: `qfront serve` on the sample site, and two of them as front machine and queue host. */
import { assertEquals, assertMatch } from "@std/assert";
import { type Front, makeSite, removeSite, startFront } from "./front.ts";
import { answersOf, packageOf, requestOf } from "../unit/qmtp/kit.ts";

const JOE = "joe@example.org";
const FAR = "you@example.com";
const ANY = "127.0.0.1:0";

interface DirectFront extends Front {
  readonly qmtpPort: number;
  readonly qmqpPort: number;
}

/** Runs `work` with a front that has both listeners, and sees that it ends well. */
async function withFront(
  args: readonly string[],
  work: (front: DirectFront) => Promise<void>,
  prepare: (root: string) => void = () => {},
): Promise<void> {
  const root = await makeSite();
  prepare(root);
  const front = await startFront(root, ["--qmtp", ANY, "--qmqp", ANY, ...args]);
  try {
    const portOf = (name: string) =>
      Number(new RegExp(`^${name} listening on \\S+:(\\d+)$`, "m").exec(front.printed())?.[1]);
    await work({ ...front, qmtpPort: portOf("qmtp"), qmqpPort: portOf("qmqp") });
  } finally {
    const { code, stderr } = await front.stop();
    await removeSite(root);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
}

/** Sends everything at once and returns the answers, when the server has closed. */
async function exchange(port: number, input: string): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(Uint8Array.from(input, (c) => c.charCodeAt(0)));
  return answersOf(await new Response(conn.readable).text());
}

/** The same for a session that goes on: the client says that it is done. */
async function converse(port: number, input: string): Promise<string[]> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(Uint8Array.from(input, (c) => c.charCodeAt(0)));
  await conn.closeWrite();
  return answersOf(await new Response(conn.readable).text());
}

/** Waits until the trace says so. */
async function traceHas(front: Front, wanted: RegExp): Promise<void> {
  using watcher = Deno.watchFs(`${front.root}/var/log/qfront`);
  const tooLate = setTimeout(() => watcher.close(), 20_000);
  try {
    if (wanted.test(front.trace())) return;
    for await (const _ of watcher) if (wanted.test(front.trace())) return;
    throw new Error(`The trace never said ${wanted}:\n${front.trace()}`);
  } finally {
    clearTimeout(tooLate);
  }
}

/** Messages that joe has, oldest first. */
function mailOf(root: string): string[] {
  const dir = `${root}/home/joe/Maildir/new`;
  const names = [...Deno.readDirSync(dir)].map((entry) => entry.name).sort();
  return names.map((name) => Deno.readTextFileSync(`${dir}/${name}`));
}

Deno.test("serve --qmtp: pipelined packages arrive in the Maildir, each recipient has its answer", () =>
  withFront(["--set", "on_invalid_rcpt=reject"], async (front) => {
    const { root, qmtpPort } = front;
    const answers = await converse(
      qmtpPort,
      packageOf("\nSubject: 1\n\nhi\n", FAR, [JOE, "angela@example.org", FAR]) +
        packageOf("\rSubject: 2\r\n\r\nho\r\n", "", [JOE]),
    );
    assertMatch(answers[0] ?? "", /^Kok \d+ \S+$/);
    assertEquals(answers.slice(1, 3), [
      "Dno mailbox here by that name (#5.1.1)",
      "Dsorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    ]);
    assertMatch(answers[3] ?? "", /^Kok \d+ \S+$/);
    const mail = mailOf(root);
    assertEquals(mail.map((m) => m.slice(m.indexOf("Subject"))), [
      "Subject: 1\n\nhi\n",
      "Subject: 2\n\nho\n",
    ]);
    assertMatch(
      mail[0] ?? "",
      /^Return-Path: <you@example\.com>\nDelivered-To: joe@example\.org\nReceived: from unknown \(127\.0\.0\.1\)\n {2}by 127\.0\.0\.1 with QMTP; /,
    );
    await traceHas(front, /\(2\) \(\d+\) qmtp_rcpt: user\[angela\] domain \[example\.org\]$/m);
  }));

Deno.test("serve --qmtp: an unknown recipient ends the session, its package is delivered all the same", () =>
  withFront([], async ({ root, qmtpPort }) => {
    const pack = packageOf("\nSubject: x\n\n", FAR, ["angela@example.org", JOE]);
    const answers = await exchange(qmtpPort, pack + pack);
    assertEquals(answers.map((a) => a[0]), ["D", "K"]);
    assertEquals(mailOf(root).length, 1);
  }));

Deno.test("serve --qmtp: megabytes arrive whole", () =>
  withFront([], async ({ root, qmtpPort }) => {
    const body = "0123456789abcdef\n".repeat(200_000);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: qmtpPort });
    const read = new Response(conn.readable).text();
    const input = new TextEncoder().encode(packageOf(`\n\n${body}`, FAR, [JOE]));
    for (let at = 0; at < input.length;) at += await conn.write(input.subarray(at));
    await conn.closeWrite();
    assertEquals(answersOf(await read).map((a) => a[0]), ["K"]);
    const [mail = ""] = mailOf(root);
    assertEquals(mail.slice(mail.indexOf("\n\n") + 2) === body, true);
  }));

Deno.test("serve --qmqp: a client that is silent, one that talks garbage, and one without RELAYCLIENT", () =>
  withFront(["--set", "qmtp_idle_seconds=1"], async ({ qmqpPort, qmtpPort, root }) => {
    const silent = [exchange(qmqpPort, "100:"), exchange(qmtpPort, "100:")];
    assertEquals(await Promise.all(silent), [["Znothing came for too long (#4.4.2)"], []]);
    assertEquals(await exchange(qmqpPort, "EHLO client\r\n"), []);
    assertEquals(await exchange(qmqpPort, requestOf("x\n", "", [JOE, FAR])), [
      `Dsorry, that domain isn't in my list of allowed rcpthosts: ${FAR} (#5.7.1)`,
    ]);
    assertEquals(mailOf(root), []);
  }));

Deno.test("serve --qmqp: a connection rule with RELAYCLIENT opens the way, and its queue is asked", () =>
  withFront(
    ["--set", "tcp_rules=control/tcp.rules"],
    async ({ qmqpPort }) => {
      // Maildirs can't take remote mail: the relay is open, the queue is what says no.
      assertEquals(await exchange(qmqpPort, requestOf("x\n", "", [FAR])), [
        `Zrecipient can't be served now, try again later: ${FAR} (#4.3.0)`,
      ]);
    },
    (root) =>
      Deno.writeTextFileSync(
        `${root}/var/qmail/control/tcp.rules`,
        '127.0.0.1:allow,RELAYCLIENT=""\n:deny\n',
      ),
  ));

Deno.test("a front machine without a queue hands over to a queue host by QMQP", () =>
  withFront([], (host) =>
    withFront(
      ["--set", "queue=qmqp"],
      async (front) => {
        const answers = await converse(
          front.qmtpPort,
          packageOf("\rSubject: far\r\n\r\nhi\r\n", FAR, [JOE, "sales@example.org"]),
        );
        assertEquals(answers.length, 2);
        assertMatch(answers[0] ?? "", /^Kok \d+ \S+/);
        assertEquals(mailOf(front.root), []);
        const [mail = ""] = mailOf(host.root);
        assertMatch(mail, /with QMQP; .*\nReceived: .*\n.*with QMTP; .*\nSubject: far\n\nhi\n$/);
        const [sales] = Deno.readDirSync(`${host.root}/home/jane/Maildir/new`);
        assertEquals(sales?.isFile, true);
        await traceHas(host, /qmqp_rcpt: user\[sales\] domain \[example\.org\]$/m);
        await traceHas(host, /qmqp_end: ip=127\.0\.0\.1 messages=1 recipients=2 .*end=answered/);

        // What the queue host says of a recipient reaches the client.
        Deno.removeSync(`${host.root}/home/joe/.qmail-lists-default`);
        const gone = packageOf("\nx\n", FAR, ["joe-lists-a@example.org"]);
        assertEquals(await converse(front.qmtpPort, gone), [
          "Dno mailbox here by that name: joe-lists-a@example.org (#5.1.1)",
        ]);
      },
      (root) =>
        Deno.writeTextFileSync(
          `${root}/var/qmail/control/qmqpservers`,
          `127.0.0.1:${host.qmqpPort}\n`,
        ),
    )));

Deno.test("serve: neither QMTP nor QMQP is served unless it is asked for", async () => {
  const root = await makeSite();
  const front = await startFront(root);
  try {
    assertEquals(/^qm[tq]p/m.test(front.printed()), false);
  } finally {
    await front.stop();
    await removeSite(root);
  }
});

Deno.test("serve --qmtp: SIGTERM waits for the package in hand", async () => {
  const root = await makeSite();
  const front = await startFront(root, ["--qmtp", ANY]);
  const port = Number(/^qmtp listening on \S+:(\d+)$/m.exec(front.printed())?.[1]);
  const pack = packageOf("\nSubject: late\n\n", FAR, [JOE]);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  // The first package's answer shows that the beginning of the second was read.
  await conn.write(new TextEncoder().encode(pack + pack.slice(0, -1)));
  const buffer = new Uint8Array(1000);
  assertMatch(new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0)), /:Kok/);
  front.signal("SIGTERM");
  await traceHas(front, new RegExp(`qmtp on 127\\.0\\.0\\.1:${port} stops`));
  await conn.write(new TextEncoder().encode(","));
  assertMatch(answersOf(await new Response(conn.readable).text())[0] ?? "", /^Kok/);
  assertEquals(await front.ended, { code: 0, stderr: "" });
  assertEquals(mailOf(root).length, 2);
  await removeSite(root);
});
