/** A worker of a real service dies: it is replaced, and what the service remembers is remembered by the new one. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ControlClient } from "../../ctl/client.ts";
import type { Stats } from "../../ctl/types.ts";
import { makeSite, removeSite } from "./front.ts";

const PROGRAM = new URL("./mortal_serve.ts", import.meta.url).pathname;

const SETTINGS = [
  "workers=2",
  "trace_level=3",
  "control_socket=ctl.sock",
  "proxy_from=127.0.0.1",
  "ban=on",
  "ban_file=bans",
  "greylist=on",
  "greylist_seconds=3600",
  "greylist_spf_pass=off",
].flatMap((setting) => ["--set", setting]);

/** A dialogue as a client of `ip`; all that was said to it. */
async function talkAs(port: number, ip: string, lines: readonly string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const text = [`PROXY TCP4 ${ip} 127.0.0.1 4321 25`, ...lines].map((l) => `${l}\r\n`).join("");
  await conn.write(new TextEncoder().encode(text)).catch(() => {});
  return await new Response(conn.readable).text().catch(() => "");
}

const countIn = (file: string, text: string): number =>
  Deno.readTextFileSync(file).split(text).length - 1;

async function until(isThere: () => boolean): Promise<void> {
  while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const MAIL = [
  "HELO client.example",
  "MAIL FROM:<you@example.com>",
  "RCPT TO:<joe@example.org>",
  "QUIT",
];

Deno.test("serve: a worker that dies is replaced by one that knows bans and greylist", async () => {
  const root = await makeSite();
  const top = root.slice(0, -"/site".length);
  // Closed to others, so that root, if it is root, is kept: a worker is not replaced without it.
  Deno.chmodSync(top, 0o700);
  const death = `${top}/death`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "--cached-only", PROGRAM],
      ...["--root", root, "--smtp", "127.0.0.1:0", "--pop3", "127.0.0.1:0", ...SETTINGS],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", QFRONT_TEST_DEATH: death },
  }).spawn();
  const stderr = new Response(child.stderr).text();
  try {
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let printed = "";
    while (!/^pop3 listening/m.test(printed)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`serve ended before it was ready: ${await stderr}`);
      printed += value;
    }
    const port = Number(/^smtp listening on \S+:(\d+)$/m.exec(printed)?.[1]);
    const client = await ControlClient.open(`${root}/var/qmail/ctl.sock`);
    assert(client !== null);
    await client.ask({ ask: "ban", network: "192.0.2.0/24", reason: "x", seconds: 600 });
    const trace = `${root}/var/log/qfront/trace`;
    let sent = 0;
    /** Brings the same mail so often that each worker sees it; how often it was new. */
    const timesNew = async (): Promise<number> => {
      const before = countIn(trace, " is new,");
      for (let i = 0; i < 10; i++) {
        assertStringIncludes(await talkAs(port, "198.51.100.7", MAIL), "451 4.7.1");
      }
      sent += 10;
      await until(() => countIn(trace, " is new,") + countIn(trace, " is early,") === sent);
      return countIn(trace, " is new,") - before;
    };
    // What one worker noted is told to the others a moment later.
    while (await timesNew() > 0);
    for (let deaths = 1; deaths <= 2; deaths++) {
      Deno.writeTextFileSync(death, "");
      await until(() => countIn(trace, " is back") === deaths);
    }
    for (let i = 0; i < 10; i++) {
      assertStringIncludes(await talkAs(port, "192.0.2.9", ["QUIT"]), "554 5.7.1");
    }
    assertEquals(await timesNew(), 0);
    const ask = async () => await client.ask({ ask: "stats" }) as Stats;
    // A client knows of its end a moment before the worker's count does. A place that is never freed hangs here.
    let stats = await ask();
    while (stats.sessions["sessions_open"] !== 0) stats = await ask();
    assertEquals(stats.bans, 1);
    client.close();
    await reader.cancel();
  } finally {
    child.kill("SIGTERM");
    const { code } = await child.status;
    await removeSite(root);
    assertEquals(code, 0, await stderr);
  }
});
