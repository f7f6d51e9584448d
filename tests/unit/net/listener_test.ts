import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { Listener, type ListenerSetup } from "../../../net/listener.ts";
import { socketEnds } from "../../../net/shutdown.ts";
import type { TimerWheel } from "../../../net/timers.ts";
import {
  Notebook,
  readAll,
  readUntil,
  send,
  type ToyOptions,
  toyProtocol,
  toySetup,
} from "./toy.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
socketEnds(0);

/** Which sockets the listeners of a test have. */
let sockets: "auto" | "runtime" = "auto";

/** A test for each kind of sockets. */
function eachKind(name: string, body: () => Promise<void>): void {
  for (const kind of ["auto", "runtime"] as const) {
    Deno.test(`${name} (sockets: ${kind})`, async () => {
      sockets = kind;
      await body();
    });
  }
}

interface Site {
  readonly listener: Listener;
  readonly wheel: TimerWheel;
  readonly limits: SessionLimits;
  readonly protocol: ReturnType<typeof toyProtocol>;
  connect(): Promise<Deno.TcpConn>;
  end(): Promise<void>;
}

function open(options: ToyOptions = {}, change: Partial<ListenerSetup> = {}): Site {
  const protocol = toyProtocol(options);
  const setup = toySetup(protocol, { sockets, ...change });
  const listener = new Listener(setup);
  listener.start();
  return {
    listener,
    wheel: setup.wheel,
    limits: setup.limits,
    protocol,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port }),
    async end() {
      await listener.stop(0.2);
      setup.wheel.close();
    },
  };
}

eachKind("Listener: serves a session from greeting to QUIT", async () => {
  const site = open();
  const conn = await site.connect();
  assertEquals(await readUntil(conn, "\n"), "220 toy\r\n");
  await send(conn, "A\r\nQUIT\r\n");
  assertEquals(await readAll(conn), "250 A\r\n221 bye\r\n");
  conn.close();
  const peer = site.protocol.toys[0]?.peer;
  assertEquals([peer?.remoteIp, peer?.localIp, peer?.kind], ["127.0.0.1", "127.0.0.1", "socket"]);
  assertEquals([peer?.session, peer?.localPort], [1, site.listener.address.port]);
  await site.end();
  assertEquals(site.limits.value("sessions_open"), 0);
});

eachKind(
  "Listener: a client that pipelines 100 commands gets 550 and 421 and a clean end",
  async () => {
    const site = open();
    for (const separate of [false, true]) {
      const conn = await site.connect();
      conn.setNoDelay(true);
      const commands = Array.from({ length: 100 }, (_, i) => `RCPT TO:<user${i}@example.org>\r\n`);
      if (separate) {
        for (const command of commands) await send(conn, command).catch(() => {});
      } else await send(conn, commands.join(""));
      assertStringIncludes(
        await readAll(conn),
        "550 5.1.1 no such user\r\n421 4.7.0 closing\r\n",
      );
      conn.close();
    }
    await site.end();
    assertEquals(site.protocol.toys.map((t) => t.lines.length), [1, 1]);
  },
);

eachKind(
  "Listener: pipelined input beyond the read buffer still ends without a reset",
  async () => {
    const site = open();
    const conn = await site.connect();
    await send(conn, "RCPT x\r\n".repeat(20_000));
    assertEquals(
      await readAll(conn),
      "220 toy\r\n550 5.1.1 no such user\r\n421 4.7.0 closing\r\n",
    );
    conn.close();
    await site.end();
  },
);

eachKind("Listener: a client that closes its sending half still gets its answers", async () => {
  const site = open();
  const conn = await site.connect();
  await send(conn, "A\r\nB\r\n");
  await conn.closeWrite();
  assertEquals(await readAll(conn), "220 toy\r\n250 A\r\n250 B\r\n221 eof\r\n");
  conn.close();
  await site.end();
});

eachKind(
  "Listener: max_sessions_per_address N are served, N+1 gets the protocol's refusal",
  async () => {
    const limits = new SessionLimits(makeSharedLimits(10, 1), 0, 10, 2);
    const trace = new Notebook();
    const site = open({}, { limits, trace });
    const conns = [await site.connect(), await site.connect()];
    for (const conn of conns) assertEquals(await readUntil(conn, "\n"), "220 toy\r\n");
    const third = await site.connect();
    assertEquals(await readAll(third), "421 4.7.0 address\r\n");
    assertStringIncludes(trace.lines.join("\n"), "refused 127.0.0.1: too many sessions of this");
    await send(conns[0] as Deno.Conn, "QUIT\r\n");
    await readAll(conns[0] as Deno.Conn);
    const fourth = await site.connect();
    assertEquals(await readUntil(fourth, "\n"), "220 toy\r\n");
    for (const conn of [...conns, third, fourth]) conn.close();
    await site.end();
  },
);

eachKind("Listener: max_sessions is a limit over all addresses", async () => {
  const limits = new SessionLimits(makeSharedLimits(10, 1), 0, 1, 10);
  const site = open({}, { limits });
  const first = await site.connect();
  await readUntil(first, "\n");
  const second = await site.connect();
  assertEquals(await readAll(second), "421 4.7.0 sessions\r\n");
  first.close();
  second.close();
  await site.end();
});

