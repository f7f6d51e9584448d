import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type HandedFile, openMaildirQueue } from "../../../queue/maildir.ts";
import { bytesOf } from "../../../queue/local_lines.ts";
import { DENO_FILES, FILES, type OpenFile } from "../../../queue/file_ops.ts";
import { libcFiles } from "../../../queue/libc_files.ts";
import {
  assertKind,
  deliver,
  forwardTo,
  inTempDir,
  keepTrace,
  maildirTo,
  mails,
  makeMaildir,
  names,
  osError,
  queueIn,
  reasonOf,
  route,
  unexpected,
  watchedOps,
} from "./kit.ts";

const MAIL = "Subject: x\n\nbody\n";
const HEAD = "Return-Path: <s@remote.example>\nDelivered-To: joe@example.com\n";

Deno.test("maildir: one recipient gets Return-Path, Delivered-To and the message, mode 0600, tmp empty", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const outcome = await deliver(queueIn(dir), ["joe@example.com"], MAIL);
    assertKind(outcome, "queued");
    assertEquals(mails(`${dir}/joe`), [HEAD + MAIL]);
    const [name = ""] = names(`${dir}/joe/new`);
    assertEquals(outcome, { kind: "queued", id: name });
    assertStringIncludes(
      name,
      `,S=${(HEAD + MAIL).length},W=${(HEAD + MAIL).replaceAll("\n", "\r\n").length}`,
    );
    assertEquals((Deno.statSync(`${dir}/joe/new/${name}`).mode ?? 0) & 0o777, 0o600);
    assertEquals(names(`${dir}/joe/tmp`), []);
  }));

for (
  const [way, calls, ops] of [
    ["syncfs", "libc", FILES],
    ["fsync", "libc", FILES],
    ["syncfs", "Deno", DENO_FILES],
  ] as const
) {
  Deno.test(`maildir: real files, ${way}, calls of ${calls}, 40 messages at a time all arrive once`, () =>
    inTempDir(async (dir) => {
      makeMaildir(`${dir}/joe`);
      makeMaildir(`${dir}/ann`);
      const queue = queueIn(dir, { sync: way, ops });
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          deliver(
            queue,
            i % 2 === 0 ? ["joe@example.com"] : ["joe@example.com", "ann@example.com"],
            `Subject: ${i}\n\n`,
          )),
      );
      for (const outcome of outcomes) assertKind(outcome, "queued");
      assertEquals(new Set(mails(`${dir}/joe`)).size, 40);
      assertEquals(new Set(mails(`${dir}/ann`)).size, 20);
      assertEquals(names(`${dir}/joe/tmp`).concat(names(`${dir}/ann/tmp`)), []);
      assertEquals(queue.inHand, 0);
      await queue.idle();
    }));
}

Deno.test("maildir: order is write, content on disk, link, directory on disk, and only then queued", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const log: string[] = [];
    const queue = queueIn(dir, { ops: watchedOps(log, false) });
    await deliver(queue, ["joe@example.com"], MAIL).then(() => log.push("queued"));
    assertEquals(log, [
      "create tmp",
      "write tmp",
      "sync file",
      "close",
      "link new",
      "remove tmp",
      "sync dir",
      "queued",
    ]);
  }));

Deno.test("maildir: the same order where the whole file system is synced at once", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const log: string[] = [];
    const queue = queueIn(dir, { ops: watchedOps(log, true) });
    await deliver(queue, ["joe@example.com"], MAIL).then(() => log.push("queued"));
    assertEquals(log, [
      "create tmp",
      "write tmp",
      "close",
      "sync fs",
      "link new",
      "remove tmp",
      "sync dir",
      "queued",
    ]);
  }));

