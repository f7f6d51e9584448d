import { assertEquals, assertRejects } from "@std/assert";
import { ControlClient, ControlRefusal } from "../../../ctl/client.ts";
import { bindOwnSocket, ControlServer, ControlSocketError } from "../../../ctl/server.ts";
import type { WatchEvent } from "../../../ctl/types.ts";
import { desk, STATS } from "./kit.ts";

async function inDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    await body(`${directory}/ctl`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

async function open(path: string): Promise<ControlClient> {
  const client = await ControlClient.open(path);
  if (client === null) throw new Error("Nobody listens");
  return client;
}

Deno.test("ControlServer: mode 0600, several requests, a refusal, and nothing is left behind", async () => {
  await inDirectory(async (path) => {
    const server = new ControlServer(desk(), await bindOwnSocket(path), path);
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    const client = await open(path);
    assertEquals(await client.ask({ ask: "stats" }), { ...STATS });
    await assertRejects(() => client.ask({ ask: "kill", session: 8 }), ControlRefusal, "session 8");
    assertEquals(await client.ask({ ask: "kill", session: 7 }), "Session 7 ends");
    client.close();
    await server.close();
    assertEquals(await ControlClient.open(path), null);
    assertEquals([...Deno.readDirSync(path.replace(/\/ctl$/, ""))], []);
  });
});

Deno.test("ControlServer: a line that is none is answered with a sentence, and the next is heard", async () => {
  await inDirectory(async (path) => {
    const server = new ControlServer(desk(), await bindOwnSocket(path), path);
    const conn = await Deno.connect({ transport: "unix", path });
    await conn.write(new TextEncoder().encode('rubbish\n{"ask":"bans"}\n'));
    await conn.closeWrite();
    assertEquals(
      await new Response(conn.readable).text(),
      '{"ok":false,"error":"A request is one line of JSON"}\n{"ok":true,"result":[]}\n',
    );
    await server.close();
  });
});

Deno.test("ControlServer: a line without end is not gathered for ever", async () => {
  await inDirectory(async (path) => {
    const server = new ControlServer(desk(), await bindOwnSocket(path), path);
    const conn = await Deno.connect({ transport: "unix", path });
    const flood = new TextEncoder().encode("x".repeat(100_000));
    await (async () => {
      for (let at = 0; at < flood.length;) at += await conn.write(flood.subarray(at));
    })().catch(() => {});
    assertEquals(await new Response(conn.readable).text().catch(() => ""), "");
    await server.close();
  });
});

Deno.test("ControlServer: who watches is told of events until he goes", async () => {
  await inDirectory(async (path) => {
    const event: WatchEvent = { atMs: 1, session: 2, id: "test", text: "it happened" };
    const stopped = Promise.withResolvers<void>();
    const service = {
      ...desk(),
      watch(take: (event: WatchEvent, lost: number) => void) {
        take(event, 3);
        return () => stopped.resolve();
      },
    };
    const server = new ControlServer(service, await bindOwnSocket(path), path);
    const client = await open(path);
    const watching = client.watch();
    assertEquals((await watching.next()).value, { lost: 3 });
    assertEquals((await watching.next()).value, { event });
    client.close();
    await stopped.promise;
    await server.close();
  });
});

Deno.test("ControlServer: an accept that fails, as when descriptors are used up, does not end it", async () => {
  await inDirectory(async (path) => {
    const socket = await bindOwnSocket(path);
    const accept = socket.accept.bind(socket);
    let failures = 0;
    socket.accept = () =>
      failures++ === 0 ? Promise.reject(new Error("Too many open files")) : accept();
    const server = new ControlServer(desk(), socket, path);
    const client = await open(path);
    assertEquals(await client.ask({ ask: "bans" }), []);
    client.close();
    await server.close();
  });
});

Deno.test("bindOwnSocket: replaces what a dead service left, and nothing else", async () => {
  await inDirectory(async (path) => {
    // Closing a socket removes its name; a killed service's stays.
    const dead = await bindOwnSocket(path);
    Deno.linkSync(path, `${path}.left`);
    dead.close();
    Deno.renameSync(`${path}.left`, path);
    assertEquals(Deno.lstatSync(path).isSocket, true);
    const socket = await bindOwnSocket(path);
    const pending = socket.accept();
    await assertRejects(() => bindOwnSocket(path), ControlSocketError, "another service runs");
    (await pending).close();
    socket.close();
    Deno.writeTextFileSync(path, "precious");
    await assertRejects(() => bindOwnSocket(path), ControlSocketError, "is no socket");
    assertEquals(Deno.readTextFileSync(path), "precious");
    await assertRejects(
      () => bindOwnSocket(`${path}/missing/ctl`),
      ControlSocketError,
      "Cannot use",
    );
  });
});

/** A listener that is no service: it says `line` to whoever comes. */
async function withStranger(line: string, body: (client: ControlClient) => Promise<void>) {
  await inDirectory(async (path) => {
    const listener = Deno.listen({ transport: "unix", path });
    const client = await open(path);
    const conn = await listener.accept();
    if (line !== "") await conn.write(new TextEncoder().encode(line));
    try {
      await body(client);
    } finally {
      client.close();
      conn.close();
      listener.close();
    }
  });
}

Deno.test("ControlClient.ask: a service that stands still is given up", async () => {
  await withStranger("", async (client) => {
    await assertRejects(
      () => client.ask({ ask: "stats" }, 0.01),
      ControlRefusal,
      "did not answer in 0.01 seconds",
    );
  });
});

Deno.test("ControlClient.ask: what listens there and speaks no JSON is no qfront", async () => {
  await withStranger("220 mail.example.org ESMTP\n", async (client) => {
    await assertRejects(() => client.ask({ ask: "stats" }), ControlRefusal, "is no qfront");
  });
});
