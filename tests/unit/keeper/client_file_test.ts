import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openKeeperQueue } from "../../../keeper/client.ts";
import { closeDescriptor, FileReceiver, FileSender } from "../../../net/hand_over.ts";
import { pollCalls } from "../../../net/poll_calls.ts";
import { libcFiles } from "../../../queue/libc_files.ts";
import { bytesOf } from "../../../queue/local_lines.ts";
import type { MaildirQueue } from "../../../queue/maildir.ts";
import type { Delivery, Queue } from "../../../queue/types.ts";
import type { createMemoryTracer } from "../../../trace/memory.ts";
import { inTempDir, mails, makeMaildir, names, queueIn } from "../queue/kit.ts";
import { openBelow } from "../net/open_files.ts";
import { connect, makeServices } from "./kit.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
pollCalls();

/** A keeper that delivers into `dir`/joe and `dir`/ann, and hands files over. */
async function withFiles(
  work: (at: {
    readonly dir: string;
    readonly queue: Queue;
    readonly ops: string[];
    readonly tracer: ReturnType<typeof createMemoryTracer>;
    readonly sender: FileSender;
  }) => Promise<void>,
  change: (queue: MaildirQueue) => MaildirQueue = (queue) => queue,
): Promise<void> {
  await inTempDir(async (dir) => {
    for (const name of ["joe", "ann"]) makeMaildir(`${dir}/${name}`);
    const receiver = FileReceiver.open(`${dir}/files`);
    const sender = FileSender.join(`${dir}/files`);
    assert(receiver !== null && sender !== null);
    const services = makeServices({ queue: change(queueIn(dir)) });
    const { connection, tracer, running } = await connect(services, { files: sender });
    const ops: string[] = [];
    let last = 0;
    const queue = openKeeperQueue({
      keeper: {
        ask(lane, op, values, payload) {
          ops.push(op);
          return connection.ask(lane, op, values, payload);
        },
        tell: (op, values) => connection.tell(op, values),
      },
      trace: tracer,
      files: receiver,
      nextMail: () => ++last,
    });
    await work({ dir, queue, ops, tracer, sender });
    assertEquals(queue.inHand, 0);
    assertEquals([names(`${dir}/joe/tmp`), names(`${dir}/ann/tmp`)], [[], []]);
    await running.end();
    assert(await running.ended);
    sender.close();
    receiver.close();
    assertEquals(openBelow(dir), 0);
  });
}

/** Writes `text` in chunks that are overwritten after each call. */
async function writeIn(delivery: Delivery, text: string, bytes: number): Promise<void> {
  const shared = new Uint8Array(bytes);
  for (let at = 0; at < text.length; at += bytes) {
    const chunk = bytesOf(text.slice(at, at + bytes));
    shared.set(chunk);
    const wait = delivery.write(shared.subarray(0, chunk.length));
    shared.fill(255);
    await wait;
  }
}

const LONG = `Subject: long\n\n${"a line of sixteen\n".repeat(20_000)}`;
const handsOver = Deno.build.os === "linux";

for (const bytes of [1460, 16_384, 65_536, LONG.length]) {
  Deno.test({
    name:
      `openKeeperQueue: the file of a long message is handed over and written here (chunks of ${bytes})`,
    ignore: !handsOver,
    fn: () =>
      withFiles(async ({ dir, queue, ops }) => {
        const recipients = ["joe@x", "ann@x"];
        const both = [1, 2].map((session) => queue.open(session, { sender: "s@y", recipients }));
        for (const delivery of await Promise.all(both)) {
          await writeIn(delivery, LONG, bytes);
          assertEquals((await delivery.commit()).kind, "queued");
        }
        assertEquals(ops.includes("mail.write"), false);
        for (const name of ["joe", "ann"]) {
          const head = `Return-Path: <s@y>\nDelivered-To: ${name}@x\n`;
          assertEquals(mails(`${dir}/${name}`), [head + LONG, head + LONG]);
          const size = head.length + LONG.length;
          for (const file of names(`${dir}/${name}/new`)) {
            assertEquals(file.endsWith(`,S=${size},W=${size + 20_004}`), true);
          }
        }
      }),
  });
}

Deno.test({
  name: "openKeeperQueue: a message that loops is refused by the front that writes it",
  ignore: !handsOver,
  fn: () =>
    withFiles(async ({ dir, queue, ops, tracer }) => {
      const delivery = await queue.open(1, { sender: "s@y", recipients: ["joe@x"] });
      await writeIn(delivery, `Delivered-To: joe@x\n${LONG}`, 65_536);
      const outcome = await delivery.commit();
      assertEquals(outcome.kind, "refused");
      assertEquals(ops.slice(-2), ["mail.file", "mail.abort"]);
      assertEquals(names(`${dir}/joe/new`), []);
      assertStringIncludes(tracer.lines().join("\n"), "This message is looping");
    }),
});

Deno.test({
  name:
    "openKeeperQueue: a file that can't be written defers the message, with the system's reason",
  ignore: !handsOver,
  fn: () =>
    withFiles(
      async ({ queue, tracer }) => {
        const delivery = await queue.open(1, { sender: "s@y", recipients: ["joe@x"] });
        await writeIn(delivery, LONG, 65_536);
        const outcome = await delivery.commit();
        assert(outcome.kind === "deferred");
        assertEquals(
          outcome.reason,
          'Cannot write "/dev/full": ENOSPC, No space left on device (os error 28)',
        );
        assertStringIncludes(tracer.lines().join("\n"), "No space left on device");
      },
      // The Maildir's own file is replaced by one that is always full.
      (real) => ({
        ...real,
        async open(session, envelope) {
          const delivery = await real.open(session, envelope);
          return {
            ...delivery,
            handOver() {
              closeDescriptor(delivery.handOver()?.fd ?? -1);
              const fd = libcFiles()?.openAppending("/dev/full") ?? -1;
              return { fd, path: "/dev/full", forbidden: [] };
            },
          };
        },
      }),
    ),
});

Deno.test({
  name: "openKeeperQueue: a message that is given up leaves no file, whenever that is",
  ignore: !handsOver,
  fn: () =>
    withFiles(async ({ dir, queue }) => {
      for (const bytes of [10, 70_000, 140_000, LONG.length]) {
        const delivery = await queue.open(1, { sender: "s@y", recipients: ["joe@x"] });
        const wait = delivery.write(bytesOf(LONG.slice(0, bytes)));
        // Also while the file is still asked for.
        if (bytes !== 140_000) await wait;
        await delivery.abort();
        await wait;
      }
      assertEquals(names(`${dir}/joe/new`), []);
    }),
});

Deno.test({
  name: "openKeeperQueue: where no file can be handed over, the message comes in pieces",
  ignore: !handsOver,
  fn: () =>
    withFiles(async ({ dir, queue, ops, sender }) => {
      // Nobody takes these: the next can't be sent.
      for (let i = 1000; sender.send(i, 0); i++);
      const delivery = await queue.open(1, { sender: "s@y", recipients: ["joe@x"] });
      await writeIn(delivery, LONG, 65_536);
      assertEquals((await delivery.commit()).kind, "queued");
      assert(ops.includes("mail.write"));
      assertEquals(mails(`${dir}/joe`), [`Return-Path: <s@y>\nDelivered-To: joe@x\n${LONG}`]);
    }),
});
