import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Listener } from "../../../net/listener.ts";
import { socketEnds } from "../../../net/shutdown.ts";
import type { Engine, Output, Peer, Protocol } from "../../../net/types.ts";
import { readAll, readUntil, send, Toy, toySetup } from "./toy.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
socketEnds(0);

/** Waits before its greeting, and sends early talkers away when `isStrict`. */
class Patient extends Toy {
  early = false;
  started = false;

  constructor(
    peer: Peer,
    output: Output,
    readonly greetDelaySeconds: number,
    readonly isStrict: boolean,
  ) {
    super(peer, output);
  }

  spokeEarly(): void {
    this.early = true;
  }

  override start(): void {
    this.started = true;
    if (!this.early || !this.isStrict) return super.start();
    this.output.text("554 too early\r\n");
    this.wants = "close";
  }
}

function open(delay: number, isStrict = false) {
  const toys: Patient[] = [];
  const protocol: Protocol = {
    name: "toy",
    open(peer, output): Engine {
      const toy = new Patient(peer, output, delay, isStrict);
      toys.push(toy);
      return toy;
    },
    refuse: (reason) => new TextEncoder().encode(`421 ${reason}\r\n`),
  };
  const setup = toySetup(protocol);
  const listener = new Listener(setup);
  return {
    listener,
    limits: setup.limits,
    toys,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: listener.address.port }),
    async end() {
      await listener.stop(0.2);
      setup.wheel.close();
      assertEquals(setup.limits.value("sessions_open"), 0);
    },
  };
}

Deno.test("Session: who speaks before the greeting is told of at once, and nothing of it is lost", async () => {
  // Far longer than the test: the wait ends because the client spoke.
  const site = open(3600);
  site.listener.start();
  const conn = await site.connect();
  const long = "B".repeat(5000);
  await send(conn, `A\r\n${long}\r\nQUIT\r\n`);
  assertEquals(await readAll(conn), `220 toy\r\n250 A\r\n250 ${long}\r\n221 bye\r\n`);
  assertEquals(site.toys.map((toy) => toy.early), [true]);
  conn.close();
  await site.end();
});

Deno.test("Session: an early talker that is sent away reads why, however much it said", async () => {
  const site = open(3600, true);
  site.listener.start();
  const conn = await site.connect();
  await send(conn, "RCPT x\r\n".repeat(5000));
  assertEquals(await readAll(conn), "554 too early\r\n");
  assertEquals(site.toys[0]?.lines, []);
  conn.close();
  await site.end();
});

Deno.test("Session: who waits is greeted when the time is over, and is no early talker", async () => {
  const site = open(0.02, true);
  site.listener.start();
  const conn = await site.connect();
  assertEquals(await readUntil(conn, "\n"), "220 toy\r\n");
  await send(conn, "A\r\nQUIT\r\n");
  assertEquals(await readAll(conn), "250 A\r\n221 bye\r\n");
  assertEquals(site.toys.map((toy) => toy.early), [false]);
  conn.close();
  await site.end();
});

Deno.test("Session: who goes before the greeting was never greeted", async () => {
  const site = open(3600);
  site.listener.start();
  const conn = await site.connect();
  await conn.closeWrite();
  assertEquals(await readAll(conn), "221 eof\r\n");
  assertEquals(site.toys.map((toy) => [toy.started, toy.ended]), [[false, "eof"]]);
  conn.close();
  await site.end();
});

Deno.test("Session: a stop ends the wait with the last word of a stop", async () => {
  const site = open(3600);
  site.listener.start();
  const conn = await site.connect();
  while (site.toys.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await site.end();
  assertEquals(await readAll(conn), "421 4.3.2 stopping\r\n");
  conn.close();
});

Deno.test("Session: without a wait, what lies there when the connection is taken is early", async () => {
  const site = open(0);
  const early = await site.connect();
  await send(early, "EHLO h\r\n");
  site.listener.start();
  assertStringIncludes(await readUntil(early, "250"), "220 toy\r\n250");
  const polite = await site.connect();
  assertEquals(await readUntil(polite, "\n"), "220 toy\r\n");
  await send(polite, "QUIT\r\n");
  await readAll(polite);
  assertEquals(site.toys.map((toy) => toy.early), [true, false]);
  early.close();
  polite.close();
  await site.end();
});

Deno.test("Session: an engine that does not ask for it is greeted without a wait", async () => {
  const site = open(0);
  const toys: Toy[] = [];
  const setup = toySetup({
    name: "toy",
    open(peer, output) {
      const toy = new Toy(peer, output);
      toys.push(toy);
      return toy;
    },
    refuse: () => new Uint8Array(0),
  });
  const listener = new Listener(setup);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.address.port });
  await send(conn, "QUIT\r\n");
  listener.start();
  assertEquals(await readAll(conn), "220 toy\r\n221 bye\r\n");
  conn.close();
  await listener.stop(0.1);
  setup.wheel.close();
  await site.end();
  assert(toys.length === 1);
});