eachKind("Listener: a service that is too busy refuses new sessions only", async () => {
  let busy = false;
  const site = open({}, { tooBusy: () => busy });
  const first = await site.connect();
  await readUntil(first, "\n");
  busy = true;
  const second = await site.connect();
  assertEquals(await readAll(second), "421 4.7.0 busy\r\n");
  await send(first, "A\r\n");
  assertEquals(await readUntil(first, "\n"), "250 A\r\n");
  first.close();
  second.close();
  await site.end();
});

eachKind("Listener: rules give a session its environment or keep the address out", async () => {
  const rules: { env: Record<string, string> | null } = { env: { RELAYCLIENT: "" } };
  const site = open({}, { rules: () => rules.env });
  const first = await site.connect();
  await readUntil(first, "\n");
  assertEquals(site.protocol.toys[0]?.peer.env, { RELAYCLIENT: "" });
  rules.env = null;
  const second = await site.connect();
  assertEquals(await readAll(second), "");
  first.close();
  second.close();
  await site.end();
});

eachKind("Listener: a silent client gets the engine's 421 and is closed", async () => {
  const site = open({ idleSeconds: 0.01 });
  const conn = await site.connect();
  assertEquals(await readAll(conn), "220 toy\r\n421 4.4.2 idle\r\n");
  conn.close();
  await site.end();
});

eachKind("Listener: a peer that does not read is ended and its socket freed", async () => {
  const site = open({}, { writeStallSeconds: 0.05 });
  const conn = await site.connect();
  await send(conn, "BIG 50000000\r\n");
  while ((site.protocol.toys[0]?.ended ?? null) === null) {
    await new Promise((r) => setTimeout(r, 5));
  }
  assertEquals(site.protocol.toys[0]?.ended, "stalled");
  assertMatch(await readAll(conn), /x+/);
  conn.close();
  await site.end();
  assertEquals(site.limits.value("stuck"), 0);
  assertEquals(site.limits.value("stalled"), 1);
});

eachKind(
  "Listener.stop: waiting sessions get 421, one with a message in hand finishes",
  async () => {
    const site = open();
    const waiting = await site.connect();
    const busy = await site.connect();
    await readUntil(waiting, "\n");
    await readUntil(busy, "\n");
    await send(busy, "BUSY\r\n");
    await readUntil(busy, "\n");
    const stopped = site.listener.stop(30);
    assertEquals(await readAll(waiting), "421 4.3.2 stopping\r\n");
    await send(busy, "FREE\r\n");
    assertEquals(await readAll(busy), "250 ok\r\n421 4.3.2 stopping\r\n");
    assertEquals(await stopped, 0);
    waiting.close();
    busy.close();
    await site.end();
  },
);

eachKind("Listener.stop: what is not finished in time is ended by force, and counted", async () => {
  const trace = new Notebook();
  const site = open({}, { trace });
  const conn = await site.connect();
  await readUntil(conn, "\n");
  await send(conn, "BUSY\r\n");
  await readUntil(conn, "\n");
  assertEquals(await site.listener.stop(0.01), 1);
  assertStringIncludes(trace.lines.join("\n"), "1 sessions ended by force");
  conn.close();
  assertEquals(site.limits.value("sessions_open"), 0);
  site.wheel.close();
});

eachKind("Listener: an engine that cannot be opened costs its connection only", async () => {
  const trace = new Notebook();
  const protocol = toyProtocol();
  const broken = {
    ...protocol,
    open: () => {
      throw new Error("no engine");
    },
  };
  const setup = toySetup(broken, { trace });
  const listener = new Listener(setup);
  listener.start();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.address.port });
  assertEquals(await readAll(conn), "421 4.7.0 fault\r\n");
  conn.close();
  assert(trace.ids.includes("net.session.fault"));
  await listener.stop(1);
  setup.wheel.close();
  assertEquals(setup.limits.value("sessions_open"), 0);
});

eachKind("Listener: rules that fail cost their connection only", async () => {
  const trace = new Notebook();
  let broken = true;
  const rules = () => {
    if (broken) throw new Error("rules are broken");
    return {};
  };
  const site = open({}, { trace, rules });
  const first = await site.connect();
  assertEquals(await readAll(first), "421 4.7.0 fault\r\n");
  broken = false;
  const second = await site.connect();
  assertEquals(await readUntil(second, "\n"), "220 toy\r\n");
  assertStringIncludes(trace.lines.join("\n"), "rules are broken");
  first.close();
  second.close();
  await site.end();
  assertEquals(site.limits.value("sessions_open"), 0);
});

eachKind("Listener: rules for names that fail late cost their connection only", async () => {
  const trace = new Notebook();
  const site = open({}, { trace, rules: () => Promise.reject(new Error("rules are broken")) });
  const conn = await site.connect();
  assertEquals(await readAll(conn), "421 4.7.0 fault\r\n");
  assertStringIncludes(trace.lines.join("\n"), "rules are broken");
  conn.close();
  await site.end();
  assertEquals(site.limits.value("sessions_open"), 0);
});
