import { assertEquals, assertStringIncludes } from "@std/assert";
import { Journal, type JournalStore } from "../../../queue/journal.ts";
import { FILE_BYTES, JournalFile } from "../../../queue/journal_file.ts";
import type { MaildirQueue } from "../../../queue/maildir.ts";
import {
  assertKind,
  deliver,
  inTempDir,
  mails,
  makeMaildir,
  names,
  osError,
  queueIn,
  reasonOf,
  unexpected,
  watchedOps,
} from "./kit.ts";
import { startService } from "./journal_kit.ts";

const MESSAGE = "Subject: hello\n\ntext\n";

/** A file of a journal that writes down "write journal", "sync journal", "empty journal" and asks `before` ahead of each. */
function watchedFile(
  path: string,
  log: string[],
  before: (step: string) => void = () => {},
): JournalStore {
  const file = JournalFile.open(path) ?? unexpected();
  file.beginNow();
  const did = (step: string) => {
    log.push(step);
    before(step);
  };
  return {
    path,
    get entries() {
      return file.entries;
    },
    hasRoom: (bytes, entries) => file.hasRoom(bytes, entries),
    write(batch) {
      did("write journal");
      return file.write(batch);
    },
    sync: () => file.sync(),
    syncNow() {
      did("sync journal");
      file.syncNow();
    },
    mark: (entry, mark) => file.mark(entry, mark),
    writeMarks: () => file.writeMarks(),
    async empty() {
      did("empty journal");
      await file.empty();
    },
    keepNow(suspect) {
      did(`keep journal ${suspect ? "suspect" : "whole"}`);
      file.keepNow(suspect);
    },
    close: () => file.close(),
  };
}

interface Watched {
  readonly log: string[];
  readonly journal: Journal;
  readonly queue: MaildirQueue;
  readonly complaints: string[];
}

/** A queue with a journal of watched files. `before` is asked about every step, of the journal and of the Maildir. */
function watched(dir: string, before: (step: string) => void = () => {}): Watched {
  makeMaildir(`${dir}/a`);
  makeMaildir(`${dir}/b`);
  const log: string[] = [];
  const complaints: string[] = [];
  const journal = new Journal({
    files: [
      watchedFile(`${dir}/journal.1`, log, before),
      watchedFile(`${dir}/journal.2`, log, before),
    ],
    complain: (sentence) => void complaints.push(sentence),
    // A disk that is never slow: syncs are waited for in place.
    now: () => 0,
  });
  const queue = queueIn(dir, { ops: watchedOps(log, true, before), journal: () => journal });
  return { log, journal, queue, complaints };
}

Deno.test("the order: tmp/, journal on disk, name in new/, and the Maildir's file system before the journal is emptied", () =>
  inTempDir(async (dir) => {
    const { log, journal, queue } = watched(dir);
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    assertEquals(log.splice(0), [
      ...["create tmp", "write tmp", "close", "write journal", "sync journal"],
      ...["link new", "remove tmp"],
    ]);
    await journal.close();
    assertEquals(log, ["sync fs", "empty journal"]);
    assertStringIncludes(mails(`${dir}/a`)[0] ?? "", MESSAGE);
    assertEquals(names(`${dir}/a/tmp`), []);
  }));

Deno.test("messages that come together share one sync; two copies of one message as well", () =>
  inTempDir(async (dir) => {
    const { log, journal, queue } = watched(dir);
    const outcomes = await Promise.all([
      deliver(queue, ["a@x"], MESSAGE),
      deliver(queue, ["a@x", "b@x"], MESSAGE),
      deliver(queue, ["b@x"], MESSAGE),
    ]);
    outcomes.forEach((outcome) => assertKind(outcome, "queued"));
    assertEquals(log.filter((step) => step === "sync journal").length, 1);
    assertEquals([mails(`${dir}/a`).length, mails(`${dir}/b`).length], [2, 2]);
    await journal.close();
  }));

