/**
 * The process that gets killed: delivers under load and prints each message's number once it is queued.
 *
 *     deno run -A tests/soak/kill_driver.ts DIR [--crash-after STEP] [--connections 8] [--sync auto] [--journal]
 *
 * Message N goes to DIR/a or to DIR/a and DIR/b. With --crash-after it kills itself with SIGKILL right after that many file
 * operations and steps of the journal, those of its recovery included; otherwise somebody else does. Lines are written at once: what stands on standard output was promised.
 */
import { parseArgs } from "@std/cli/parse-args";
import { NO_TRACE } from "../../trace/tracer.ts";
import { openMaildirQueue } from "../../queue/maildir.ts";
import {
  type FileOps,
  FILES,
  type FileSystem,
  type OpenFile,
  type ShortFile,
} from "../../queue/file_ops.ts";
import type { SyncWay } from "../../queue/group_commit.ts";
import { Journals } from "../../queue/journals.ts";
import { countJournalSteps, journalIn } from "./journal.ts";
import { bodyOf } from "./kill_check.ts";

/** File operations that call `step` after each. */
function countedOps(step: () => void): FileOps {
  const later = async (action: Promise<void>): Promise<void> => {
    await action;
    step();
  };
  const now = <T>(value: T): T => {
    step();
    return value;
  };
  const countedShort = (file: ShortFile): ShortFile => ({
    write: (bytes) => now(file.write(bytes)),
    close: () => now(file.close()),
  });
  const countedFile = (file: OpenFile): OpenFile => ({
    ...countedShort(file),
    writeLater: (bytes) => later(file.writeLater(bytes)),
    sync: () => later(file.sync()),
    size: () => file.size(),
    rewind: (offset) => now(file.rewind(offset)),
    read: (buffer) => file.read(buffer),
  });
  const countedSystem = (fs: FileSystem): FileSystem => ({
    sync: () => later(fs.sync()),
    syncNow: () => now(fs.syncNow()),
    close: () => fs.close(),
  });
  return {
    create: (path) => now(countedFile(FILES.create(path))),
    createShort: (path) => now(countedShort(FILES.createShort(path))),
    openAppending: (path) => now(FILES.openAppending(path)),
    link: (from, to) => now(FILES.link(from, to)),
    remove: (path) => now(FILES.remove(path)),
    syncDirectoryNow: (path) => now(FILES.syncDirectoryNow(path)),
    syncDirectory: (path) => later(FILES.syncDirectory(path)),
    device: (directory) => FILES.device(directory),
    fileSystem(directory) {
      const fs = FILES.fileSystem(directory);
      return fs === null ? null : countedSystem(fs);
    },
    as: (owner, action) => FILES.as(owner, action),
  };
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["crash-after", "connections", "sync"],
    boolean: ["journal"],
  });
  const dir = String(args._[0]);
  let left = Number(args["crash-after"] ?? Infinity);
  const step = () => {
    if (--left === 0) Deno.kill(Deno.pid, "SIGKILL");
  };
  const ops = countedOps(step);
  const complain = (sentence: string) => console.error(sentence);
  const journals = new Journals({ ops, trace: NO_TRACE, complain, host: "soak" });
  if (args["journal"] === true) {
    countJournalSteps(step);
    journals.use(journalIn(dir));
  }
  const queue = openMaildirQueue({
    routing: (address) => ({
      outcome: "deliver",
      reason: "",
      rewritten: address,
      owner: null,
      home: dir,
      instructions: [{ kind: "maildir", text: `./${address}/`, where: "" }],
      forwardSender: (sender) => sender,
    }),
    trace: NO_TRACE,
    host: "soak",
    pid: Deno.pid,
    sync: String(args["sync"] ?? "auto") as SyncWay,
    ops,
    journal: () => journals.current,
  });
  let next = 0;
  const connection = async () => {
    for (;;) {
      const id = `${Deno.pid}-${next++}`;
      const recipients = next % 3 === 0 ? ["a", "b"] : ["a"];
      const delivery = await queue.open(1, { sender: "", recipients });
      const body = bodyOf(id);
      for (let at = 0; at < body.length; at += 30_000) {
        await delivery.write(body.subarray(at, at + 30_000));
      }
      const outcome = await delivery.commit();
      if (outcome.kind === "queued") print(`${id} ${recipients.join(" ")}`);
      else console.error(outcome.reason);
    }
  };
  await Promise.all(Array.from({ length: Number(args["connections"] ?? 8) }, connection));
}
