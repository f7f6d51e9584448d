/**
 * What a refused recipient costs in our own code: the real site, policy, look-up and trace behind the SMTP engine, and no
 * socket. Says the nanoseconds for one RCPT of a long session (W1b) and for one session with one (W1).
 *
 *   deno run -A tests/bench/refused.ts --root SITE [--rounds N] [--only RCPT|session]
 *
 * The names are those of mload.c; nobody remembers one until it comes again, 20,000 names later. The event loop turns
 * after every sixteen answers, as with sixteen connections. What is counted is the process's CPU time: collecting garbage and compiling in other threads are part of it.
 */
import { cpuUsage } from "node:process";
import { setImmediate } from "node:timers";
import { parseArgs } from "@std/cli/parse-args";
import { parseServe } from "../../cli/serve_options.ts";
import { openSite, type Site } from "../../cli/site.ts";
import type { Engine, Output, Peer } from "../../net/types.ts";
import { bytesOf } from "../../smtp/text.ts";

const CONNECTIONS = 16;
const BATCH = 20_000;

/** Takes replies as the driver's buffer does: a copy into bytes that are there already. */
class Taker implements Output {
  readonly #bytes = new Uint8Array(65536);
  pending = 0;
  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.pending);
    this.pending += bytes.length;
  }
  text(text: string): void {
    this.bytes(bytesOf(text));
  }
  drain(): Promise<void> {
    return Promise.resolve();
  }
}

let state = 88172645463325252n;
const MASK = (1n << 64n) - 1n;

/** mload.c's xorshift. */
function invalidName(): string {
  state ^= (state << 13n) & MASK;
  state ^= state >> 7n;
  state ^= (state << 17n) & MASK;
  return "x" + (state & 0xffffffffn).toString(16);
}

const EHLO = bytesOf("EHLO client.test\r\n");
const MAIL = bytesOf("MAIL FROM:<s@remote.test>\r\n");
const RCPTS = Array.from(
  { length: BATCH },
  () => bytesOf(`RCPT TO:<${invalidName()}@local.test>\r\n`),
);

let number = 0;
const peerOf = (env: Record<string, string>): Peer => ({
  kind: "socket",
  remoteIp: "127.0.0.1",
  remotePort: 40000 + (number & 0x3fff),
  remoteHost: null,
  remoteInfo: null,
  localIp: "127.0.0.1",
  localPort: 2525,
  localHost: null,
  env,
  rules: undefined,
  session: ++number,
  service: "smtp",
  offersTls: false,
});

const taker = new Taker();
const ENV = Deno.env.toObject();

function say(engine: Engine, line: Uint8Array): void {
  taker.pending = 0;
  const later = engine.receive(line);
  if (later !== undefined) throw new Error("A recipient was waited for");
}

async function open(root: string, on: string): Promise<Site> {
  const settings = [`on_invalid_rcpt=${on}`, "max_unknown_recipients=0", "trace_level=2"];
  const fixed = ["trace_file=log/refused.trace", "queue=maildir"];
  const sets = [...settings, ...fixed].flatMap((one) => ["--set", one]);
  const site = await openSite(parseServe(["--root", root, ...sets]), { isService: true });
  site.settle(null);
  return site;
}

/** Lets the event loop turn, as it does between packets. */
const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

function cpuMicros(): number {
  const { user, system } = cpuUsage();
  return user + system;
}

/** Nanoseconds of one RCPT. */
async function longSession(site: Site): Promise<number> {
  const engine = site.current.smtp.open(peerOf(ENV), taker);
  engine.start();
  say(engine, EHLO);
  say(engine, MAIL);
  await turn();
  const began = cpuMicros();
  for (let i = 0; i < BATCH; i++) {
    say(engine, RCPTS[i]!);
    if (i % CONNECTIONS === CONNECTIONS - 1) await turn();
  }
  const took = cpuMicros() - began;
  engine.end("eof");
  return took * 1e3 / BATCH;
}

/** Nanoseconds of one session; a connection says one line a turn. */
async function shortSessions(site: Site): Promise<number> {
  const count = BATCH / 2;
  await turn();
  const began = cpuMicros();
  for (let i = 0; i < count; i++) {
    const engine = site.current.smtp.open(peerOf(ENV), taker);
    taker.pending = 0;
    engine.start();
    say(engine, EHLO);
    say(engine, MAIL);
    say(engine, RCPTS[i]!);
    if (engine.wants !== "close") throw new Error("The session went on");
    if (i % 4 === 3) await turn();
  }
  return (cpuMicros() - began) * 1e3 / count;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

const args = parseArgs(Deno.args, { string: ["root", "rounds", "only"] });
const rounds = Number(args.rounds ?? 15);
for (
  const [name, on, run] of [
    ["RCPT", "reject", longSession],
    ["session", "terminate", shortSessions],
  ] as const
) {
  if (args.only !== undefined && args.only !== name) continue;
  const site = await open(String(args.root ?? ""), on);
  const taken: number[] = [];
  for (let round = 0; round < rounds; round++) taken.push(await run(site));
  const best = Math.min(...taken);
  console.log(`${name}: ${median(taken).toFixed(0)} ns, best ${best.toFixed(0)} ns`);
  await site.close();
}
Deno.exit(0);
