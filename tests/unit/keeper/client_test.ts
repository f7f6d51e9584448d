import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  openKeeperAuth,
  openKeeperDrops,
  openKeeperLookup,
  openKeeperQueue,
  Proofs,
} from "../../../keeper/client.ts";
import { MAX_PAYLOAD_BYTES } from "../../../keeper/frames.ts";
import { Trouble, WRITE_WINDOW } from "../../../keeper/protocol.ts";
import { MaildropError } from "../../../pop3/maildrop.ts";
import type { MaildirDelivery } from "../../../queue/maildir.ts";
import type { Envelope } from "../../../queue/types.ts";
import { QUEUE_EVENTS } from "../../../trace/events.ts";
import type { LookupResult, LookupService } from "../../../validate/types.ts";
import { connect, JOE, makeDrop, makeServices, tokenOf } from "./kit.ts";

const NO_BYTES = () => new Uint8Array(0);

const result = (address: string, verdict: LookupResult["verdict"]): LookupResult => ({
  address,
  route: "local",
  verdict,
  reason: `${verdict} because`,
});

/** A look-up that always says `verdict`. */
const always = (verdict: LookupResult["verdict"]): LookupService => ({
  lookup: (address) => result(address, verdict),
  rcptHosts: () => "allowed",
});

Deno.test("openKeeperLookup: asks only when the look-up in the process is undecided", async () => {
  const asked: string[] = [];
  const services = makeServices();
  const { connection, tracer, running } = await connect({
    ...services,
    lookup: {
      ...services.lookup,
      lookup(address, explain) {
        asked.push(`${address} ${explain}`);
        return { ...result(address, "deliverable"), home: "/home/j\xf6e", reason: "\u20ac" };
      },
    },
  });
  for (const verdict of ["deliverable", "no-mailbox", "remote", "bounced", "discarded"] as const) {
    const lookup = openKeeperLookup(always(verdict), connection, tracer);
    assertEquals(lookup.lookup("joe@x"), result("joe@x", verdict));
  }
  assertEquals(asked, []);
  const lookup = openKeeperLookup(always("deferred"), connection, tracer);
  const answer = await lookup.lookup("j\xf6e@x", true);
  assertEquals(answer.verdict, "deliverable");
  assertEquals([answer.home, answer.reason], ["/home/j\xf6e", "\u20ac"]);
  assertEquals(asked, ["j\xf6e@x true"]);
  await running.end();
  assert(await running.ended);
});

Deno.test("openKeeperLookup: an answer too large for a frame comes without its steps", async () => {
  const services = makeServices();
  const steps = Array.from({ length: 5000 }, (_, i) => ({
    step: `${i}`,
    file: "/a/file",
    key: "key",
    found: "found",
  }));
  const { connection, tracer, running } = await connect({
    ...services,
    lookup: {
      ...services.lookup,
      lookup: (address) => ({ ...result(address, "no-mailbox"), steps }),
    },
  });
  const lookup = openKeeperLookup(always("deferred"), connection, tracer);
  assertEquals(await lookup.lookup("joe@x", true), result("joe@x", "no-mailbox"));
  await running.end();
});

Deno.test("a keeper that is gone: all is temporary trouble, and said once", async () => {
  const { connection, tracer, running } = await connect(makeServices());
  const tokens = new Proofs(connection);
  const auth = openKeeperAuth(connection, tokens);
  const known = await auth.checkPassword(JOE.login, "sesame");
  assert(known.kind === "ok");
  await running.end();
  await running.ended;
  assertEquals(await connection.gone, "it ended");
  const lookup = openKeeperLookup(always("deferred"), connection, tracer);
  assertEquals((await lookup.lookup("joe@x")).verdict, "deferred");
  assertEquals((await auth.checkPassword(JOE.login, "sesame")).kind, "undecided");
  const drop = openKeeperDrops(connection, tokens, 100)(known.account, 1);
  const error = await assertRejects(() => drop, MaildropError);
  assertEquals(error.kind, "temporary");
  const queue = openKeeperQueue({ keeper: connection, trace: tracer, nextMail: () => 1 });
  const delivery = await queue.open(1, { sender: "", recipients: ["joe@x"] });
  await delivery.write(Uint8Array.of(1));
  const outcome = await delivery.commit();
  assertEquals(outcome.kind, "deferred");
  assertEquals(queue.inHand, 0);
  assertStringIncludes(tracer.lines().join("\n"), "deferred");
  await assertRejects(() => connection.ask("look", "look"), Trouble);
});

