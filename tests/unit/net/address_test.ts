import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  bind,
  ListenError,
  listenFailure,
  parseListenAddress,
  showAddress,
} from "../../../net/address.ts";
import { pollCalls } from "../../../net/poll_calls.ts";
import { poller } from "../../../net/poller.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
pollCalls();

Deno.test("parseListenAddress: the forms of HOST:PORT", () => {
  assertEquals(parseListenAddress("127.0.0.1:2525").hosts, ["127.0.0.1"]);
  assertEquals(parseListenAddress(":25").hosts, ["::", "0.0.0.0"]);
  assertEquals(parseListenAddress("*:25").hosts, ["::", "0.0.0.0"]);
  assertEquals(parseListenAddress("[::1]:25").hosts, ["::1"]);
  assertEquals(parseListenAddress("localhost:0"), {
    hosts: ["localhost"],
    port: 0,
    text: "localhost:0",
  });
  assertEquals(parseListenAddress(" mail.example.org:65535 ").port, 65535);
});

Deno.test("parseListenAddress: what is no HOST:PORT is a sentence", () => {
  for (const text of ["", "25", "::1:25", "host:", "host:smtp", "[::1]", "host:65536"]) {
    const error = assertThrows(() => parseListenAddress(text), ListenError);
    assertStringIncludes(error.message, `"${text}"`);
  }
});

Deno.test("bind: a taken port is named with its reason", async () => {
  const first = bind(parseListenAddress("127.0.0.1:0"), false);
  const text = showAddress(first.addr);
  assertThrows(
    () => bind(parseListenAddress(text), false),
    ListenError,
    `Cannot listen on ${text}: another program already listens there`,
  );
  first.close();
  await poller()?.settled();
});

Deno.test("bind: reusePort lets several sockets share a port", async () => {
  const first = bind(parseListenAddress("127.0.0.1:0"), true);
  const second = bind(parseListenAddress(showAddress(first.addr)), true);
  assertEquals(second.addr.port, first.addr.port);
  first.close();
  second.close();
  await poller()?.settled();
});

Deno.test("bind: an empty host listens on all addresses", async () => {
  const listener = bind(parseListenAddress(":0"), false);
  const port = listener.addr.port;
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  client.close();
  server.close();
  listener.close();
  await poller()?.settled();
});

Deno.test("listenFailure: the reason for each error", () => {
  const at = parseListenAddress(":25");
  assertStringIncludes(listenFailure(at, new Deno.errors.PermissionDenied("x")), "need root");
  const high = parseListenAddress(":2525");
  assertEquals(
    listenFailure(high, new Deno.errors.PermissionDenied("x")).includes("need root"),
    false,
  );
  assertStringIncludes(
    listenFailure(high, new Deno.errors.AddrNotAvailable("x")),
    "no such address",
  );
  assertEquals(
    listenFailure(high, new Error("strange (os error 99)")),
    "Cannot listen on :2525: strange",
  );
});

Deno.test("showAddress: IPv6 stands in brackets", () => {
  assertEquals(showAddress({ hostname: "::1", port: 25 }), "[::1]:25");
  assertEquals(showAddress({ hostname: "127.0.0.1", port: 25 }), "127.0.0.1:25");
});
