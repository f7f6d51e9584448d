import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  IPPROTO_TCP,
  pollCalls,
  readName,
  socketName,
  TCP_NODELAY,
} from "../../../net/poll_calls.ts";
import { listenPolled } from "../../../net/polled.ts";
import type { PolledConn } from "../../../net/polled_conn.ts";
import type { PolledListener } from "../../../net/polled_listener.ts";
import { poller } from "../../../net/poller.ts";
import { socketEnds } from "../../../net/shutdown.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
const libc = pollCalls();
const BLOCKING = libc === null ? null : Deno.dlopen("libc.so.6", {
  pipe: { parameters: ["buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
}).symbols;

if (libc !== null) socketEnds(-1);

const ignore = libc === null;

function listen(host = "127.0.0.1"): PolledListener {
  const listener = listenPolled(host, 0, false);
  assert(listener !== null);
  return listener;
}

interface Pair {
  readonly client: Deno.TcpConn;
  readonly server: PolledConn;
  end(): Promise<void>;
}

async function pair(host = "127.0.0.1"): Promise<Pair> {
  const listener = listen(host);
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: host, port: listener.addr.port }),
    listener.accept(),
  ]);
  return {
    client,
    server,
    async end() {
      for (const thing of [client, server, listener]) {
        try {
          thing.close();
        } catch {
          // The test closed it.
        }
      }
      await poller()?.settled();
    },
  };
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const text = (buffer: Uint8Array, count: number | null): string | null =>
  count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));

/** Is TCP_NODELAY set for `conn`? Its descriptor is the one whose ends are its ends. */
function sendsAtOnce(conn: PolledConn): boolean {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const ends = socketEnds(Number(name));
    if (ends?.local.port !== conn.localAddr.port || ends.remote.port !== conn.remoteAddr.port) {
      continue;
    }
    const value = new Uint8Array(4);
    const length = new Uint8Array(new Uint32Array([4]).buffer);
    assertEquals(
      BLOCKING?.getsockopt(Number(name), IPPROTO_TCP, TCP_NODELAY, value, length),
      0,
    );
    return value[0] !== 0;
  }
  throw new Error("The connection has no descriptor");
}

Deno.test({
  name: "PolledConn: small pieces leave at once, as the listener has it, until that is changed",
  ignore,
  async fn() {
    const { server, end } = await pair();
    assert(sendsAtOnce(server));
    server.setNoDelay(true);
    assert(sendsAtOnce(server));
    server.setNoDelay(false);
    assert(!sendsAtOnce(server));
    server.setNoDelay(true);
    assert(sendsAtOnce(server));
    await end();
  },
});

Deno.test({
  name: "PolledConn: what one end writes the other reads, and both know each other",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const buffer = new Uint8Array(100);
    const waiting = server.read(buffer);
    await client.write(bytes("one"));
    assertEquals(text(buffer, await waiting), "one");
    assertEquals(await server.write(bytes("two")), 3);
    assertEquals(text(buffer, await client.read(buffer)), "two");
    const local = client.localAddr as Deno.NetAddr;
    const remote = client.remoteAddr as Deno.NetAddr;
    assertEquals(server.remoteAddr, { hostname: local.hostname, port: local.port });
    assertEquals(server.localAddr, { hostname: remote.hostname, port: remote.port });
    await end();
  },
});

Deno.test({
  name: "PolledConn: input that came before it is asked for, and more than a buffer of it",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const buffer = new Uint8Array(4);
    await client.write(bytes("abcdefghij"));
    assertEquals(text(buffer, await server.read(buffer)), "abcd");
    assertEquals(text(buffer, await server.read(buffer)), "efgh");
    assertEquals(text(buffer, await server.read(buffer)), "ij");
    const waiting = server.read(buffer);
    await client.write(bytes("k"));
    assertEquals(text(buffer, await waiting), "k");
    await end();
  },
});

Deno.test({
  name: "PolledConn: reads and writes that are asked for meanwhile follow one another",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const buffers = [new Uint8Array(3), new Uint8Array(3), new Uint8Array(3)] as const;
    const reads = buffers.map((buffer) => server.read(buffer));
    await client.write(bytes("onetwo"));
    assertEquals(await Promise.all(reads.slice(0, 2)), [3, 3]);
    assertEquals(buffers.map((buffer) => text(buffer, 3)).slice(0, 2), ["one", "two"]);
    server.close();
    await assertRejects(() => reads[2] as Promise<unknown>, Deno.errors.Interrupted);
    await end();
  },
});