Deno.test("openKeeperAuth: right, wrong, and longer than any login", async () => {
  const { connection, running } = await connect(makeServices());
  const tokens = new Proofs(connection);
  const auth = openKeeperAuth(connection, tokens);
  const right = await auth.checkPassword(JOE.login, "sesame", { TCPREMOTEIP: "192.0.2.7" });
  assert(right.kind === "ok");
  assertEquals(right.account, JOE);
  assertEquals(tokenOf(tokens, right.account).length, 64);
  assertEquals(await auth.checkPassword(JOE.login, "wrong"), { kind: "refused" });
  assertEquals(await auth.checkPassword(JOE.login, "x".repeat(5000)), { kind: "refused" });
  await running.end();
});

/** A login and its maildrop, through the keeper. */
async function openDrop(count: number, text: (index: number) => Uint8Array) {
  const { maildrop, done } = makeDrop(count, text);
  const paired = await connect(makeServices({ openMaildrop: () => maildrop }));
  const tokens = new Proofs(paired.connection);
  const open = openKeeperDrops(paired.connection, tokens, 10_000);
  const login = async () => {
    const answer = await openKeeperAuth(paired.connection, tokens).checkPassword(
      JOE.login,
      "sesame",
    );
    assert(answer.kind === "ok");
    return answer.account;
  };
  return { ...paired, maildrop, done, open, login };
}

Deno.test("openKeeperAuth: a login that says what for brings its maildrop along", async () => {
  const { maildrop, done } = makeDrop(3, NO_BYTES);
  let opened = 0;
  const openMaildrop = () => {
    opened++;
    return maildrop;
  };
  const { connection, running } = await connect(makeServices({ openMaildrop }));
  const tokens = new Proofs(connection);
  const auth = openKeeperAuth(connection, tokens);
  assertEquals((await auth.checkPassword(JOE.login, "wrong", {}, 7)).kind, "refused");
  assertEquals(opened, 0);
  const answer = await auth.checkPassword(JOE.login, "sesame", {}, 7);
  assert(answer.kind === "ok");
  assertEquals([opened, tokenOf(tokens, answer.account)], [1, ""]);
  const drop = await openKeeperDrops(connection, tokens, 10)(answer.account, 7);
  assertEquals([opened, drop.listing.uniqueIds], [1, maildrop.listing.uniqueIds]);
  await drop.update(new Set([1]));
  assertEquals([done.deleted, done.dropsClosed], [[1], 1]);
  drop.close?.();
  await running.end();
  assert(await running.ended);
  assertEquals(done.dropsClosed, 1);
});

Deno.test("openKeeperAuth: a maildrop that can't be opened is told when it is asked for", async () => {
  const openMaildrop = () => Promise.reject(new MaildropError("in_use", "Somebody else has it"));
  const { connection, running } = await connect(makeServices({ openMaildrop }));
  const tokens = new Proofs(connection);
  const answer = await openKeeperAuth(connection, tokens).checkPassword(JOE.login, "sesame", {}, 7);
  assert(answer.kind === "ok");
  const open = openKeeperDrops(connection, tokens, 10);
  const error = await assertRejects(() => open(answer.account, 7), MaildropError, "Somebody else");
  assertEquals(error.kind, "in_use");
  await running.end();
});

Deno.test("openKeeperDrops: a long listing comes whole, sizes when they are asked for", async () => {
  const { open, login, maildrop, running } = await openDrop(20_000, NO_BYTES);
  const drop = await open(await login(), 1);
  assertEquals(drop.path, maildrop.path);
  assertEquals(drop.listing.uniqueIds, maildrop.listing.uniqueIds);
  assertEquals(drop.listing.rawBytes, 4711);
  assertEquals(drop.listing.octets, -1);
  await drop.settleSizes();
  assertEquals(drop.listing.octets, maildrop.listing.octets);
  assertEquals(
    drop.listing.messages.map((m) => m.octets),
    maildrop.listing.messages.map((m) => m.octets),
  );
  assertEquals(drop.settleSizes(), undefined);
  await running.end();
});

Deno.test("openKeeperDrops: a listing that is the same is not sent again", async () => {
  const { open, login, running } = await openDrop(10, NO_BYTES);
  const first = await open(await login(), 1);
  const second = await open(await login(), 2);
  assert(first.listing === second.listing);
  await running.end();
});

