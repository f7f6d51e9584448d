/**
 * The files of policy's memory: read once, written some time after something changed and at the end.
 *
 * A file that can't be read, or has lines that mean nothing, is put aside under another name and
 * said aloud; what of it could be understood is kept. Trouble is told once, until it is over.
 */
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import type { Tracer } from "../trace/tracer.ts";
import { putAside, readStateFile, StateFileError, writeStateFile } from "./state_file.ts";

/** How long changes are gathered before they are written. */
const SAVE_MS = 20_000;

/** What is kept in one file. */
export interface KeptPart {
  /** Takes the text; a sentence for each line that can't be used. */
  readonly take: (text: string) => readonly string[];
  readonly lines: () => Iterable<string>;
}

export interface KeepOptions {
  readonly tracer: Tracer;
  readonly complain: (sentence: string) => void;
  /** false: the file is another process'; it is read and never touched. */
  readonly writes: boolean;
}

/** One file's life. */
export class KeptFile {
  readonly #part: KeptPart;
  readonly #options: KeepOptions;
  #path = "";
  #timer: number | null = null;
  #isDirty = false;
  #writing: Promise<void> = Promise.resolve();
  #isInTrouble = false;

  constructor(part: KeptPart, options: KeepOptions) {
    this.#part = part;
    this.#options = options;
  }

  /** Keeps it in `path` from now on, "" for nowhere; reads it when that is news. What changed before is the old one's. */
  use(path: string): void {
    if (path === this.#path) return;
    if (this.#isDirty) void this.save();
    this.#path = path;
    if (path !== "") this.#load();
  }

  /** Something is to be written, soon. */
  changed(): void {
    if (this.#path === "" || !this.#options.writes) return;
    this.#isDirty = true;
    this.#timer ??= setTimeout(() => void this.save(), SAVE_MS);
  }

  /** Writes now what changed. Never rejects. */
  save(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const path = this.#path;
    return this.#writing = this.#writing.then(() => this.#write(path));
  }

  #load(): void {
    const path = this.#path;
    let faults: readonly string[];
    try {
      faults = this.#part.take(readStateFile(path));
      if (faults.length === 0) return;
    } catch (error) {
      if (!(error instanceof StateFileError)) throw error;
      faults = [error.message];
    }
    this.#tell(`${faults[0]}${more(faults.length - 1)}${this.#aside()}`);
  }

  /** What became of a file that can't be used. */
  #aside(): string {
    if (!this.#options.writes) return "";
    try {
      const name = putAside(this.#path);
      this.changed();
      return `; it is kept as "${name}", what could be read of it holds`;
    } catch (error) {
      if (error instanceof StateFileError) return `; ${error.message}`;
      throw error;
    }
  }

  async #write(path: string): Promise<void> {
    if (!this.#isDirty || path === "") return;
    this.#isDirty = false;
    try {
      await writeStateFile(path, this.#part.lines());
      this.#isInTrouble = false;
    } catch (error) {
      if (!(error instanceof StateFileError)) throw error;
      if (!this.#isInTrouble) this.#tell(error.message);
      this.#isInTrouble = true;
      this.#isDirty = true;
    }
  }

  #tell(reason: string): void {
    const { tracer, complain } = this.#options;
    complain(`${this.#path}: ${reason}`);
    if (tracer.level < POLICY_EVENTS.stateTrouble.level) return;
    tracer.emit(0, POLICY_EVENTS.stateTrouble, { file: this.#path, reason });
  }
}

const more = (count: number): string =>
  count === 0 ? "" : `, and ${count} more line${count === 1 ? "" : "s"}`;
