import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createSocket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { openCvm } from "../../../auth/cvm.ts";
import { type CvmItem, type CvmPacket, decodeCvm, encodeCvm } from "../../../auth/cvm_codec.ts";
import { readCvmAddresses } from "../../../auth/cvm_transport.ts";
import { makeGate } from "../../../auth/gate.ts";

const FACTS: CvmItem[] = [[1, "joe"], [2, "1000"], [3, "100"], [5, "/home/vmail"], [9, "vmail"], [
  15,
  "./users/joe",
]];

/** A module that knows joe with the password "right"; `requests` collects what it was asked. */
function makeModule(requests: CvmPacket[], rejection: CvmItem[] = []) {
  return (request: Uint8Array): Uint8Array => {
    const packet = decodeCvm(request);
    assert(packet !== null);
    requests.push(packet);
    const password = packet.items.find(([tag]) => tag === 3)?.[1];
    const [first, items] = password === "right"
      ? [0, FACTS]
      : password === "trouble"
      ? [5, []]
      : [100, rejection];
    return encodeCvm({ first, random: packet.random, items }) ?? new Uint8Array();
  };
}

async function withSocket(
  answer: (request: Uint8Array) => Uint8Array,
  work: (address: string) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/cvm`;
  const listener = Deno.listen({ transport: "unix", path });
  const serving = (async () => {
    for await (const conn of listener) {
      const buffer = new Uint8Array(512);
      let length = 0;
      for (let got; (got = await conn.read(buffer.subarray(length))) !== null;) length += got;
      await conn.write(answer(buffer.subarray(0, length)));
      conn.close();
    }
  })();
  try {
    await work(`cvm-local:${path}`);
  } finally {
    listener.close();
    await serving;
    Deno.removeSync(directory, { recursive: true });
  }
}

function open(text: string, more: { secret?: string; timeoutSeconds?: number } = {}) {
  const addresses = readCvmAddresses(text);
  if (typeof addresses === "string") throw new Error(addresses);
  return openCvm({
    addresses,
    secret: more.secret ?? null,
    timeoutSeconds: more.timeoutSeconds ?? 20,
    gate: makeGate(2, 10, "logins"),
    env: { PATH: "/usr/bin:/bin" },
  });
}

Deno.test("openCvm cvm-local: credentials go out, facts become the account", async () => {
  const requests: CvmPacket[] = [];
  await withSocket(makeModule(requests), async (address) => {
    const cvm = open(address, { secret: "s3" });
    assertEquals(await cvm.checkPassword("joe@example.org", "right"), {
      kind: "ok",
      account: {
        login: "joe@example.org",
        user: "vmail",
        uid: 1000,
        gid: 100,
        home: "/home/vmail",
        maildir: "./users/joe",
      },
    });
    assertEquals(requests, [{
      first: 2,
      random: "",
      items: [[1, "joe"], [2, "example.org"], [3, "right"], [4, "s3"]],
    }]);
    assertEquals(await cvm.checkPassword("joe", "wrong"), { kind: "refused" });
    assertEquals(requests[1]?.items[1], [3, "wrong"]);
    const trouble = await cvm.checkPassword("joe", "trouble");
    assert(trouble.kind === "undecided");
    assertStringIncludes(trouble.reason, "error 5, input or output failed");
  });
});

Deno.test("openCvm: a chain asks on after a rejection, not after one in scope, not after trouble", async () => {
  const [first, second]: [CvmPacket[], CvmPacket[]] = [[], []];
  await withSocket(makeModule(second), async (next) => {
    await withSocket(makeModule(first), async (address) => {
      await open(`${address},${next}`).checkPassword("joe", "wrong");
      assertEquals([first.length, second.length], [1, 1]);
      await open(`${address},${next}`).checkPassword("joe", "trouble");
      assertEquals([first.length, second.length], [2, 1]);
      await open(`${address},${next}`).checkPassword("joe", "right");
      assertEquals([first.length, second.length], [3, 1]);
    });
    await withSocket(makeModule(first, [[16, "0"]]), async (address) => {
      await open(`${address},${next}`).checkPassword("joe", "wrong");
      assertEquals([first.length, second.length], [4, 1]);
    });
    await withSocket(makeModule(first, [[16, "1"]]), async (address) => {
      await open(`${address},${next}`).checkPassword("joe", "wrong");
      assertEquals([first.length, second.length], [5, 2]);
    });
  });
});

Deno.test("openCvm cvm-local: nobody there and rubbish are undecided", async () => {
  const gone = await open("cvm-local:/nonexistent/cvm").checkPassword("joe", "right");
  assert(gone.kind === "undecided");
  assertStringIncludes(gone.reason, 'CVM module "cvm-local:/nonexistent/cvm" can\'t tell');
  await withSocket(() => new Uint8Array([0, 1]), async (address) => {
    const answer = await open(address).checkPassword("joe", "right");
    assert(answer.kind === "undecided");
    assertStringIncludes(answer.reason, "no CVM response");
  });
});

Deno.test("openCvm: a module that names uid 0 lets nobody in", async () => {
  const answer = () =>
    encodeCvm({ first: 0, random: "", items: [[1, "root"], [2, "0"]] }) ?? new Uint8Array();
  await withSocket(answer, async (address) => {
    assertEquals((await open(address).checkPassword("root", "right")).kind, "undecided");
  });
});

Deno.test("openCvm cvm-udp: an answer counts only with the request's random bytes", async () => {
  const requests: CvmPacket[] = [];
  const module = makeModule(requests);
  const server = createSocket("udp4");
  server.on("message", (message: Uint8Array, from: { address: string; port: number }) => {
    const forged = encodeCvm({ first: 0, random: "\x01".repeat(16), items: FACTS }) ??
      new Uint8Array();
    server.send(forged, from.port, from.address);
    server.send(module(message), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as AddressInfo;
  try {
    const cvm = open(`cvm-udp:127.0.0.1:${port}`);
    assertEquals(await cvm.checkPassword("joe", "wrong"), { kind: "refused" });
    assertEquals((await cvm.checkPassword("joe", "right")).kind, "ok");
    assertEquals(requests[0]?.random.length, 16);
    assert(requests[0]?.random !== requests[1]?.random);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

Deno.test("openCvm cvm-udp: silence ends at the time limit, undecided", async () => {
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", () => resolve()));
  const { port } = silent.address() as AddressInfo;
  try {
    const answer = await open(`cvm-udp:127.0.0.1:${port}`, { timeoutSeconds: 0.2 })
      .checkPassword("joe", "right");
    assert(answer.kind === "undecided");
    assertStringIncludes(answer.reason, "No answer within 0.2 seconds");
  } finally {
    await new Promise<void>((resolve) => silent.close(() => resolve()));
  }
});

Deno.test("openCvm cvm-command: the answer counts, and an acceptance only with exit 0", async () => {
  const directory = Deno.makeTempDirSync();
  const program = (name: string, octal: string, code: number) => {
    const path = `${directory}/${name}`;
    Deno.writeTextFileSync(path, `#!/bin/sh\ncat >/dev/null\nprintf '${octal}'\nexit ${code}\n`, {
      mode: 0o755,
    });
    return `cvm-command:${path}`;
  };
  try {
    const ask = (address: string) => open(address).checkPassword("joe", "x");
    const accepted = "\\000\\000\\001\\003joe\\000";
    assertEquals((await ask(program("ok", accepted, 0))).kind, "ok");
    assertEquals((await ask(program("lies", accepted, 1))).kind, "undecided");
    assertEquals((await ask(program("rejects", "\\144\\000\\000", 100))).kind, "refused");
    assertEquals((await ask(program("silent", "", 0))).kind, "undecided");
    assertEquals((await ask("cvm-command:/nonexistent")).kind, "undecided");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("openCvm: what does not fit a packet is refused without asking", async () => {
  const requests: CvmPacket[] = [];
  await withSocket(makeModule(requests), async (address) => {
    assertEquals(await open(address).checkPassword("j".repeat(256), "right"), { kind: "refused" });
    assertEquals(await open(address).checkPassword("joe", ""), { kind: "refused" });
  });
  assertEquals(requests, []);
});

Deno.test("readCvmAddresses: the three kinds, chains, and what is none", () => {
  assertEquals(readCvmAddresses("cvm-local:/a, cvm-udp:host:17,cvm-command:/b c,cvm-udp:[::1]:9"), [
    { kind: "local", path: "/a" },
    { kind: "udp", host: "host", port: 17 },
    { kind: "command", path: "/b c" },
    { kind: "udp", host: "::1", port: 9 },
  ]);
  for (
    const text of ["", "/a", "cvm-local:", "cvm-udp:host", "cvm-udp:host:65536", "cvm-local:/a,"]
  ) {
    assertEquals(typeof readCvmAddresses(text), "string", text);
  }
});