Deno.test({
  name: "PolledConn: the end of input is null again and again, and the other direction stays open",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const buffer = new Uint8Array(10);
    await client.write(bytes("last"));
    await client.closeWrite();
    assertEquals(text(buffer, await server.read(buffer)), "last");
    assertEquals(await server.read(buffer), null);
    assertEquals(await server.read(buffer), null);
    await server.write(bytes("bye"));
    await server.closeWrite();
    assertEquals(text(buffer, await client.read(buffer)), "bye");
    assertEquals(await client.read(buffer), null);
    await end();
  },
});

Deno.test({
  name: "PolledConn.read: a reset of the peer is an error of the runtime's kind",
  ignore,
  async fn() {
    assert(BLOCKING !== null);
    const listener = listen();
    // The runtime's connections end their output before they are closed; this one is closed with unread input.
    const fd = BLOCKING.socket(2, 1, 0);
    const name = socketName("127.0.0.1", listener.addr.port);
    assertEquals(BLOCKING.connect(fd, name, name?.length ?? 0), 0);
    const server = await listener.accept();
    await server.write(bytes("unread"));
    const reading = server.read(new Uint8Array(10));
    BLOCKING.close(fd);
    await assertRejects(() => reading, Deno.errors.ConnectionReset);
    server.close();
    listener.close();
    await poller()?.settled();
  },
});

/** Writes until the peer's buffers and ours are full: the write that waits. */
async function fill(server: PolledConn): Promise<{ readonly writing: Promise<number> }> {
  const block = new Uint8Array(1 << 20);
  for (;;) {
    let isWritten = false;
    const writing = server.write(block);
    writing.then(() => isWritten = true, () => {});
    // A write that the kernel takes at once has settled by then.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (!isWritten) return { writing };
  }
}

Deno.test({
  name: "PolledConn.write: waits for a peer that does not read, and goes on when it does",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const { writing } = await fill(server);
    const buffer = new Uint8Array(1 << 20);
    let written = 0;
    const done = writing.then((count) => written = count);
    while (written === 0) await Promise.race([client.read(buffer), done]);
    assert(written > 0);
    await end();
  },
});

Deno.test({
  name: "PolledConn: shutdown ends a write that the peer blocks, and the read beside it",
  ignore,
  async fn() {
    const { server, end } = await pair();
    const { writing } = await fill(server);
    const reading = server.read(new Uint8Array(1));
    server.shutdown();
    await assertRejects(() => writing, Deno.errors.BrokenPipe);
    assertEquals(await reading, null);
    await end();
  },
});

Deno.test({
  name: "PolledConn.close: ends a read and a write that wait; afterwards everything is refused",
  ignore,
  async fn() {
    const { server, end } = await pair();
    const { writing } = await fill(server);
    const reading = server.read(new Uint8Array(1));
    server.close();
    await assertRejects(() => reading, Deno.errors.Interrupted);
    await assertRejects(() => writing, Deno.errors.Interrupted);
    await assertRejects(() => server.read(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => server.write(new Uint8Array(1)), Deno.errors.BadResource);
    await assertRejects(() => server.closeWrite(), Deno.errors.BadResource);
    assertThrows(() => server.close(), Deno.errors.BadResource);
    await end();
  },
});

Deno.test({
  name:
    "PolledConn: a descriptor's number that is used again is not told what its predecessor missed",
  ignore,
  async fn() {
    const listener = listen();
    const buffer = new Uint8Array(10);
    for (let round = 0; round < 50; round++) {
      const connect = () => Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
      const [first, one] = await Promise.all([connect(), listener.accept()]);
      const reading = one.read(buffer);
      await first.write(bytes("first"));
      await reading;
      await first.write(bytes("never read"));
      one.close();
      const [second, two] = await Promise.all([connect(), listener.accept()]);
      const next = two.read(buffer);
      await second.write(bytes(`${round}`));
      assertEquals(text(buffer, await next), `${round}`);
      for (const conn of [first, second, two]) conn.close();
    }
    listener.close();
    await poller()?.settled();
  },
});

Deno.test({
  name: "PolledListener: a crowd that comes at once is served, each one what is his",
  ignore,
  async fn() {
    const listener = listen();
    const served = (async () => {
      for (let i = 0; i < 300; i++) {
        const conn = await listener.accept();
        const buffer = new Uint8Array(10);
        conn.read(buffer).then((count) => conn.write(buffer.subarray(0, count ?? 0)))
          .then(() => conn.close());
      }
    })();
    const echo = async (_: unknown, i: number) => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
      await conn.write(bytes(`${i}`));
      const buffer = new Uint8Array(10);
      assertEquals(text(buffer, await conn.read(buffer)), `${i}`);
      conn.close();
    };
    await Promise.all([served, ...Array.from({ length: 300 }, echo)]);
    listener.close();
    await poller()?.settled();
  },
});

