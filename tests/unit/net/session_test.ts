import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { largeLent } from "../../../net/buffers.ts";
import { runSession, Session, type SessionEnd, type SessionSetup } from "../../../net/session.ts";
import { TimerWheel } from "../../../net/timers.ts";
import { createClosedEngine } from "../../../net/closed_engine.ts";
import type { Duplex, Output, Peer, Protocol } from "../../../net/types.ts";
import { Notebook, toBytes, toText, TOY_PEER, toyProtocol } from "./toy.ts";

/** A stream whose input is a list of chunks; records each write. */
class Tape implements Duplex {
  readonly writes: string[] = [];
  readonly calls: string[] = [];
  closed = 0;
  readonly #chunks: (string | Error)[];
  #interrupt: ((n: number | null) => void) | null = null;
  /** Bytes a write takes at most; 0: never returns until aborted. */
  takes = Infinity;
  failWrites = false;
  #blocked: ((error: Error) => void) | null = null;

  constructor(chunks: (string | Error)[], readonly hang = false) {
    this.#chunks = [...chunks];
  }
  read(buffer: Uint8Array): Promise<number | null> {
    this.calls.push("read");
    const chunk = this.#chunks.shift();
    if (chunk instanceof Error) return Promise.reject(chunk);
    if (chunk === undefined) {
      if (!this.hang) return Promise.resolve(null);
      return new Promise((resolve) => this.#interrupt = resolve);
    }
    const bytes = toBytes(chunk);
    const n = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, n));
    if (n < bytes.length) this.#chunks.unshift(chunk.slice(n));
    return Promise.resolve(n);
  }
  write(bytes: Uint8Array): Promise<number> {
    this.calls.push("write");
    if (this.failWrites) return Promise.reject(new Deno.errors.BrokenPipe("gone"));
    if (this.takes === 0) return new Promise((_, reject) => this.#blocked = reject);
    const n = Math.min(bytes.length, this.takes);
    this.writes.push(toText(bytes.subarray(0, n)));
    return Promise.resolve(n);
  }
  closeWrite(): Promise<void> {
    this.calls.push("closeWrite");
    return Promise.resolve();
  }
  close(): void {
    this.closed++;
    this.#interrupt?.(null);
  }
  setNoDelay(): void {
    this.calls.push("setNoDelay");
  }
  abort(): void {
    this.calls.push("abort");
    this.#blocked?.(new Deno.errors.BrokenPipe("shut down"));
  }
}

function setupFor(protocol: Protocol, change: Partial<SessionSetup> = {}): SessionSetup {
  return {
    protocol,
    wheel: new TimerWheel(2),
    trace: new Notebook(),
    writeStallSeconds: 60,
    ...change,
  };
}

const begin = (session: Session): Promise<SessionEnd> =>
  new Promise((resolve) => session.begin(null, resolve));

async function run(tape: Tape, options = {}, change: Partial<SessionSetup> = {}) {
  const protocol = toyProtocol(options);
  const setup = setupFor(protocol, change);
  const alive = setInterval(() => {}, 1000);
  const end = await runSession(tape, TOY_PEER, setup);
  clearInterval(alive);
  setup.wheel.close();
  const [toy] = protocol.toys;
  assert(toy !== undefined);
  return { end, toy, trace: setup.trace as Notebook };
}

Deno.test("runSession: several commands in one read are answered with one write", async () => {
  const tape = new Tape(["A\r\nB\r\nC\r\nQUIT\r\n"]);
  const { end, toy } = await run(tape);
  assertEquals(end, "closed");
  assertEquals(tape.writes, ["220 toy\r\n", "250 A\r\n250 B\r\n250 C\r\n221 bye\r\n"]);
  assertEquals(toy.endCalls, 0);
  assertEquals(tape.closed, 1);
});

for (
  const [what, chunks, isWanted] of [
    ["waits for each answer", ["A\r\n", "B\r\n", "QUIT\r\n"], false],
    ["sends two commands at once", ["A\r\nB\r\n", "QUIT\r\n"], true],
    ["sends a command in two pieces", ["A", "B\r\n", "QUIT\r\n"], false],
    ["gets more than a packet", [`${"A".repeat(1100)}\r\n`, "QUIT\r\n"], true],
  ] as const
) {
  Deno.test(`runSession: a client that ${what}: answers ${isWanted ? "" : "need not "}leave at once`, async () => {
    const tape = new Tape([...chunks]);
    await run(tape);
    const asked = tape.calls.filter((call) => call === "setNoDelay");
    assertEquals(asked.length, isWanted ? 1 : 0);
    // Before anything is written that might wait.
    if (isWanted) assert(tape.calls.indexOf("setNoDelay") < tape.calls.lastIndexOf("write"));
  });
}

Deno.test("runSession: partial writes are completed in order", async () => {
  const tape = new Tape(["HELLO WORLD\r\n"]);
  tape.takes = 3;
  await run(tape);
  assertEquals(tape.writes.join(""), "220 toy\r\n250 HELLO WORLD\r\n221 eof\r\n");
});