Deno.test("the name in new/ is the one in the journal, with the sizes", () =>
  inTempDir(async (dir) => {
    const { queue, journals, complaints } = startService(dir);
    const outcome = await deliver(queue, ["a@x"], MESSAGE);
    const bytes = Deno.statSync(`${dir}/a/new/${names(`${dir}/a/new`)[0]}`).size;
    assertStringIncludes(outcome.kind === "queued" ? outcome.id : "", `,S=${bytes},W=`);
    const journal = new TextDecoder("latin1").decode(Deno.readFileSync(`${dir}/journal/journal.1`));
    assertStringIncludes(journal, names(`${dir}/a/new`)[0] ?? "");
    assertStringIncludes(journal, MESSAGE);
    await journals.close();
    assertEquals(complaints, []);
  }));

Deno.test("long messages go without a journal", () =>
  inTempDir(async (dir) => {
    const { log, journal, queue } = watched(dir);
    assertKind(await deliver(queue, ["a@x"], "line\n".repeat(20_000)), "queued");
    assertEquals(log.includes("write journal"), false);
    assertEquals(log.includes("sync dir"), true, log.join());
    await journal.close();
  }));

Deno.test("a file system that can't be synced as a whole has no journal", () =>
  inTempDir(async (dir) => {
    const { journal } = watched(dir);
    const log: string[] = [];
    const queue = queueIn(dir, { ops: watchedOps(log, false), journal: () => journal });
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    assertEquals(log.includes("sync file"), true);
    assertEquals(names(`${dir}/a/new`).length, 1);
    await journal.close();
  }));

Deno.test("the disk reports an error for the journal: deferred, nothing in new/, and it goes on without", () =>
  inTempDir(async (dir) => {
    let isSick = true;
    const { log, journal, queue, complaints } = watched(dir, (step) => {
      if (step === "sync journal" && isSick) throw osError("EIO", "Input/output error");
    });
    const outcome = await deliver(queue, ["a@x"], MESSAGE);
    assertKind(outcome, "deferred");
    assertStringIncludes(reasonOf(outcome), "into the journal: EIO");
    assertEquals([names(`${dir}/a/new`), names(`${dir}/a/tmp`)], [[], []]);
    assertEquals(journal.isBroken, true);
    assertStringIncludes(complaints.join(), "The delivery journal is not used any more: EIO");
    isSick = false;
    log.length = 0;
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    assertEquals(log.includes("write journal"), false);
    await journal.close();
  }));

Deno.test("a Maildir's disk reports an error afterwards: what was promised stays in the journal", () =>
  inTempDir(async (dir) => {
    const { log, journal, queue, complaints } = watched(dir, (step) => {
      if (step === "sync fs") throw osError("EIO", "Input/output error");
    });
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    await journal.close();
    assertEquals(log.slice(-2), ["sync fs", "keep journal suspect"]);
    assertEquals(complaints.length, 1);
    assertStringIncludes(complaints[0] ?? "", `"${dir}/journal.1" holds is delivered anew`);
  }));

Deno.test("a copy that can't be linked is withdrawn, with the other one", () =>
  inTempDir(async (dir) => {
    let links = 0;
    const { journal, queue } = watched(dir, (step) => {
      if (step === "link new" && ++links === 2) throw osError("ENOSPC", "No space left on device");
    });
    assertKind(await deliver(queue, ["a@x", "b@x"], MESSAGE), "deferred");
    assertEquals([names(`${dir}/a/new`), names(`${dir}/b/new`)], [[], []]);
    assertEquals(journal.isIdle, true);
    journal.leave();
    const next = startService(dir);
    assertEquals([names(`${dir}/a/new`), names(`${dir}/b/new`)], [[], []]);
    await next.journals.close();
  }));

Deno.test("a full file makes way for the other one; when both are taken, deliveries go without", () =>
  inTempDir(async (dir) => {
    let isHeld = true;
    const held = Promise.withResolvers<void>();
    const log: string[] = [];
    makeMaildir(`${dir}/a`);
    const ops = watchedOps(log, true);
    const journal = new Journal({
      files: [watchedFile(`${dir}/journal.1`, log), watchedFile(`${dir}/journal.2`, log)],
      complain: unexpected,
      now: () => 0,
    });
    const slow = {
      ...ops,
      fileSystem: (directory: string) => {
        const system = ops.fileSystem(directory);
        const sync = () => isHeld ? held.promise : Promise.resolve();
        return system === null ? null : { ...system, sync };
      },
    };
    const queue = queueIn(dir, { ops: slow, sync: "fsync", journal: () => journal });
    const body = "x".repeat(60_000);
    const messages = Math.ceil(2.2 * FILE_BYTES / body.length);
    for (let i = 0; i < messages; i++) assertKind(await deliver(queue, ["a@x"], body), "queued");
    const entered = log.filter((step) => step === "write journal").length;
    assertEquals(entered > 1.9 * FILE_BYTES / 65_536 && entered < messages, true, `${entered}`);
    assertEquals(log.filter((step) => step === "sync dir").length, messages - entered);
    assertEquals(names(`${dir}/a/new`).length, messages);
    isHeld = false;
    held.resolve();
    await journal.close();
    assertEquals(log.filter((step) => step === "empty journal").length, 2);
  }));