Deno.test({
  name: "PolledListener.close: ends an accept that waits, and connections that nobody took",
  ignore,
  async fn() {
    const listener = listen();
    const waiting = listener.accept();
    listener.close();
    await assertRejects(() => waiting, Deno.errors.BadResource);
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
    await poller()?.settled();
  },
});

Deno.test({
  name: "Poller: sockets are served while every thread of the runtime hangs",
  ignore,
  async fn() {
    assert(BLOCKING !== null);
    const ends = new Int32Array(2);
    BLOCKING.pipe(new Uint8Array(ends.buffer));
    const [out = -1, into = -1] = ends;
    const hanging = Array.from({ length: 64 }, () => BLOCKING.read(out, new Uint8Array(1), 1n));
    const { client, server, end } = await pair();
    const buffer = new Uint8Array(10);
    for (let i = 0; i < 3; i++) {
      const reading = server.read(buffer);
      await client.write(bytes(`${i}`));
      assertEquals(text(buffer, await reading), `${i}`);
    }
    BLOCKING.write(into, new Uint8Array(64), 64n);
    assertEquals((await Promise.all(hanging)).map(Number), Array(64).fill(1));
    BLOCKING.close(out);
    BLOCKING.close(into);
    await end();
  },
});

Deno.test({
  name: "Poller: a watcher that throws is told of, and the others are served",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const told = Promise.withResolvers<unknown>();
    const hear = (event: ErrorEvent) => {
      event.preventDefault();
      told.resolve(event.error);
    };
    globalThis.addEventListener("error", hear);
    const fault = new Error("a watcher's own fault");
    const ready = server.ready.bind(server);
    server.ready = () => {
      server.ready = ready;
      throw fault;
    };
    await client.write(bytes("x"));
    assertEquals(await told.promise, fault);
    globalThis.removeEventListener("error", hear);
    await client.write(bytes("y"));
    const buffer = new Uint8Array(10);
    assertEquals(text(buffer, await server.read(buffer)), "xy");
    await end();
  },
});

Deno.test({
  name: "Poller: timers and files have their turn while a socket is busy",
  ignore,
  async fn() {
    const { client, server, end } = await pair();
    const buffer = new Uint8Array(10);
    let busy = true;
    const echo = (async () => {
      while (busy) {
        const reading = server.read(buffer);
        await client.write(bytes("x"));
        await reading;
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 1));
    await Deno.readTextFile(new URL(import.meta.url));
    busy = false;
    await echo;
    await end();
  },
});

Deno.test({
  name: "listenPolled: a name, a zone and an address of another machine are not listened on",
  ignore,
  fn() {
    assertEquals(listenPolled("localhost", 0, false), null);
    assertEquals(listenPolled("fe80::1%lo", 0, false), null);
    assertThrows(() => listenPolled("192.0.2.1", 0, false), Deno.errors.AddrNotAvailable);
  },
});

Deno.test("socketName: an address comes back as it went in", () => {
  for (const [host, port] of [["127.0.0.1", 25], ["::1", 65535], ["2001:db8::7", 995]] as const) {
    const name = socketName(host, port);
    assertEquals(name === null ? null : readName(name), { hostname: host, port });
  }
  assertEquals(socketName("mail.example.org", 25), null);
});
