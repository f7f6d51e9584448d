/**
 * The trace of a running service: the same object for every room while file, level and format change underneath. What is told before
 * the first file is known - by a keeper that was started while there was no trace yet - is held until then.
 */
import type { Settings } from "../settings/mod.ts";
import { type FileTracer, openTrace, tracePath } from "../trace/file.ts";
import { traceMask } from "./trace_mask.ts";
import type { Fields, TraceEvent, Tracer } from "../trace/tracer.ts";

/** Where relative and absolute names of the trace file lie. */
export interface TracePlace {
  readonly root: string;
  readonly path: string;
}

/** Hears of events beside the file. */
export interface Tap {
  readonly level: number;
  readonly take: <F extends Fields>(session: number, event: TraceEvent<F>, fields: F) => void;
}

/** What is told before it is known where to: so much is held. */
const MOST_HELD = 100;
const HIGHEST_LEVEL = 4;

export class SwitchTracer implements Tracer {
  level = 0;
  /** null: it is known where events go. */
  #held: (() => void)[] | null;
  #tap: Tap | null = null;
  #file: FileTracer | null = null;
  #chosen = "";
  readonly #place: TracePlace;
  readonly #complain: (sentence: string) => void;
  readonly #instead: Tracer | null;

  /** `instead`: takes all events, whatever the settings say of file and level. */
  constructor(place: TracePlace, complain: (sentence: string) => void, instead?: Tracer) {
    this.#place = place;
    this.#complain = complain;
    this.#instead = instead ?? null;
    this.#held = instead === undefined ? [] : null;
    this.level = instead?.level ?? HIGHEST_LEVEL;
  }

  /** Goes on as `settings` say; a file that stays the same is only opened anew (logrotate). */
  use(settings: Settings): void {
    if (this.#instead !== null) return;
    const file = tracePath(settings.trace_file, this.#place.path, this.#place.root);
    const { trace_level: level, trace_format: format, trace_remoteip: remoteIp } = settings;
    const chosen = `${level} ${format} ${remoteIp} ${file} ${settings.trace_privacy} ` +
      settings.trace_privacy_key;
    if (chosen === this.#chosen) {
      this.#file?.reopen();
      return;
    }
    void this.#file?.close();
    this.#chosen = chosen;
    const mask = traceMask(settings, this.#place, this.#complain);
    this.#file = openTrace({ file, level, format, remoteIp, mask, onTrouble: this.#complain });
    this.#setLevel();
    const held = this.#held ?? [];
    this.#held = null;
    for (const tell of held) tell();
  }

  /** Tells `tap` as well from now on, whatever the level of the file; null: nobody any more. */
  tap(tap: Tap | null): void {
    this.#tap = tap;
    this.#setLevel();
  }

  emit<F extends Fields>(session: number, event: TraceEvent<F>, fields: F): void {
    if (this.#held !== null) {
      if (this.#held.length < MOST_HELD) this.#held.push(() => this.emit(session, event, fields));
      return;
    }
    (this.#file ?? this.#instead)?.emit(session, event, fields);
    if (this.#tap !== null && event.level <= this.#tap.level) {
      this.#tap.take(session, event, fields);
    }
  }

  #setLevel(): void {
    const own = (this.#file ?? this.#instead)?.level ?? 0;
    this.level = Math.max(own, this.#tap?.level ?? 0);
  }

  flush(): void {
    this.#file?.flush();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