Deno.test("maildir: two copies are both on disk before the first is linked", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    makeMaildir(`${dir}/ann`);
    const log: string[] = [];
    const queue = queueIn(dir, { ops: watchedOps(log, false) });
    assertKind(await deliver(queue, ["joe@example.com", "ann@example.com"], MAIL), "queued");
    assert(log.lastIndexOf("sync file") < log.indexOf("link new"), log.join(", "));
    assert(log.lastIndexOf("link new") < log.indexOf("sync dir"), log.join(", "));
  }));

Deno.test("maildir: a long message is synced by its own descriptor even where syncfs is used", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const log: string[] = [];
    const queue = queueIn(dir, { ops: watchedOps(log, true) });
    assertKind(await deliver(queue, ["joe@example.com"], new Uint8Array(200_000)), "queued");
    assert(log.indexOf("sync file") < log.indexOf("link new"), log.join(", "));
  }));

Deno.test("maildir: a long message reaches every recipient's Maildir complete", () =>
  inTempDir(async (dir) => {
    for (const user of ["joe", "ann", "bob"]) makeMaildir(`${dir}/${user}`);
    const queue = queueIn(dir);
    const recipients = ["joe@example.com", "ann@example.com", "bob@example.com"];
    const delivery = await queue.open(1, { sender: "", recipients });
    const chunk = new Uint8Array(50_000);
    let whole = "";
    for (let i = 0; i < 7; i++) {
      chunk.fill(65 + i);
      whole += String.fromCharCode(65 + i).repeat(50_000);
      await delivery.write(chunk);
    }
    chunk.fill(0);
    assertKind(await delivery.commit(), "queued");
    for (const user of ["joe", "ann", "bob"]) {
      const head = `Return-Path: <>\nDelivered-To: ${user}@example.com\n`;
      assert(mails(`${dir}/${user}`)[0] === head + whole, `${user} got something else`);
      assertEquals(names(`${dir}/${user}/tmp`), []);
    }
  }));

Deno.test("maildir: abort leaves nothing behind, short and long", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const queue = queueIn(dir);
    for (const size of [10, 300_000]) {
      const delivery = await queue.open(1, { sender: "", recipients: ["joe@example.com"] });
      await delivery.write(new Uint8Array(size));
      await delivery.abort();
    }
    assertEquals([...names(`${dir}/joe/tmp`), ...names(`${dir}/joe/new`)], []);
    assertEquals(queue.inHand, 0);
  }));

/** What each error must leave behind: nothing, a 4xx with path and errno, a trace line, and a queue that goes on. */
async function assertFailureIsClean(
  dir: string,
  whole: boolean,
  bytes: number,
  breakAt: number,
  error: Error,
): Promise<boolean> {
  makeMaildir(`${dir}/joe`);
  makeMaildir(`${dir}/ann`);
  const log: string[] = [];
  let steps = 0;
  let broken = "";
  const trace = keepTrace();
  const ops = watchedOps(log, whole, (step) => {
    if (steps++ !== breakAt || step.startsWith("remove")) return;
    broken = step;
    throw error;
  });
  const queue = queueIn(dir, { ops, trace });
  const outcome = await deliver(
    queue,
    ["joe@example.com", "ann@example.com"],
    new Uint8Array(bytes),
  );
  if (broken === "") return false;
  assertKind(outcome, "deferred");
  assertStringIncludes(reasonOf(outcome), "ENOSPC", broken);
  if (!broken.endsWith("fs")) assertMatch(reasonOf(outcome), /"\/.*\/(joe|ann)\/(tmp|new)/, broken);
  assertStringIncludes(trace.lines.join("\n"), "queue.deferred", broken);
  for (const user of ["joe", "ann"]) {
    assertEquals(names(`${dir}/${user}/new`), [], `new/ after "${broken}" failed`);
    assertEquals(names(`${dir}/${user}/tmp`), [], `tmp/ after "${broken}" failed`);
  }
  assertKind(await deliver(queue, ["joe@example.com"], MAIL), "queued");
  return true;
}

for (const whole of [true, false]) {
  for (const bytes of [1000, 150_000]) {
    Deno.test(`maildir: an error at any step (${whole ? "syncfs" : "fsync"}, ${bytes} bytes) is deferred and leaves nothing`, async () => {
      let met = 0;
      for (let step = 0; step < 40; step++) {
        await inTempDir(async (dir) => {
          const error = osError("ENOSPC", "No space left on device");
          if (await assertFailureIsClean(dir, whole, bytes, step, error)) met++;
        });
      }
      assert(met >= 8, `only ${met} steps were broken`);
    });
  }
}

Deno.test("maildir: an error of syncfs spoils what was written while it ran, too", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const log: string[] = [];
    const syncing = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let calls = 0;
    const ops = watchedOps(log, true);
    const queue = queueIn(dir, {
      ops: {
        ...ops,
        fileSystem: () => ({
          sync() {
            if (calls++ > 0) return Promise.resolve();
            begun.resolve();
            return syncing.promise;
          },
          syncNow: unexpected,
          close: () => {},
        }),
      },
    });
    const first = deliver(queue, ["joe@example.com"], MAIL);
    await begun.promise;
    const second = deliver(queue, ["joe@example.com"], MAIL);
    await new Promise((resolve) => setTimeout(resolve, 0));
    syncing.reject(osError("EIO", "Input/output error"));
    assertStringIncludes(reasonOf(await first), "EIO");
    assertStringIncludes(reasonOf(await second), "EIO");
    assertEquals(names(`${dir}/joe/new`), []);
    assertKind(await deliver(queue, ["joe@example.com"], MAIL), "queued");
  }));

