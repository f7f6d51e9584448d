/** `qfront serve` on the sample site behind a proxy, and clients of any address that come through it. */
import { assertEquals } from "@std/assert";
import { binaryOf, bytesOf } from "../../content/binary.ts";
import { type Front, makeSite, removeSite, startFront } from "../e2e/front.ts";
import { Client, setSettings, until } from "../e2e/tls_kit.ts";

/** What a front is to be like. */
export interface Wanted {
  /** Values of trace.cfg. */
  readonly settings: Readonly<Record<string, string>>;
  /** More files of control/. */
  readonly control?: Readonly<Record<string, string>>;
}

/** Runs `work` beside a front; it has to end well and with nothing on standard error. */
export async function withServed(
  { settings, control = {} }: Wanted,
  work: (front: Front) => Promise<void>,
): Promise<void> {
  const root = await makeSite();
  setSettings(root, { trace_level: "3", proxy_from: "127.0.0.1", ...settings });
  for (const [name, text] of Object.entries(control)) {
    Deno.writeTextFileSync(`${root}/var/qmail/control/${name}`, text);
  }
  const front = await startFront(root);
  let ended;
  try {
    await work(front);
  } finally {
    ended = await front.stop();
    await removeSite(root);
  }
  assertEquals(ended, { code: 0, stderr: "" });
}

/** Waits until the trace has `text`; ten seconds are enough for all that is asked here. */
export async function traced(front: Front, text: string): Promise<void> {
  const endMs = performance.now() + 10_000;
  await until(() => front.trace().includes(text) || performance.now() > endMs);
  assertEquals(front.trace().includes(text), true, `no "${text}" in\n${front.trace()}`);
}

/** Who comes with what. */
export interface Mail {
  readonly ip: string;
  readonly from?: string;
  /** LF at the end of its lines, one character a byte; without one the session ends behind RCPT. */
  readonly message?: string;
}

/** The last reply to one attempt to send a mail to joe: that of RCPT, or of the message. */
export async function send(front: Front, { ip, from, message }: Mail): Promise<string> {
  const client = await Client.dial(front.smtpPort);
  const family = ip.includes(":") ? "TCP6" : "TCP4";
  const ours = ip.includes(":") ? "2001:db8::1" : "192.0.2.1";
  const commands = [
    ...["EHLO mx.client.test", `MAIL FROM:<${from ?? "ann@client.test"}>`],
    ...["RCPT TO:<joe@example.org>", ...(message === undefined ? [] : ["DATA"])],
  ];
  try {
    await client.send(`PROXY ${family} ${ip} ${ours} 4711 25\r\n`);
    let reply = await replyOf(client);
    for (const command of commands) {
      await client.send(`${command}\r\n`);
      reply = await replyOf(client);
      if (!/^[23]/.test(reply)) break;
    }
    if (reply.startsWith("354")) {
      const lines = (message ?? "").replace(/^\./gm, "..").replaceAll("\n", "\r\n");
      await client.sendBytes(bytesOf(`${lines}.\r\n`));
      reply = await replyOf(client);
    }
    await client.send("QUIT\r\n");
    await client.rest();
    return reply;
  } finally {
    client.close();
  }
}

/** The last line of a reply. */
async function replyOf(client: Client): Promise<string> {
  for (;;) {
    const line = await client.line();
    if (line === null || !/^\d{3}-/.test(line)) return line ?? "";
  }
}

/** joe's mail, one text for each message, one character a byte. */
export function mailOf(front: Front): readonly string[] {
  const folder = `${front.root}/home/joe/Maildir/new`;
  return [...Deno.readDirSync(folder)].map(({ name }) =>
    binaryOf(Deno.readFileSync(`${folder}/${name}`))
  );
}
