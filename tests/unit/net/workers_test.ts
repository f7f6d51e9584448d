import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { isWorker, Supervisor, workerCount } from "../../../net/workers.ts";
import { Notebook, readAll, readUntil, send } from "./toy.ts";
import type { ToyConfig } from "./worker_program.ts";

const ENTRY = new URL("./worker_program.ts", import.meta.url).href;

async function crew(count: number, config: Partial<ToyConfig> = {}, entryUrl = ENTRY) {
  const shared = makeSharedLimits(100, count);
  const limits = new SessionLimits(shared, 0, 100, 3);
  const trace = new Notebook();
  const full: ToyConfig = { greeting: "first", broken: -1, ...config };
  const supervisor = new Supervisor<ToyConfig>({
    entryUrl,
    count,
    shared,
    config: full,
    limits,
    trace,
  });
  await supervisor.start();
  const port = Number(supervisor.addresses[0]?.split(":").at(-1));
  return {
    supervisor,
    limits,
    trace,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
  };
}

type Crew = Awaited<ReturnType<typeof crew>>;

/** A session with worker `worker`: the kernel chooses, so others are tried and closed. */
async function sessionWith(crew: Crew, worker: number): Promise<Deno.TcpConn> {
  for (let i = 0; i < 200; i++) {
    const conn = await crew.connect();
    const greeting = await readUntil(conn, "\n");
    if (greeting.startsWith(`220 ${worker}`)) return conn;
    await send(conn, "QUIT\r\n");
    await readAll(conn);
    conn.close();
  }
  throw new Error(`worker ${worker} never answered`);
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("Supervisor: workers share a port and the limits", async () => {
  const c = await crew(2);
  const held = [await sessionWith(c, 0), await sessionWith(c, 1), await sessionWith(c, 1)];
  assertEquals(c.limits.value("sessions_open"), 3);
  const fourth = await c.connect();
  assertEquals(await readAll(fourth), "421 4.7.0 address\r\n");
  const stopped = c.supervisor.stop(5);
  for (const conn of held) assertEquals(await readAll(conn), "421 4.3.2 stopping\r\n");
  assertEquals(await stopped, 0);
  for (const conn of [...held, fourth]) conn.close();
  assertEquals(c.limits.value("sessions_open"), 0);
});

Deno.test("Supervisor: a worker that dies is replaced, the other's sessions go on, its places are free", async () => {
  const c = await crew(2);
  const survivor = await sessionWith(c, 1);
  const victim = await sessionWith(c, 0);
  await send(victim, "DIE\r\n");
  await until(() => c.trace.ids.includes("net.worker.replaced"));
  assertStringIncludes(c.trace.lines.join("\n"), "worker 0 died with 1 sessions");
  assertStringIncludes(c.trace.lines.join("\n"), "told to die");
  // What the dead worker left open is closed: its client is told the end, and waits for nothing.
  assertEquals(await readAll(victim).catch(() => ""), "");
  await send(survivor, "A\r\n");
  assertEquals(await readUntil(survivor, "\n"), "250 A\r\n");
  assertEquals(c.limits.value("sessions_open"), 1);
  const again = await sessionWith(c, 0);
  assertEquals(await c.supervisor.stop(5), 0);
  for (const conn of [survivor, victim, again]) conn.close();
});

Deno.test("Supervisor.reload: reaches running workers and those that replace one", async () => {
  const c = await crew(1);
  const before = await sessionWith(c, 0);
  c.supervisor.reload({ greeting: "second", broken: -1 });
  let greeting = "";
  while (!greeting.includes("second")) {
    const conn = await c.connect();
    greeting = await readUntil(conn, "\n");
    conn.close();
    await until(() => c.limits.value("sessions_open") === 1);
  }
  await send(before, "DIE\r\n");
  await until(() => c.trace.ids.includes("net.worker.replaced"));
  const after = await c.connect();
  assertEquals(await readUntil(after, "\n"), "220 0 second\r\n");
  await c.supervisor.stop(5);
  before.close();
  after.close();
});

Deno.test("Supervisor.reload: reaches a worker that is about to begin", async () => {
  const shared = makeSharedLimits(100, 1);
  const supervisor: Supervisor<ToyConfig> = new Supervisor({
    entryUrl: ENTRY,
    count: 1,
    shared,
    config: { greeting: "first", broken: -1, waits: true },
    limits: new SessionLimits(shared, 0, 100, 3),
    trace: new Notebook(),
    heard(worker) {
      supervisor.reload({ greeting: "second", broken: -1 });
      supervisor.tell(worker, "go on");
    },
  });
  await supervisor.start();
  const port = Number(supervisor.addresses[0]?.split(":").at(-1));
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await readUntil(conn, "\n"), "220 0 second\r\n");
  conn.close();
  await supervisor.stop(5);
});

Deno.test("Supervisor.start: a worker that cannot start is the caller's error", async () => {
  await assertRejects(() => crew(1, { broken: 0 }), Error, "broken at its start");
  await assertRejects(() => crew(2, { broken: 1 }), Error, "broken at its start");
});

Deno.test("Supervisor.start: a worker whose modules load slowly hears its orders", async () => {
  const c = await crew(2, {}, new URL("./slow_worker_program.ts", import.meta.url).href);
  (await sessionWith(c, 1)).close();
  await c.supervisor.stop(1);
});

Deno.test("Supervisor.stop: a message in hand may finish", async () => {
  const c = await crew(1);
  const conn = await sessionWith(c, 0);
  await send(conn, "BUSY\r\n");
  await readUntil(conn, "\n");
  const stopped = c.supervisor.stop(30);
  await send(conn, "FREE\r\n");
  assertEquals(await readAll(conn), "250 ok\r\n421 4.3.2 stopping\r\n");
  assertEquals(await stopped, 0);
  conn.close();
});

Deno.test("isWorker: false in the main isolate", () => {
  assertEquals(isWorker(), false);
});

Deno.test("workerCount: a number or auto", () => {
  assertEquals(workerCount("4"), 4);
  assert(workerCount("auto") >= 1);
  for (const text of ["0", "257", "-1", "many", ""]) {
    assertThrows(() => workerCount(text), RangeError, `"${text}"`);
  }
});