Deno.test("maildir: deliveries that end while a sync runs share the next one", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const log: string[] = [];
    const queue = queueIn(dir, { ops: watchedOps(log, true) });
    await Promise.all(Array.from({ length: 20 }, () => deliver(queue, ["joe@example.com"], MAIL)));
    const syncs = log.filter((step) => step === "sync fs").length;
    assert(syncs <= 6, `${syncs} syncs for 20 messages`);
  }));

for (
  const [what, spoil] of [
    ["a vanished Maildir", (dir: string) => Deno.removeSync(`${dir}/joe`, { recursive: true })],
    ["a missing tmp/", (dir: string) => Deno.removeSync(`${dir}/joe/tmp`)],
    ["a missing new/", (dir: string) => Deno.removeSync(`${dir}/joe/new`)],
  ] as const
) {
  Deno.test(`maildir: ${what} is deferred with path and errno, and the next message arrives`, () =>
    inTempDir(async (dir) => {
      makeMaildir(`${dir}/joe`);
      const queue = queueIn(dir);
      spoil(dir);
      const outcome = await deliver(queue, ["joe@example.com"], MAIL);
      assertKind(outcome, "deferred");
      assertMatch(reasonOf(outcome), /^Cannot .*joe\/.*ENOENT|No such file/);
      makeMaildir(`${dir}/joe`);
      assertKind(await deliver(queue, ["joe@example.com"], MAIL), "queued");
    }));
}

Deno.test("maildir: a new/ that vanishes between writing and linking leaves nothing in tmp/", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const ops = watchedOps([], true, (step) => {
      if (step.startsWith("link")) Deno.removeSync(`${dir}/joe/new`);
    });
    assertKind(await deliver(queueIn(dir, { ops }), ["joe@example.com"], MAIL), "deferred");
    assertEquals(names(`${dir}/joe/tmp`), []);
  }));

Deno.test("maildir: one recipient's broken Maildir defers the message for all", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const outcome = await deliver(queueIn(dir), ["joe@example.com", "gone@example.com"], MAIL);
    assertKind(outcome, "deferred");
    assertEquals([...names(`${dir}/joe/new`), ...names(`${dir}/joe/tmp`)], []);
  }));