Deno.test("openKeeperDrops: an empty maildrop is one", async () => {
  const { open, login, running } = await openDrop(0, NO_BYTES);
  const drop = await open(await login(), 1);
  await drop.settleSizes();
  assertEquals([drop.listing.uniqueIds, drop.listing.octets], [[], 0]);
  await running.end();
});

Deno.test("openKeeperDrops: an account opens one maildrop, and one that was not checked none", async () => {
  const { open, login, running } = await openDrop(1, NO_BYTES);
  const account = await login();
  await open(account, 1);
  for (const other of [account, { ...account }, JOE]) {
    const error = await assertRejects(() => open(other, 1), MaildropError);
    assertEquals(error.kind, "permanent");
  }
  await running.end();
});

for (const size of [0, 1, 65535, 65536, 65537, 4 * 65536, 300_000]) {
  Deno.test(`openKeeperDrops: a message of ${size} bytes comes as it is, and is closed`, async () => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) % 256);
    const { open, login, done, running, connection } = await openDrop(1, () => bytes);
    const message = await (await open(await login(), 1)).open(0);
    const into = new Uint8Array(MAX_PAYLOAD_BYTES);
    const parts: Uint8Array[] = [];
    const first = message.readNow(into);
    parts.push(into.slice(0, first));
    assertEquals(first, Math.min(size, MAX_PAYLOAD_BYTES));
    for (let n = await message.read(into); n > 0; n = await message.read(into)) {
      parts.push(into.slice(0, n));
    }
    assertEquals(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()), bytes);
    message.close();
    await connection.ask("drop", "drop.close", { drop: 1 });
    assertEquals([done.opened, done.closed], [1, 1]);
    await running.end();
  });
}

Deno.test("openKeeperDrops: what is not here yet is never taken for the end", async () => {
  const { open, login, running } = await openDrop(1, () => new Uint8Array(100_000));
  const message = await (await open(await login(), 1)).open(0);
  assertEquals(message.readNow(new Uint8Array(MAX_PAYLOAD_BYTES)), MAX_PAYLOAD_BYTES);
  assertThrows(() => message.readNow(new Uint8Array(1)), MaildropError);
  await running.end();
});

Deno.test("openKeeperDrops: a message that is closed early is closed there", async () => {
  const { open, login, done, running, connection } = await openDrop(
    1,
    () => new Uint8Array(200_000),
  );
  const drop = await open(await login(), 1);
  (await drop.open(0)).close();
  drop.close?.();
  await connection.ask("drop", "drop.shut", { message: 99 });
  assertEquals([done.closed, done.dropsClosed], [1, 1]);
  await running.end();
});

Deno.test("openKeeperDrops: update tells all that was deleted, and what became of it", async () => {
  const { open, login, done, running } = await openDrop(40_000, NO_BYTES);
  const drop = await open(await login(), 1);
  const deleted = new Set(Array.from({ length: 20_000 }, (_, i) => i * 2));
  const report = await drop.update(deleted);
  assertEquals(report, { removed: 20_000, moved: 1, notRemoved: 0, notMoved: 2, reason: "why" });
  assertEquals(done.deleted, [...deleted]);
  await running.end();
});

Deno.test("openKeeperDrops: an update that has nothing to do is not waited for, and closes", async () => {
  const { open, login, done, running, connection } = await openDrop(3, NO_BYTES);
  const drop = await open(await login(), 1);
  assertEquals(drop.update(new Set()), {
    removed: 0,
    moved: 0,
    notRemoved: 0,
    notMoved: 0,
    reason: "",
  });
  drop.close?.();
  const error = await assertRejects(
    () => connection.ask("drop", "drop.update", { drop: 1 }),
    Trouble,
  );
  assertStringIncludes(error.message, "no such maildrop");
  assertEquals([done.deleted, done.dropsClosed], [[], 1]);
  await running.end();
});

Deno.test("openKeeperDrops: trouble keeps its kind", async () => {
  for (const kind of ["temporary", "permanent", "in_use"] as const) {
    const { connection, running } = await connect(makeServices({
      openMaildrop: () => Promise.reject(new MaildropError(kind, `It is ${kind}`)),
    }));
    const tokens = new Proofs(connection);
    const answer = await openKeeperAuth(connection, tokens).checkPassword(JOE.login, "sesame");
    assert(answer.kind === "ok");
    const open = openKeeperDrops(connection, tokens, 10);
    const error = await assertRejects(() => open(answer.account, 1), MaildropError);
    assertEquals([error.kind, error.message], [kind, `It is ${kind}`]);
    await running.end();
  }
});

