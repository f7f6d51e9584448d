/** The delivery journal in the soak tests: where it is, its recovery, and its steps as points to be killed at. */
import { JournalFile } from "../../queue/journal_file.ts";
import { PAGE_BYTES } from "../../queue/journal_format.ts";
import { Journals } from "../../queue/journals.ts";
import type { Fields, TraceEvent, Tracer } from "../../trace/tracer.ts";

/** Where the driver has its journal. */
export const journalIn = (dir: string): string => `${dir}/journal`;

/** What a recovery found. */
export interface Recovered {
  /** Entries that the journal still held, and those of them that were missing in their Maildirs. */
  readonly held: number;
  readonly delivered: number;
  /** What it complained of. */
  readonly faults: readonly string[];
}

const numberIn = (fields: Fields, name: string): number => Number(fields[name] ?? 0);

/** Does what the next start of a service does first, and closes the journal again. */
export async function recoverJournal(dir: string): Promise<Recovered> {
  let held = 0;
  let delivered = 0;
  const faults: string[] = [];
  const trace: Tracer = {
    level: 1,
    emit<F extends Fields>(_: number, __: TraceEvent<F>, fields: F) {
      held += numberIn(fields, "entries");
      delivered += numberIn(fields, "delivered");
    },
  };
  const complain = (sentence: string) => void faults.push(sentence);
  const journals = new Journals({ trace, complain, host: "soak" });
  journals.use(journalIn(dir));
  await journals.close();
  return { held, delivered, faults };
}

/** From now on `step` is called after each thing that is done to a journal file. */
export function countJournalSteps(step: () => void): void {
  const { write, sync, syncNow, mark, writeMarks, empty, beginNow, keepNow } =
    JournalFile.prototype;
  Object.assign(JournalFile.prototype, {
    write(this: JournalFile, ...args: Parameters<typeof write>) {
      const first = write.apply(this, args);
      step();
      return first;
    },
    async sync(this: JournalFile) {
      await sync.apply(this);
      step();
    },
    syncNow(this: JournalFile) {
      syncNow.apply(this);
      step();
    },
    mark(this: JournalFile, ...args: Parameters<typeof mark>) {
      mark.apply(this, args);
      step();
    },
    writeMarks(this: JournalFile) {
      writeMarks.apply(this);
      step();
    },
    async empty(this: JournalFile) {
      await empty.apply(this);
      step();
    },
    beginNow(this: JournalFile) {
      beginNow.apply(this);
      step();
    },
    keepNow(this: JournalFile, ...args: Parameters<typeof keepNow>) {
      keepNow.apply(this, args);
      step();
    },
  });
}

/** Changes the head of each file in place. */
export function changeHeads(dir: string, change: (head: string) => string): void {
  for (const { name } of Deno.readDirSync(journalIn(dir))) {
    if (!/^journal\.\d+$/.test(name)) continue;
    const file = Deno.openSync(`${journalIn(dir)}/${name}`, { read: true, write: true });
    try {
      const page = new Uint8Array(PAGE_BYTES);
      file.readSync(page);
      const head = change(new TextDecoder().decode(page.subarray(0, page.indexOf(0))));
      page.fill(0).set(new TextEncoder().encode(head));
      file.seekSync(0, Deno.SeekMode.Start);
      file.writeSync(page);
    } finally {
      file.close();
    }
  }
}

/**
 * Makes the journal's files those of an earlier start of the machine: nothing that was not synced is relied on then, and its marks
 * are void.
 */
export const pretendOtherBoot = (dir: string): void =>
  changeHeads(dir, (head) => head.replace(/"boot":"[^"]*"/, '"boot":"another start"'));
