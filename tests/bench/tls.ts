/**
 * What TLS and big maildrops cost: `deno run -A tests/bench/tls.ts [--sessions N] [--seconds N]`.
 *
 * Handshakes a second of one process (openssl s_time as the client, two at a time), memory of an idle TLS session, and
 * login, STAT, UIDL, QUIT on maildrops of 100 and 50,000 messages. QFRONT_BINARY names a compiled program to measure
 * instead of the source. Linux only.
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Front, makeSite, removeSite, startFront } from "../e2e/front.ts";
import { Client, putCertificate, setSettings } from "../e2e/tls_kit.ts";

const args = parseArgs(Deno.args, { string: ["sessions", "seconds"] });
const SESSIONS = Number(args["sessions"] ?? "1000");
const SECONDS = Number(args["seconds"] ?? "5");

/** CPU seconds that a process used so far. */
function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory in KiB. */
function residentKib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
}

async function sTime(port: number, version: string): Promise<number> {
  const { stdout } = await new Deno.Command("openssl", {
    args: [
      ...["s_time", "-connect", `127.0.0.1:${port}`, "-new", "-time", String(SECONDS)],
      ...(version === "TLSv1.2" ? ["-tls1_2"] : ["-tls1_3"]),
    ],
    stderr: "null",
  }).output();
  const said = new TextDecoder().decode(stdout);
  return Number(/(\d+) connections in \d+ real seconds/.exec(said)?.[1] ?? "0");
}

async function handshakes(front: Front, what: string): Promise<void> {
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const port = front.port("smtps");
    const [cpu, begin] = [cpuSeconds(front.pid), performance.now()];
    const counts = await Promise.all([sTime(port, version), sTime(port, version)]);
    const done = counts.reduce((sum, n) => sum + n, 0);
    const seconds = (performance.now() - begin) / 1000;
    const used = cpuSeconds(front.pid) - cpu;
    console.log(
      `handshakes, ${what}, ${version}: ${Math.round(done / seconds)}/s, ` +
        `${(used / done * 1000).toFixed(2)} ms CPU of the server each`,
    );
  }
}

async function idleMemory(front: Front, ca: string, what: string): Promise<void> {
  const open = async (count: number) => {
    const clients: Client[] = [];
    for (let i = 0; i < count; i += 50) {
      clients.push(
        ...await Promise.all(Array.from({ length: 50 }, async () => {
          const client = await Client.dialTls(front.port("smtps"), ca);
          await client.line();
          return client;
        })),
      );
    }
    return clients;
  };
  const warm = await open(50);
  const before = residentKib(front.pid);
  const clients = await open(SESSIONS);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const each = (residentKib(front.pid) - before) / clients.length;
  console.log(
    `memory of an idle session, ${what}: ${each.toFixed(1)} KiB (${clients.length} open)`,
  );
  for (const client of [...warm, ...clients]) client.close();
}

/** A maildrop of `count` messages of 2 KB for joe; `named`: their sizes stand in their names. */
function fillMaildir(root: string, count: number, named: boolean): void {
  const dir = `${root}/home/joe/Maildir/cur`;
  const body = new TextEncoder().encode(`Subject: x\n\n${"0123456789abcde\n".repeat(127)}`);
  const lines = 2 + 127;
  const size = named ? `,S=${body.length},W=${body.length + lines}` : "";
  const { uid, gid } = Deno.statSync(dir);
  for (let i = 0; i < count; i++) {
    const path = `${dir}/${1_700_000_000 + i}.M${i}P1.host${size}:2,S`;
    Deno.writeFileSync(path, body);
    if (Deno.uid() === 0) Deno.chownSync(path, uid ?? 0, gid ?? 0);
  }
}

async function pop3Session(front: Front, ca: string | null): Promise<number> {
  const begin = performance.now();
  const client = ca === null
    ? await Client.dial(front.pop3Port)
    : await Client.dialTls(front.port("pop3s"), ca);
  await client.line();
  await client.ask("USER joe@example.org");
  const reply = await client.ask("PASS sesame");
  if (!reply.startsWith("+OK")) throw new Error(reply);
  await client.ask("STAT");
  await client.ask("UIDL");
  await client.list();
  await client.ask("QUIT");
  client.close();
  return performance.now() - begin;
}

async function pop3(count: number, named: boolean): Promise<void> {
  const root = await makeSite();
  try {
    const ca = await putCertificate(root);
    fillMaildir(root, count, named);
    const front = await startFront(root, ["--pop3s", "127.0.0.1:0"]);
    const first = await pop3Session(front, null);
    const times = { clear: [] as number[], tls: [] as number[] };
    for (let i = 0; i < 20; i++) {
      times.clear.push(await pop3Session(front, null));
      times.tls.push(await pop3Session(front, ca));
    }
    const rss = residentKib(front.pid);
    const median = (all: number[]) => all.toSorted((a, b) => a - b)[all.length >> 1]!.toFixed(1);
    console.log(
      `pop3, ${count} messages, sizes ${named ? "in names" : "not in names"}: ` +
        `first ${first.toFixed(1)} ms, then ${median(times.clear)} ms in clear, ` +
        `${median(times.tls)} ms on pop3s; front ${Math.round(rss / 1024)} MiB`,
    );
    await front.stop();
  } finally {
    await removeSite(root);
  }
}

async function tls(what: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const root = await makeSite();
  try {
    const ca = await putCertificate(root);
    Deno.writeTextFileSync(`${root}/var/qmail/control/ca.pem`, ca);
    setSettings(root, {
      max_sessions_per_address: "100000",
      max_sessions: "100000",
      trace_level: "0",
      ...settings,
    });
    const front = await startFront(root, ["--smtps", "127.0.0.1:0"]);
    await idleMemory(front, ca, what);
    await handshakes(front, what);
    await front.stop();
  } finally {
    await removeSite(root);
  }
}

await tls("no client certificates", {});
await tls("client_cert=ask (OpenSSL)", { client_cert: "ask", client_ca: "control/ca.pem" });
for (const count of [100, 50_000]) {
  for (const named of [true, false]) await pop3(count, named);
}