/** A queue that keeps what it gets; `gate` holds each write up. */
function makeQueue(gate: () => void | Promise<void> = () => {}) {
  const seen = { envelopes: [] as Envelope[], chunks: [] as Uint8Array[], writes: 0, aborted: 0 };
  const services = makeServices();
  const queue = {
    ...services.queue,
    canDeliver: (address: string) => address === "no@x" ? "It can't be" : null,
    open(_session: number, envelope: Envelope): MaildirDelivery {
      seen.envelopes.push(envelope);
      return {
        async write(chunk) {
          seen.writes++;
          await gate();
          seen.chunks.push(new Uint8Array(chunk));
        },
        commit: () => Promise.resolve({ kind: "queued", id: "123.4.host" }),
        abort: () => void seen.aborted++,
        handOver: () => null,
        commitHanded: () => Promise.reject(new Error("Nothing was handed over")),
      };
    },
  };
  return { seen, services: { ...services, queue } };
}

async function openQueue(gate?: () => void | Promise<void>) {
  const { seen, services } = makeQueue(gate);
  const paired = await connect(services);
  let last = 0;
  const queue = openKeeperQueue({
    keeper: paired.connection,
    trace: paired.tracer,
    nextMail: () => ++last,
  });
  return { ...paired, seen, queue };
}

Deno.test("openKeeperQueue: envelope and bytes arrive as they are, the outcome comes back", async () => {
  const { queue, seen, running } = await openQueue();
  const envelope = {
    sender: "",
    recipients: Array.from({ length: 4000 }, (_, i) => `j\xf6e\0"${i}@example.org`),
  };
  const delivery = await queue.open(1, envelope);
  const bytes = Uint8Array.from({ length: 200_001 }, (_, i) => i % 251);
  for (const [from, to] of [[0, 10], [10, 11], [11, 150_000], [150_000, 200_001]] as const) {
    const chunk = bytes.slice(from, to);
    await delivery.write(chunk);
    chunk.fill(0);
  }
  assertEquals(await delivery.commit(), { kind: "queued", id: "123.4.host" });
  assertEquals(seen.envelopes, [envelope]);
  assertEquals(new Uint8Array(await new Blob(seen.chunks as BlobPart[]).arrayBuffer()), bytes);
  assertEquals(queue.inHand, 0);
  await running.end();
});

for (const size of [0, 1, 4096, MAX_PAYLOAD_BYTES - 13, MAX_PAYLOAD_BYTES - 12]) {
  Deno.test(`openKeeperQueue: a message of ${size} bytes arrives as it is`, async () => {
    const { queue, seen, running } = await openQueue();
    const envelope = { sender: "a", recipients: ["\xf6\xff@x"] };
    assertEquals(JSON.stringify([envelope.sender, ...envelope.recipients]).length, 12);
    const delivery = await queue.open(1, envelope);
    const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
    await delivery.write(bytes);
    assertEquals(await delivery.commit(), { kind: "queued", id: "123.4.host" });
    assertEquals(seen.envelopes, [envelope]);
    assertEquals(new Uint8Array(await new Blob(seen.chunks as BlobPart[]).arrayBuffer()), bytes);
    await running.end();
    assert(await running.ended);
  });
}

Deno.test("openKeeperQueue: a short message that is given up never reaches the keeper", async () => {
  const { queue, seen, running } = await openQueue();
  const delivery = await queue.open(1, { sender: "a@b", recipients: ["joe@x"] });
  await delivery.write(new Uint8Array(100));
  await delivery.abort();
  assertEquals([seen.envelopes, seen.aborted, queue.inHand], [[], 0, 0]);
  await running.end();
});

Deno.test("openKeeperQueue: a keeper that takes nothing is not sent more than its window", async () => {
  const held = Promise.withResolvers<void>();
  const { queue, seen, running } = await openQueue(() => held.promise);
  const delivery = await queue.open(1, { sender: "a@b", recipients: ["joe@x"] });
  const piece = new Uint8Array(MAX_PAYLOAD_BYTES);
  for (let i = 0; i < WRITE_WINDOW; i++) assertEquals(delivery.write(piece), undefined);
  const waiting = delivery.write(piece);
  assert(waiting instanceof Promise);
  held.resolve();
  await waiting;
  assertEquals((await delivery.commit()).kind, "queued");
  assertEquals(seen.chunks.length, WRITE_WINDOW + 1);
  await running.end();
});

