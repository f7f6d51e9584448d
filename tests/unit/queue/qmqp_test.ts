import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openQmqpQueue } from "../../../queue/qmqp.ts";
import { parseServer } from "../../../queue/qmqp_server.ts";
import type { Queue } from "../../../queue/types.ts";
import { assertKind, deliver, keepTrace, reasonOf } from "./kit.ts";

/** A QMQP server that reads one request, keeps it, and says `answer` (null: closes without a word). */
interface Double {
  readonly line: string;
  readonly requests: string[];
  close(): Promise<void>;
}

type Behaviour = { answer: string | null } | "silent" | "drops-early";

function serve(behaviour: Behaviour): Double {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const done = (async () => {
    for (;;) {
      let conn: Deno.Conn;
      try {
        conn = await listener.accept();
      } catch {
        return;
      }
      open.add(conn);
      if (behaviour === "drops-early") conn.close();
      else await converse(conn, behaviour, requests).catch(() => {});
    }
  })();
  return {
    line: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    requests,
    async close() {
      listener.close();
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // Closed by the conversation.
        }
      }
      await done;
    },
  };
}

async function converse(
  conn: Deno.Conn,
  behaviour: Exclude<Behaviour, "drops-early">,
  requests: string[],
): Promise<void> {
  const buffer = new Uint8Array(65536);
  let text = "";
  let total = Infinity;
  while (text.length < total) {
    const n = await conn.read(buffer);
    if (n === null) return conn.close();
    for (let i = 0; i < n; i += 8192) {
      text += String.fromCharCode(...buffer.subarray(i, Math.min(n, i + 8192)));
    }
    const match = /^(\d+):/.exec(text);
    if (match !== null) total = match[0].length + Number(match[1]) + 1;
  }
  requests.push(text);
  if (behaviour === "silent") return;
  if (behaviour.answer !== null) await conn.write(new TextEncoder().encode(behaviour.answer));
  conn.close();
}

async function withServers(
  behaviours: Behaviour[],
  test: (queue: Queue, servers: Double[], trace: ReturnType<typeof keepTrace>) => Promise<void>,
  timeoutSeconds = 20,
): Promise<void> {
  const servers = behaviours.map(serve);
  const trace = keepTrace();
  const queue = openQmqpQueue({ servers: () => servers.map((s) => s.line), timeoutSeconds, trace });
  try {
    await test(queue, servers, trace);
  } finally {
    for (const server of servers) await server.close();
  }
}

const K = { answer: "25:Kok 1790000000 qp 4711 xx," };

Deno.test("qmqp: message, sender and recipients are netstrings in one netstring", () =>
  withServers([K], async (queue, [server]) => {
    const outcome = await deliver(queue, ["a@x", "\xe9@y"], "Subject: x\n\nbody\n", "s@z");
    assertEquals(outcome, { kind: "queued", id: "qp 4711" });
    assertEquals(server?.requests, ["39:17:Subject: x\n\nbody\n,3:s@z,3:a@x,3:\xe9@y,,"]);
    assertEquals(queue.inHand, 0);
  }));

Deno.test("qmqp: a long message and 100,000 recipients arrive whole", () =>
  withServers([K], async (queue, [server]) => {
    const recipients = Array.from({ length: 100_000 }, (_, i) => `u${i}@x`);
    const delivery = await queue.open(1, { sender: "", recipients });
    let message = "";
    for (let i = 0; i < 9; i++) {
      const piece = String.fromCharCode(65 + i).repeat(33_333);
      message += piece;
      await delivery.write(new TextEncoder().encode(piece));
    }
    assertKind(await delivery.commit(), "queued");
    const inner = `${message.length}:${message},0:,${
      recipients.map((r) => `${r.length}:${r},`).join("")
    }`;
    assert(server?.requests[0] === `${inner.length}:${inner},`, "the request differs");
  }));