Deno.test("maildir: a tmp/ name that could not be removed is tried once more; the message is queued all the same", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    for (const failures of [1, 2]) {
      const trace = keepTrace();
      let left = failures;
      const ops = watchedOps([], true, (step) => {
        if (step === "remove tmp" && left-- > 0) throw osError("EIO", "Input/output error");
      });
      assertKind(await deliver(queueIn(dir, { ops, trace }), ["joe@example.com"], MAIL), "queued");
      assertEquals(names(`${dir}/joe/tmp`).length, failures - 1);
      assertEquals(
        trace.lines.filter((line) => /left-behind.*EIO/.test(line)).length,
        failures - 1,
      );
    }
    assertEquals(mails(`${dir}/joe`), [HEAD + MAIL, HEAD + MAIL]);
  }));

Deno.test("maildir: a copy that can't be taken back is in the trace", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const trace = keepTrace();
    const ops = watchedOps([], false, (step) => {
      if (step === "sync dir" || step === "remove new") {
        throw osError("EROFS", "Read-only file system");
      }
    });
    assertKind(await deliver(queueIn(dir, { ops, trace }), ["joe@example.com"], MAIL), "deferred");
    assertMatch(trace.lines.join("\n"), /queue\.maildir\.left-behind .*joe\/new\/.*EROFS/);
  }));

Deno.test({
  name: "maildir: a read-only Maildir is deferred with EACCES",
  ignore: Deno.uid() === 0,
  fn: () =>
    inTempDir(async (dir) => {
      makeMaildir(`${dir}/joe`);
      Deno.chmodSync(`${dir}/joe/tmp`, 0o500);
      const outcome = await deliver(queueIn(dir), ["joe@example.com"], MAIL);
      assertKind(outcome, "deferred");
      assertMatch(reasonOf(outcome), /joe\/tmp\/.*(EACCES|Permission denied)/);
    }),
});

Deno.test({
  name: "maildir: as root, files belong to the user, and a Maildir closed to him stays closed",
  ignore: Deno.uid() !== 0,
  fn: () =>
    inTempDir(async (dir) => {
      Deno.chmodSync(dir, 0o755);
      makeMaildir(`${dir}/joe`);
      const owner = { uid: 54321, gid: 54322 };
      const queue = queueIn(dir, {
        routing: (address) => route(dir, [maildirTo("./joe/")], { rewritten: address, owner }),
      });
      const closed = await deliver(queue, ["joe@example.com"], MAIL);
      assertKind(closed, "deferred");
      assertMatch(reasonOf(closed), /EACCES|Permission denied/);
      for (const name of ["tmp", "new", "cur"]) Deno.chownSync(`${dir}/joe/${name}`, 54321, 54322);
      assertKind(await deliver(queue, ["joe@example.com"], MAIL), "queued");
      const [name = ""] = names(`${dir}/joe/new`);
      const stat = Deno.statSync(`${dir}/joe/new/${name}`);
      assertEquals([stat.uid, stat.gid], [54321, 54322]);
      Deno.writeTextFileSync(`${dir}/still-root`, "");
      assertEquals(Deno.statSync(`${dir}/still-root`).uid, 0);
      assertMatch(Deno.readTextFileSync("/proc/self/status"), /^Uid:\t0\t0\t0\t0$/m);
    }),
});

Deno.test("maildir: an existing name is never replaced, the next one is taken", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    let taken = 0;
    const queue = queueIn(dir, {
      now: () => 1_000_000,
      ops: {
        ...FILES,
        fileSystem: () => ({
          sync: () => Promise.resolve(),
          syncNow: unexpected,
          close: () => {},
        }),
        createShort(path) {
          if (taken++ === 0) Deno.writeTextFileSync(path, "somebody else's");
          return FILES.createShort(path);
        },
        link(from, to) {
          if (taken++ === 2) Deno.writeTextFileSync(to, "somebody else's");
          FILES.link(from, to);
        },
      },
    });
    assertKind(await deliver(queue, ["joe@example.com"], MAIL), "queued");
    assertEquals(mails(`${dir}/joe`).sort(), [HEAD + MAIL, "somebody else's"]);
    assertEquals(mails(`${dir}/joe`).length, 2);
  }));