Deno.test("openKeeperQueue: a chunk is valid during the call only, also while the keeper is behind", async () => {
  const held = Promise.withResolvers<void>();
  const { queue, seen, running } = await openQueue(() => held.promise);
  const delivery = await queue.open(1, { sender: "a@b", recipients: ["joe@x"] });
  const sizes = [100_000, 65_536, 65_536, 65_536, 65_536, 1, 65_535, 40_000, 30_000, 65_544];
  const waits: Promise<void>[] = [];
  const shared = new Uint8Array(100_000);
  for (const [i, size] of sizes.entries()) {
    shared.fill(i + 1);
    const wait = delivery.write(shared.subarray(0, size));
    shared.fill(255);
    // Whoever must wait does so; the keeper goes on meanwhile.
    if (wait === undefined) continue;
    waits.push(wait);
    held.resolve();
    await wait;
  }
  assert(waits.length > 0);
  assertEquals((await delivery.commit()).kind, "queued");
  const came = new Uint8Array(await new Blob(seen.chunks as BlobPart[]).arrayBuffer());
  const sent = sizes.flatMap((size, i) => [...new Uint8Array(size).fill(i + 1)]);
  assertEquals(came.length, sent.length);
  assertEquals(sent.findIndex((byte, at) => came[at] !== byte), -1);
  await running.end();
});

Deno.test("openKeeperQueue: an abort reaches the delivery", async () => {
  const { queue, seen, running } = await openQueue();
  const delivery = await queue.open(1, { sender: "a@b", recipients: ["joe@x"] });
  await delivery.write(new Uint8Array(100_000));
  await delivery.abort();
  assertEquals([seen.aborted, queue.inHand], [1, 0]);
  await running.end();
});

Deno.test("openKeeperQueue: a front that is gone leaves nothing incomplete", async () => {
  const { queue, seen, running } = await openQueue();
  const delivery = await queue.open(1, { sender: "a@b", recipients: ["joe@x"] });
  await delivery.write(new Uint8Array(100_000));
  await running.end();
  assert(await running.ended);
  assertEquals(seen.aborted, 1);
});

Deno.test("openKeeperQueue: an envelope too long for the keeper is deferred", async () => {
  const { queue, seen, running } = await openQueue();
  const recipients = Array.from({ length: 5 }, () => "x".repeat(1024 * 1024));
  const delivery = await queue.open(1, { sender: "", recipients });
  await delivery.write(new Uint8Array(10));
  assertEquals((await delivery.commit()).kind, "deferred");
  assertEquals(seen.envelopes, []);
  await running.end();
  assert(await running.ended);
});

Deno.test("openKeeperQueue: canDeliver is the keeper's word", async () => {
  const { queue, running } = await openQueue();
  assertEquals(await queue.canDeliver?.("joe@x"), null);
  assertEquals(await queue.canDeliver?.("no@x"), "It can't be");
  const both = [queue.canDeliver?.("no@x"), queue.canDeliver?.("no@x")] as const;
  assert(both[0] === both[1]);
  assertEquals(await both[0], "It can't be");
  await running.end();
});

Deno.test("relayTracer: the keeper's events stand in the front's trace", async () => {
  const services = makeServices();
  const { connection, tracer, running } = await connect(services);
  const emit = { trace: QUEUE_EVENTS.undone.id, session: 7, fields: { file: "f", reason: "r" } };
  // The relay itself is one line: a frame with the event's id.
  const { relayTracer } = await import("../../../keeper/server.ts");
  const { FrameWriter } = await import("../../../keeper/writer.ts");
  const { FrameReader } = await import("../../../keeper/frames.ts");
  const sent: Uint8Array[] = [];
  const relay = relayTracer(new FrameWriter((b) => Promise.resolve(void sent.push(b))), () => 1);
  relay.emit(7, QUEUE_EVENTS.undone, emit.fields);
  relay.emit(7, QUEUE_EVENTS.delivered, { file: "quiet", bytes: 1 });
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(sent.flatMap((b) => new FrameReader().push(b)).map((f) => f.header), [emit]);
  assertEquals(tracer.lines(), []);
  await running.end();
  await connection.gone;
});