Deno.test("qmqp: Z and D answers are deferred and refused, with code and text", () =>
  withServers(
    [{ answer: "21:Ztry again (#4.3.1) x," }, { answer: "1:K," }],
    async (queue, [, second]) => {
      const outcome = await deliver(queue, ["a@x"], "x\n");
      assertEquals(outcome.kind === "deferred" && outcome.code, "4.3.1");
      assertEquals(second?.requests.length, 0, "an answer is final");
      await withServers([{ answer: "14:Dspam (#5.7.1)," }], async (other) => {
        assertEquals(await deliver(other, ["a@x"], "x\n"), {
          kind: "refused",
          code: "5.7.1",
          reason: "spam",
          isPublic: true,
        });
      });
    },
  ));

Deno.test("qmqp: a server that can't be reached or drops is passed over, and asked last afterwards", async () => {
  const gone = serve(K);
  await gone.close();
  await withServers(["drops-early", K], async (_, servers, trace) => {
    const lines = [gone.line, ...servers.map((s) => s.line)];
    const queue = openQmqpQueue({ servers: () => lines, timeoutSeconds: 20, trace });
    const long = new Uint8Array(5_000_000);
    assertKind(await deliver(queue, ["a@x"], long), "queued");
    const failed = trace.lines.filter((l) => l.startsWith("queue.qmqp.server"));
    assertEquals(failed.length, 2);
    assertKind(await deliver(queue, ["a@x"], "x\n"), "queued");
    assertEquals(trace.lines.filter((l) => l.startsWith("queue.qmqp.server")).length, 2);
    assertEquals(servers[1]?.requests.length, 2);
  });
});

Deno.test("qmqp: no answer after everything was sent is deferred, and no other server is asked", () =>
  withServers([{ answer: null }, K], async (queue, [, second]) => {
    const outcome = await deliver(queue, ["a@x"], "x\n");
    assertKind(outcome, "deferred");
    assertMatch(reasonOf(outcome), /ended without an answer/);
    assertEquals(second?.requests.length, 0);
  }));

Deno.test("qmqp: a silent server ends at the time limit", () =>
  withServers(["silent"], async (queue) => {
    const outcome = await deliver(queue, ["a@x"], "x\n");
    assertKind(outcome, "deferred");
    assertMatch(reasonOf(outcome), /silent for 0.3 seconds/);
  }, 0.3));

for (const answer of ["hello\n", "3:K", "9:Kok,", "1:X,", "99999:K"]) {
  Deno.test(`qmqp: the answer ${JSON.stringify(answer)} is no promise`, () =>
    withServers([{ answer }], async (queue) => {
      assertKind(await deliver(queue, ["a@x"], "x\n"), "deferred");
    }));
}

Deno.test("qmqp: no server, or a file that can't be read, is deferred", async () => {
  const none = openQmqpQueue({ servers: () => [], timeoutSeconds: 1, trace: keepTrace() });
  assertStringIncludes(reasonOf(await deliver(none, ["a@x"], "x\n")), "names no server");
  const broken = openQmqpQueue({
    servers: () => {
      throw new Error("Cannot read control/qmqpservers");
    },
    timeoutSeconds: 1,
    trace: keepTrace(),
  });
  assertEquals(reasonOf(await deliver(broken, ["a@x"], "x\n")), "Cannot read control/qmqpservers");
});

Deno.test("qmqp: abort asks nobody", () =>
  withServers([K], async (queue, [server]) => {
    const delivery = await queue.open(1, { sender: "", recipients: ["a@x"] });
    await delivery.write(new Uint8Array(100_000));
    await delivery.abort();
    assertEquals(server?.requests.length, 0);
    assertEquals(queue.inHand, 0);
  }));

Deno.test("parseServer: host, port, IPv6 and nonsense", () => {
  for (
    const [line, hostname, port] of [
      ["10.0.0.1", "10.0.0.1", 628],
      ["mq.example.com:1628", "mq.example.com", 1628],
      ["[::1]:99", "::1", 99],
      ["[::1]", "::1", 628],
      ["2001:db8::1", "2001:db8::1", 628],
    ] as const
  ) assertEquals(parseServer(line), { line, hostname, port });
  for (const line of ["", "host:", "host:0", "host:99999", "a:b:z"]) {
    assertEquals(parseServer(line), null, line);
  }
});