Deno.test("maildir: a recipient's own Delivered-To line in the header is a loop, 5.4.6, also across chunks", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const queue = queueIn(dir);
    const text = "Received: x\nDelivered-To: joe@example.com\n\nbody\n";
    for (let cut = 1; cut < text.length; cut += 3) {
      const delivery = await queue.open(1, { sender: "", recipients: ["joe@example.com"] });
      await delivery.write(bytesOf(text.slice(0, cut)));
      await delivery.write(bytesOf(text.slice(cut)));
      const outcome = await delivery.commit();
      assertKind(outcome, "refused");
      assertEquals(outcome.kind === "refused" && outcome.code, "5.4.6");
    }
    const below = "Received: x\n\nDelivered-To: joe@example.com\n";
    assertKind(await deliver(queue, ["joe@example.com"], below), "queued");
    const other = "Delivered-To: joe@example.com.au\nDelivered-To: Joe@example.com\nX\n\n";
    assertKind(await deliver(queue, ["joe@example.com"], other), "queued");
  }));

Deno.test("maildir: forwards are followed; the copy says whom it went through", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const queue = openMaildirQueue({
      routing: (address) => {
        switch (address) {
          case "info@example.com":
            return route(dir, [forwardTo("sales@example.com")], { rewritten: address });
          case "sales@example.com":
            return route(dir, [forwardTo("joe@example.com")], {
              rewritten: address,
              forwardSender: () => "sales-owner@example.com",
            });
          default:
            return Promise.resolve(route(dir, [maildirTo("./joe/")], { rewritten: address }));
        }
      },
      trace: keepTrace(),
      host: "h",
      pid: 1,
    });
    assertKind(await deliver(queue, ["info@example.com"], MAIL), "queued");
    assertEquals(mails(`${dir}/joe`), [
      "Return-Path: <sales-owner@example.com>\nDelivered-To: joe@example.com\n" +
      "Delivered-To: sales@example.com\nDelivered-To: info@example.com\n" + MAIL,
    ]);
  }));

Deno.test("maildir: two recipients of one Maildir get one copy with both Delivered-To lines", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const queue = queueIn(dir, {
      routing: (address) => route(dir, [maildirTo("./joe/")], { rewritten: address }),
    });
    assertKind(await deliver(queue, ["joe@example.com", "joe-x@example.com"], MAIL), "queued");
    assertEquals(mails(`${dir}/joe`), [
      "Return-Path: <s@remote.example>\nDelivered-To: joe@example.com\n" +
      `Delivered-To: joe-x@example.com\n${MAIL}`,
    ]);
  }));

const linux = Deno.build.os === "linux";

/** Writes as another process would, to the descriptor that was handed over. */
function writeHanded(file: HandedFile | null, text: string): void {
  assert(file !== null);
  const given = libcFiles()?.given(file.fd);
  given?.write(bytesOf(text));
  given?.close();
}

