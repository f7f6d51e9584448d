/**
 * A trace whose settings may change while the service runs: sessions hold this one, and whatever stands in trace.cfg
 * now is behind it. So level 4 can be had for an hour, for the sessions that are open too, without a restart.
 */
import { type FileTracer, openTrace, type TraceOptions } from "./file.ts";
import type { Fields, TraceEvent } from "./tracer.ts";

export interface TraceSwitch extends FileTracer {
  /** Goes over to other settings; the same ones change nothing. What was gathered is written where it belongs. */
  apply(options: TraceOptions): void;
}

/** Opens the trace, changeable. Never throws. */
export function openTraceSwitch(options: TraceOptions): TraceSwitch {
  return new SwitchedTrace(options);
}

class SwitchedTrace implements TraceSwitch {
  #options: TraceOptions;
  #tracer: FileTracer;

  constructor(options: TraceOptions) {
    this.#options = options;
    this.#tracer = openTrace(options);
  }

  get level(): number {
    return this.#tracer.level;
  }

  emit<F extends Fields>(session: number, event: TraceEvent<F>, fields: F): void {
    this.#tracer.emit(session, event, fields);
  }

  flush(): void {
    this.#tracer.flush();
  }

  reopen(): void {
    this.#tracer.reopen();
  }

  close(): Promise<void> {
    return this.#tracer.close();
  }

  apply(options: TraceOptions): void {
    const now = this.#options;
    const isSame = now.file === options.file && now.level === options.level &&
      now.format === options.format && (now.remoteIp ?? false) === (options.remoteIp ?? false);
    this.#options = options;
    if (isSame) return;
    this.#tracer.flush();
    void this.#tracer.close();
    this.#tracer = openTrace(options);
  }
}