Deno.test("runSession: the end of input is told once, and last words are written", async () => {
  const tape = new Tape(["A\r\n"]);
  const { end, toy } = await run(tape);
  assertEquals([end, toy.ended, toy.endCalls], ["eof", "eof", 1]);
  assertEquals(tape.writes.at(-1), "221 eof\r\n");
});

Deno.test("runSession: an engine that is closed from the start says its last word, and nothing is read", async () => {
  const tape = new Tape(["QUIT\r\n"]);
  const open = (_: Peer, output: Output) => createClosedEngine(toBytes("421 not now\r\n"), output);
  const setup = setupFor({ ...toyProtocol(), open });
  assertEquals(await runSession(tape, TOY_PEER, setup), "closed");
  setup.wheel.close();
  assertEquals(tape.writes, ["421 not now\r\n"]);
  assertEquals(tape.calls.includes("read"), false);
});

Deno.test("runSession: a connection reset while reading ends the session quietly", async () => {
  const reset = new Deno.errors.ConnectionReset("reset");
  const { end, toy, trace } = await run(new Tape(["A\r\n", reset]));
  assertEquals([end, toy.ended], ["eof", "eof"]);
  assertEquals(trace.ids, ["net.dialogue.begun", "net.session.ended"]);
});

Deno.test("runSession: a truncated TLS stream is the end of input", async () => {
  const { end } = await run(new Tape([new Deno.errors.UnexpectedEof("no close_notify")]));
  assertEquals(end, "eof");
});

Deno.test("runSession: a write that fails ends the session with io_error, told once", async () => {
  const tape = new Tape(["A\r\n"]);
  tape.failWrites = true;
  const { end, toy, trace } = await run(tape);
  assertEquals([end, toy.ended, toy.endCalls], ["io_error", "io_error", 1]);
  assertEquals(trace.ids, ["net.dialogue.begun", "net.session.ended"]);
});

Deno.test("runSession: an engine that throws gives the client the protocol's 421 and a trace line", async () => {
  const tape = new Tape(["A\r\n", "THROW\r\n"]);
  const { end, toy, trace } = await run(tape);
  assertEquals([end, toy.endCalls], ["fault", 1]);
  assertStringIncludes(tape.writes.at(-1) ?? "", "421 4.7.0 fault");
  assertStringIncludes(trace.lines.join("\n"), "toy is broken");
});

Deno.test("runSession: after a drop nothing more is judged or answered", async () => {
  const tape = new Tape(["RCPT a\r\n" + "RCPT b\r\n".repeat(99)]);
  const { toy } = await run(tape);
  assertEquals(toy.lines, ["RCPT a"]);
  assertEquals(tape.writes.at(-1), "550 5.1.1 no such user\r\n421 4.7.0 closing\r\n");
});

Deno.test("runSession: a client that waits for each answer is closed at once after a drop", async () => {
  const tape = new Tape(["RCPT a\r\n"], true);
  await run(tape);
  assertEquals(tape.calls.slice(-2), ["read", "write"]);
});

Deno.test("runSession: a client that pipelines gets an end of output and a bounded time", async () => {
  const tape = new Tape(["RCPT a\r\nRCPT b\r\n", "RCPT c\r\n"]);
  await run(tape);
  assertEquals(tape.calls.slice(-4), ["write", "closeWrite", "read", "read"]);
});

Deno.test("runSession: a client that goes on sending after a drop is closed within the bound", async () => {
  const tape = new Tape(["RCPT a\r\nRCPT b\r\n"], true);
  const { end } = await run(tape);
  assertEquals(end, "closed");
  assertEquals(tape.calls.slice(-2), ["closeWrite", "read"]);
});

Deno.test("runSession: silence longer than idleSeconds gets the engine's 421", async () => {
  const tape = new Tape(["A\r\n"], true);
  const { end, toy } = await run(tape, { idleSeconds: 0.01 });
  assertEquals([end, toy.ended, toy.endCalls], ["idle", "idle", 1]);
  assertEquals(tape.writes.at(-1), "421 4.4.2 idle\r\n");
});

Deno.test("runSession: the session time ends a session that waits for input", async () => {
  const tape = new Tape(["A\r\n"], true);
  const { end } = await run(tape, { sessionSeconds: 0.01 });
  assertEquals(end, "session_time");
  assertEquals(tape.writes.at(-1), "421 4.4.2 too long\r\n");
});

Deno.test("runSession: a peer that does not read is aborted after the write stall", async () => {
  const tape = new Tape(["A\r\n"], true);
  tape.takes = 0;
  const { end, toy, trace } = await run(tape, {}, { writeStallSeconds: 0.01 });
  assertEquals([end, toy.ended, toy.endCalls], ["stalled", "stalled", 1]);
  assert(tape.calls.includes("abort"));
  assert(trace.ids.includes("net.session.stalled"));
});

Deno.test("runSession: where a blocked write cannot be ended the session still ends, with a trace line", async () => {
  const tape = new Tape([], true);
  tape.takes = 0;
  Object.defineProperty(tape, "abort", { value: undefined });
  const { end, trace } = await run(tape, {}, { writeStallSeconds: 0.01 });
  assertEquals(end, "stalled");
  assert(trace.ids.includes("net.session.stuck"));
});

