/** What the tests of the delivery journal share: journals in temporary directories, killed processes, power cuts. */
import { Journals, type JournalsOptions } from "../../../queue/journals.ts";
import type { MaildirOptions, MaildirQueue } from "../../../queue/maildir.ts";
import { changeHeads } from "../../soak/journal.ts";
import { keepTrace, makeMaildir, queueIn } from "./kit.ts";

/** A service with a journal: what it complained of, its trace, its queue. */
export interface Service {
  readonly journals: Journals;
  readonly queue: MaildirQueue;
  readonly complaints: string[];
  readonly lines: string[];
}

/** Starts one on `dir`, with the Maildirs a and b below it and the journal in dir/journal. */
export function startService(
  dir: string,
  more: Partial<JournalsOptions> = {},
  queue: Partial<MaildirOptions> = {},
): Service {
  makeMaildir(`${dir}/a`);
  makeMaildir(`${dir}/b`);
  const complaints: string[] = [];
  const trace = keepTrace();
  const journals = new Journals({
    trace,
    complain: (sentence) => void complaints.push(sentence),
    host: "mx.example.com",
    ...more,
  });
  journals.use(`${dir}/journal`);
  return {
    journals,
    queue: queueIn(dir, { journal: () => journals.current, ...queue }),
    complaints,
    lines: trace.lines,
  };
}

/** What kill -9 does: the locks are gone, and nothing else happens. To be called when nothing is being written. */
export function kill({ journals }: Service): void {
  journals.current?.leave();
}

/** The disk has reported an error while the journal was in use. */
export const distrust = (dir: string): void =>
  changeHeads(dir, (head) => head.replace('"suspect":false', '"suspect":true'));
