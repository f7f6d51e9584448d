/**
 * The POP3 service without sockets: whole sessions on 100 messages (login, STAT, UIDL, RETR 1, QUIT), the byte loop
 * of RETR, and login to STAT on 50,000 messages whose sizes are in their names, kept and read anew.
 * Run: deno bench -A tests/bench/pop3_bench.ts
 */
import { createMaildropCache } from "../../pop3/maildrop_cache.ts";
import { LOCAL_FILES } from "../../pop3/maildrop_files.ts";
import { createPop3Engine } from "../../pop3/session.ts";
import { newWireState, toWire, wireBytes } from "../../pop3/wire.ts";
import { NO_TRACE } from "../../trace/tracer.ts";
import type { Output } from "../../net/types.ts";
import { authDouble, CONFIG, PEER } from "../unit/pop3/kit.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const MESSAGE = "From: a@example.org\nSubject: bench\n\n" + ("x".repeat(70) + "\n").repeat(28);

function makeMaildir(count: number, content: string): string {
  const path = Deno.makeTempDirSync({ prefix: "qfront-bench-" });
  for (const dir of ["new", "cur", "tmp"]) Deno.mkdirSync(`${path}/${dir}`);
  const octets = content.length + content.split("\n").length - 1;
  for (let i = 0; i < count; i++) {
    const base = `1700000000.M${100000 + i}P1.host,S=${content.length},W=${octets}`;
    Deno.writeTextFileSync(`${path}/cur/${base}:2,S`, content);
  }
  for (const dir of ["new", "cur"]) Deno.utimeSync(`${path}/${dir}`, 1700000000, 1700000000);
  return path;
}

const store = new Uint8Array(1 << 20);

/** Takes everything at once, as a fast client does. */
function sink(): Output & { taken: number } {
  return {
    taken: 0,
    pending: 0,
    bytes(bytes) {
      store.set(bytes, 0);
      this.taken += bytes.length;
    },
    text(text) {
      for (let i = 0; i < text.length; i++) store[i] = text.charCodeAt(i);
      this.taken += text.length;
    },
    drain: () => Promise.resolve(),
  };
}

const newCache = () =>
  createMaildropCache({
    files: LOCAL_FILES,
    sizes: "exact",
    maxMessages: 200000,
    tracer: NO_TRACE,
    clock: Date.now,
  });

async function session(path: string, cache: ReturnType<typeof newCache>, lines: string[]) {
  const engine = createPop3Engine(
    {
      config: CONFIG,
      auth: authDouble(),
      openMaildrop: (_, session) => cache.open(path, session),
      tracer: NO_TRACE,
      clock: Date.now,
    },
    PEER,
    sink(),
  );
  await engine.start();
  for (const line of lines) {
    const waiting = engine.receive(encode(line));
    if (waiting !== undefined) await waiting;
  }
}

const W5 = ["USER joe\r\n", "PASS secret\r\n", "STAT\r\n", "UIDL\r\n", "RETR 1\r\n", "QUIT\r\n"];
const STAT = ["USER joe\r\n", "PASS secret\r\n", "STAT\r\n"];
const small = makeMaildir(100, MESSAGE);
const large = makeMaildir(50000, "x\n");
addEventListener("unload", () => {
  for (const path of [small, large]) Deno.removeSync(path, { recursive: true });
});
const kept = newCache();

Deno.bench("session on 100 messages, directories unchanged", async () => {
  await session(small, kept, W5);
});
Deno.bench("session on 100 messages, directories read", async () => {
  await session(small, newCache(), W5);
});
Deno.bench("login to STAT on 50,000 messages, unchanged", async () => {
  await session(large, kept, STAT);
});
Deno.bench("login to STAT on 50,000 messages, directories read", { n: 5, warmup: 1 }, async () => {
  await session(large, newCache(), STAT);
});

const piece = encode(MESSAGE.repeat(40).slice(0, 65536));
const wire = new Uint8Array(wireBytes(65536));
Deno.bench("toWire: 64 KiB of lines", () => {
  toWire(newWireState(-1), piece, piece.length, wire);
});
Deno.bench("toWire: 64 KiB of lines for TOP", () => {
  toWire(newWireState(1000000), piece, piece.length, wire);
});
