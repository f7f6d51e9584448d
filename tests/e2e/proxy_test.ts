/** End to end over real sockets: a proxy in front, clients that can't wait, many sessions of one network, XCLIENT. */
import { assertEquals, assertMatch } from "@std/assert";
import { binaryHeader } from "../unit/net/proxy_kit.ts";
import { type Front, makeSite, removeSite, startFront } from "./front.ts";
import { until, withTls } from "./tls_kit.ts";

/** Runs `work` on a front; the trace must have each of `traced` in the end. */
async function withFront(
  args: string[],
  traced: readonly RegExp[],
  work: (front: Front) => Promise<void>,
): Promise<void> {
  const root = await makeSite();
  const front = await startFront(root, args);
  let trace = "";
  try {
    await work(front);
  } finally {
    const { code, stderr } = await front.stop();
    trace = front.trace();
    await removeSite(root);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
  for (const one of traced) assertMatch(trace, one);
}

const BEHIND = ["--set", "proxy_from=127.0.0.1"];
const lineOf = (ip: string): string => `PROXY TCP4 ${ip} 192.0.2.1 4711 25\r\n`;

const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Says `text` and reads until `until` came, or to the end. */
async function say(conn: Deno.Conn, text: string, until = ""): Promise<string> {
  if (text !== "") await conn.write(bytesOf(text));
  const buffer = new Uint8Array(4096);
  let said = "";
  while (until === "" || !said.includes(until)) {
    const count = await conn.read(buffer);
    if (count === null) return said;
    said += String.fromCharCode(...buffer.subarray(0, count));
  }
  return said;
}

const dial = (port: number): Promise<Deno.TcpConn> => Deno.connect({ hostname: "127.0.0.1", port });

Deno.test("serve: behind a proxy the trace has the real client, by version 1 and 2, for SMTP and POP3", async () => {
  const traced = [
    /setup: remoteip: 192\.0\.2\.7/,
    /setup: remoteip: 192\.0\.2\.8/,
    /refused 127\.0\.0\.1: it does not begin with a PROXY header/,
  ];
  await withFront(BEHIND, traced, async (front) => {
    const first = await dial(front.smtpPort);
    const said = await say(first, `${lineOf("192.0.2.7")}EHLO h\r\nQUIT\r\n`);
    assertMatch(said, /^220 .*\r\n250-[^]*221 2\.0\.0 /);
    const header = binaryHeader(0x21, 0x11, [192, 0, 2, 8, 192, 0, 2, 1, 1, 0, 0, 25]);
    const second = await dial(front.smtpPort);
    await second.write(header);
    assertMatch(await say(second, "QUIT\r\n"), /^220 .*\r\n221 2\.0\.0 /);
    const pop3 = await dial(front.pop3Port);
    assertMatch(await say(pop3, `${lineOf("192.0.2.9")}QUIT\r\n`), /^\+OK .*\r\n\+OK/);
    const without = await dial(front.smtpPort);
    assertEquals(await say(without, "EHLO h\r\n"), "");
    for (const conn of [first, second, pop3, without]) conn.close();
  });
});

Deno.test("serve: a PROXY header stands before TLS on smtps", async () => {
  await withTls({ proxy_from: "127.0.0.1" }, async ({ front, ca }) => {
    const raw = await dial(front.port("smtps"));
    await raw.write(bytesOf(lineOf("192.0.2.7")));
    const conn = await Deno.startTls(raw, { hostname: "localhost", caCerts: [ca] });
    assertMatch(await say(conn, "EHLO h\r\nQUIT\r\n", "221 "), /^220 [^]*221 2\.0\.0 /);
    conn.close();
    await until(() => front.trace().includes("setup: remoteip: 192.0.2.7"));
  });
});

Deno.test("serve: strangers wait for the greeting; who talks meanwhile is refused, who waits is not", async () => {
  const args = [...BEHIND, "--set", "greet_delay_seconds=1", "--set", "early_talker=on"];
  await withFront(args, [/192\.0\.2\.7 talked before the greeting/], async (front) => {
    const early = await dial(front.smtpPort);
    const polite = await dial(front.smtpPort);
    await polite.write(bytesOf(lineOf("192.0.2.8")));
    assertMatch(await say(early, `${lineOf("192.0.2.7")}EHLO h\r\n`), /^554 5\.5\.0 /);
    assertMatch(await say(polite, "", "\n"), /^220 /);
    assertMatch(await say(polite, "EHLO h\r\nQUIT\r\n"), /^250-[^]*221 /);
    const known = await dial(front.smtpPort);
    // Loopback is known: it is greeted at once although it talks early.
    assertMatch(await say(known, `${lineOf("127.0.0.1")}EHLO h\r\nQUIT\r\n`), /^220 [^]*221 /);
    for (const conn of [early, polite, known]) conn.close();
  });
});

Deno.test("serve: in shadow an early talker loses nothing, and the trace says what would have been", async () => {
  const traced = [/shadow, would be 554 early_talker .*192\.0\.2\.7/];
  await withFront([...BEHIND, "--set", "early_talker=shadow"], traced, async (front) => {
    const conn = await dial(front.smtpPort);
    const said = await say(conn, `${lineOf("192.0.2.7")}EHLO h\r\nNOOP\r\nQUIT\r\n`);
    assertMatch(said, /^220 [^]*250 2\.0\.0 ok\r\n221 /);
    conn.close();
  });
});

Deno.test("serve: max_sessions_per_network N+1 gets 421, over all listeners", async () => {
  const args = [...BEHIND, "--set", "max_sessions_per_network=2"];
  const traced = [/refused 192\.0\.2\.9: too many sessions of this network/];
  await withFront(args, traced, async (front) => {
    const conns: Deno.Conn[] = [];
    const open = async (port: number, ip: string) => {
      const conn = await dial(port);
      conns.push(conn);
      return await say(conn, lineOf(ip), "\n");
    };
    assertMatch(await open(front.smtpPort, "192.0.2.7"), /^220 /);
    assertMatch(await open(front.pop3Port, "192.0.2.8"), /^\+OK /);
    assertMatch(await open(front.smtpPort, "192.0.2.9"), /^421 4\.7\.0 .*network/);
    assertMatch(await open(front.pop3Port, "192.0.2.9"), /^-ERR /);
    assertMatch(await open(front.smtpPort, "192.0.3.9"), /^220 /);
    for (const conn of conns) conn.close();
  });
});

Deno.test("serve: connection rules are asked again for the client that XCLIENT names", async () => {
  const root = await makeSite();
  const rules = `${root}/var/qmail/control/rules`;
  Deno.writeTextFileSync(
    rules,
    '127.0.0.1:allow,RELAYCLIENT=""\n192.0.2.7:allow,RELAYCLIENT=""\n192.0.2.9:deny\n',
  );
  const front = await startFront(root, [
    ...["--set", "tcp_rules=control/rules"],
    ...["--set", "xclient_from=127.0.0.1"],
    ...["--set", "queue=qmail-queue"],
  ]);
  try {
    const mail = "MAIL FROM:<a@example.com>\r\nRCPT TO:<any@elsewhere.example>\r\nQUIT\r\n";
    const talk = async (ip: string) => {
      const conn = await dial(front.smtpPort);
      const said = await say(conn, `XCLIENT ADDR=${ip}\r\n${mail}`);
      conn.close();
      return said.split("\r\n").slice(1, -1).map((line) => line.slice(0, 3));
    };
    assertEquals(await talk("192.0.2.7"), ["220", "250", "250", "221"]);
    assertEquals(await talk("192.0.2.8"), ["220", "250", "553", "221"]);
    assertEquals(await talk("192.0.2.9"), ["554"]);
  } finally {
    await front.stop();
    await removeSite(root);
  }
});