Deno.test("after a second the Maildirs are synced and the file is empty again", () =>
  inTempDir(async (dir) => {
    const emptied = Promise.withResolvers<void>();
    const { log, journal, queue } = watched(dir, (step) => {
      if (step === "empty journal") emptied.resolve();
    });
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    log.length = 0;
    await emptied.promise;
    assertEquals(log, ["sync fs", "empty journal"]);
    await journal.close();
  }));

Deno.test("what is being delivered when the journal is closed is waited for", () =>
  inTempDir(async (dir) => {
    const { log, journal, queue } = watched(dir);
    const outcome = deliver(queue, ["a@x"], MESSAGE);
    while (!log.includes("write journal")) await new Promise<void>((done) => setTimeout(done, 0));
    await journal.close();
    assertKind(await outcome, "queued");
    assertEquals(log.slice(-2), ["sync fs", "empty journal"]);
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    assertEquals(log.at(-1), "sync dir", "without the journal");
    assertEquals(names(`${dir}/a/new`).length, 2);
  }));

Deno.test("the files of another process are left alone", () =>
  inTempDir(async (dir) => {
    const first = startService(dir);
    const second = startService(dir);
    assertKind(await deliver(first.queue, ["a@x"], MESSAGE), "queued");
    assertKind(await deliver(second.queue, ["a@x"], MESSAGE), "queued");
    const files = names(`${dir}/journal`).filter((name) => !name.endsWith(".done"));
    assertEquals(files, ["journal.1", "journal.2", "journal.3", "journal.4"]);
    await first.journals.close();
    await second.journals.close();
    assertEquals([...first.complaints, ...second.complaints], []);
  }));

Deno.test("a directory that others can write to is not used, and that is said", () =>
  inTempDir(async (dir) => {
    Deno.mkdirSync(`${dir}/journal`);
    Deno.chmodSync(`${dir}/journal`, 0o777);
    const { queue, journals, complaints } = startService(dir);
    assertEquals(journals.current, null);
    assertEquals(complaints, [
      `The delivery journal in "${dir}/journal" can't be used: others can write to it: make it mode 0700`,
    ]);
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
  }));

Deno.test("a file of another version is left as it is, and that is said", () =>
  inTempDir(async (dir) => {
    Deno.mkdirSync(`${dir}/journal`, { mode: 0o700 });
    const text = '{"qfront_journal":9}\n' + "\0".repeat(5000);
    Deno.writeTextFileSync(`${dir}/journal/journal.1`, text);
    const { journals, complaints } = startService(dir);
    assertEquals(complaints, [
      `"${dir}/journal/journal.1" can't be looked after: it is of another version of qfront`,
    ]);
    await journals.close();
    assertEquals(Deno.readTextFileSync(`${dir}/journal/journal.1`), text);
  }));

Deno.test("a setting that changes closes the one journal and opens the other; none closes it", () =>
  inTempDir(async (dir) => {
    const { queue, journals } = startService(dir);
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    const first = journals.current;
    journals.use(`${dir}/journal`);
    assertEquals(journals.current === first, true, "the same stays");
    journals.use(`${dir}/other`);
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    journals.use("");
    assertEquals(journals.current, null);
    assertKind(await deliver(queue, ["a@x"], MESSAGE), "queued");
    await journals.close();
    assertEquals(names(`${dir}/a/new`).length, 3);
    for (const name of ["journal", "other"]) {
      const file = JournalFile.open(`${dir}/${name}/journal.1`) ?? unexpected();
      assertEquals(file.read().entries, [], name);
      file.close();
    }
  }));