Deno.test("runSession: large answers are drained and arrive complete", async () => {
  const tape = new Tape(["BIG 300000\r\n"]);
  await run(tape);
  const all = tape.writes.join("");
  assertEquals(all.length, "220 toy\r\n".length + 300000 + "\r\n250 big\r\n221 eof\r\n".length);
});

Deno.test("runSession: an engine that drains twice at a time is at fault, and no byte goes out twice", async () => {
  const protocol = toyProtocol();
  const hasty = {
    ...protocol,
    open(...[peer, output]: Parameters<Protocol["open"]>) {
      const toy = protocol.open(peer, output);
      toy.receive = async () => {
        output.text("once\r\n");
        await Promise.all([output.drain(), output.drain()]);
      };
      return toy;
    },
  };
  const tape = new Tape(["A\r\n"]);
  const setup = setupFor(hasty);
  assertEquals(await runSession(tape, TOY_PEER, setup), "fault");
  assertEquals(tape.writes.filter((text) => text.includes("once")).length, 1);
  setup.wheel.close();
});

Deno.test("runSession: large buffers are given back", async () => {
  await run(new Tape(["x".repeat(200_000) + "\r\nBUSY\r\nA\r\nB\r\n", "C\r\n"]));
  assertEquals(largeLent(), 0);
});

Deno.test("Session.stop: ends a waiting session, waits for one with a message in hand", async () => {
  const protocol = toyProtocol();
  const setup = setupFor(protocol);
  const idle = new Session(new Tape([], true), TOY_PEER, setup);
  const busyTape = new Tape(["BUSY\r\n"], true);
  const busy = new Session(busyTape, TOY_PEER, setup);
  const idleEnd = begin(idle);
  const busyEnd = begin(busy);
  while (protocol.toys[1]?.busy !== true) await Promise.resolve();
  await Promise.resolve();
  idle.stop();
  busy.stop();
  assertEquals(await idleEnd, "shutdown");
  assertEquals(protocol.toys[1]?.endCalls, 0);
  busy.kill();
  assertEquals(await busyEnd, "shutdown");
  setup.wheel.close();
});

Deno.test("Session.stop: a message that is finished after the stop ends the session", async () => {
  const tape = new Tape(["SLOW\r\n"], true);
  const protocol = toyProtocol();
  const setup = setupFor(protocol);
  const session = new Session(tape, TOY_PEER, setup);
  const ended = begin(session);
  const [toy] = protocol.toys;
  assert(toy !== undefined);
  while (toy.lines.length === 0) await Promise.resolve();
  session.stop();
  toy.release();
  assertEquals(await ended, "shutdown");
  assertEquals(tape.writes.at(-2), "250 at last\r\n");
  assertEquals(tape.writes.at(-1), "421 4.3.2 stopping\r\n");
  setup.wheel.close();
});

Deno.test("runSession: after TLS the engine is told, reads from the secured stream, and no new greeting comes", async () => {
  const clear = new Tape(["TLS\r\n", "A\r\n"]);
  const inner = new Tape(["B\r\nQUIT\r\n"]);
  const info = { version: "TLSv1.3", cipher: "X", sni: null, clientSubject: null };
  const { toy } = await run(clear, {}, {
    upgrade: () => Promise.resolve({ conn: inner, info }),
  });
  assertEquals(toy.secure, info);
  assertEquals(toy.lines, ["TLS", "B", "QUIT"]);
  assertEquals(inner.writes, ["250 B\r\n221 bye\r\n"]);
});

Deno.test("runSession: a failed handshake ends the session without a word in clear", async () => {
  const tape = new Tape(["TLS\r\n"]);
  const { end, toy, trace } = await run(tape, {}, {
    upgrade: () => Promise.reject(new Error("no handshake")),
  });
  assertEquals([end, toy.ended], ["tls_failed", "io_error"]);
  assertEquals(tape.writes.at(-1), "220 go\r\n");
  assertEquals(trace.ids.includes("net.session.fault"), false);
});

Deno.test("Session.kill: a handshake that succeeds after all does not leave its stream open", async () => {
  const inner = new Tape([], true);
  const info = { version: "TLSv1.3", cipher: "X", sni: null, clientSubject: null };
  const { promise, resolve } = Promise.withResolvers<{ conn: Duplex; info: typeof info }>();
  const asked = Promise.withResolvers<void>();
  const setup = setupFor(toyProtocol(), {
    upgrade() {
      asked.resolve();
      return promise;
    },
  });
  const session = new Session(new Tape(["TLS\r\n"], true), TOY_PEER, setup);
  const ended = begin(session);
  await asked.promise;
  session.kill();
  assertEquals(await ended, "shutdown");
  resolve({ conn: inner, info });
  await new Promise((done) => setTimeout(done));
  assertEquals([inner.closed, inner.writes], [1, []]);
  setup.wheel.close();
});