Deno.test({
  name: "maildir: somebody else writes the file, and the message is delivered as if it had come",
  ignore: !linux,
  fn: () =>
    inTempDir(async (dir) => {
      makeMaildir(`${dir}/joe`);
      makeMaildir(`${dir}/ann`);
      const queue = queueIn(dir);
      const recipients = ["joe@example.com", "ann@example.com"];
      const delivery = await queue.open(7, { sender: "s@remote.example", recipients });
      const handed = delivery.handOver();
      assertEquals(handed?.path.startsWith(`${dir}/joe/tmp/`), true);
      assertEquals(handed?.forbidden, [
        "Delivered-To: joe@example.com\n",
        "Delivered-To: ann@example.com\n",
      ]);
      const text = `Subject: long\n\n${"a line\n".repeat(30_000)}`;
      writeHanded(handed, text);
      const outcome = await delivery.commitHanded(text.length, 30_002);
      assertKind(outcome, "queued");
      for (const name of ["joe", "ann"]) {
        const head = `Return-Path: <s@remote.example>\nDelivered-To: ${name}@example.com\n`;
        assertEquals(mails(`${dir}/${name}`), [head + text]);
        const bytes = head.length + text.length;
        assertEquals(
          names(`${dir}/${name}/new`)[0]?.endsWith(`,S=${bytes},W=${bytes + 30_004}`),
          true,
        );
        assertEquals(names(`${dir}/${name}/tmp`), []);
      }
      assertEquals(queue.inHand, 0);
    }),
});

Deno.test({
  name: "maildir: a file that is not as long as was said is not delivered",
  ignore: !linux,
  fn: () =>
    inTempDir(async (dir) => {
      makeMaildir(`${dir}/joe`);
      for (const said of [9, 11]) {
        const delivery = await queueIn(dir).open(7, { sender: "", recipients: ["joe@x"] });
        writeHanded(delivery.handOver(), "ten bytes\n");
        const outcome = await delivery.commitHanded(said, 1);
        assertKind(outcome, "deferred");
        assertMatch(reasonOf(outcome), /has \d+ bytes and should have \d+$/);
      }
      assertEquals([names(`${dir}/joe/tmp`), names(`${dir}/joe/new`)], [[], []]);
    }),
});

Deno.test("maildir: what can't be handed over comes by write", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const queue = queueIn(dir, { ops: DENO_FILES });
    const delivery = await queue.open(7, { sender: "", recipients: ["joe@x"] });
    assertEquals(delivery.handOver(), null);
    await delivery.write(bytesOf(MAIL));
    assertKind(await delivery.commit(), "queued");
    assertEquals(mails(`${dir}/joe`), [`Return-Path: <>\nDelivered-To: joe@x\n${MAIL}`]);
    const missing = await queue.open(7, { sender: "", recipients: ["nobody@x"] });
    assertEquals(missing.handOver(), null);
    assertKind(await missing.commit(), "deferred");
  }));

Deno.test("maildir: a disk that falls behind is written to by a thread for a while", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const ways: string[] = [];
    let now = 0;
    const slow = (file: OpenFile): OpenFile => ({
      ...file,
      write(bytes) {
        if (bytes.length > 1000) {
          ways.push("in place");
          now += 21;
        }
        file.write(bytes);
      },
      writeLater(bytes) {
        ways.push("thread");
        return file.writeLater(bytes);
      },
    });
    const ops = { ...FILES, create: (path: string) => slow(FILES.create(path)) };
    const text = "0123456789abcde\n".repeat(20_000);
    assertKind(
      await deliver(queueIn(dir, { ops, elapsed: () => now }), ["joe@x"], text.slice(0, 50_000)),
      "queued",
    );
    assertEquals(ways, []);
    const queue = queueIn(dir, { ops, elapsed: () => now });
    const delivery = await queue.open(7, { sender: "", recipients: ["joe@x"] });
    for (let at = 0; at < text.length; at += 40_000) {
      const chunk = bytesOf(text.slice(at, at + 40_000));
      await delivery.write(chunk);
      chunk.fill(0);
      // Half a second later the disk is tried again.
      if (at === 200_000) now += 500;
    }
    assertKind(await delivery.commit(), "queued");
    // The first write is two pieces, what was gathered and what did not fit; the last is what was left.
    assertEquals(ways, ["in place", "in place", "thread", "thread", "in place", "thread"]);
    const expected = `Return-Path: <>\nDelivered-To: joe@x\n${text}`;
    assertEquals(mails(`${dir}/joe`).some((mail) => mail === expected), true);
  }));
