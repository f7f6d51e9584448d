import { assertEquals } from "@std/assert";
import { acceptWithoutDelay, shutdownSocket, socketEnds } from "../../../net/shutdown.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
socketEnds(0);

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`shutdownSocket: ends a write that the peer blocks (${hostname})`, async () => {
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname, port: 0 });
    } catch {
      console.error(`skipped: this machine has no ${hostname}`);
      return;
    }
    const port = (listener.addr as Deno.NetAddr).port;
    const [client, server] = await Promise.all([
      Deno.connect({ hostname, port }),
      listener.accept(),
    ]);
    const filled = (async () => {
      const block = new Uint8Array(1 << 20);
      try {
        for (;;) await server.write(block);
      } catch (error) {
        return (error as Error).name;
      }
    })();
    let lost = false;
    shutdownSocket(server, () => lost = true);
    assertEquals(await filled, "BrokenPipe");
    assertEquals(lost, false);
    server.close();
    client.close();
    listener.close();
  });
}

Deno.test("shutdownSocket: a connection that is closed already is lost", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  server.close();
  client.close();
  listener.close();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  shutdownSocket(server, () => resolve(true));
  assertEquals(await promise, true);
});

Deno.test("socketEnds: what is no socket has no ends", () => {
  assertEquals(socketEnds(0), null);
  assertEquals(socketEnds(99999), null);
});

Deno.test("acceptWithoutDelay: finds a listener by its address, and says when there is none", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  assertEquals(acceptWithoutDelay("127.0.0.1", port), true);
  assertEquals(acceptWithoutDelay("127.0.0.2", port), false);
  listener.close();
  assertEquals(acceptWithoutDelay("127.0.0.1", port), false);
});
