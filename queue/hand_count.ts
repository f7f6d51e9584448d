/** How many messages are in hand, and a wait for none: what every kind of queue shares. */
import type { Envelope, QueueOutcome } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { QUEUE_EVENTS } from "../trace/events.ts";

export interface HandCount {
  readonly count: number;
  took(): void;
  gave(): void;
  /** Resolves when the count is 0. */
  idle(): Promise<void>;
}

/** A count that begins at 0. */
export function createHandCount(): HandCount {
  let count = 0;
  let waiting: (() => void)[] = [];
  return {
    get count() {
      return count;
    },
    took: () => {
      count++;
    },
    gave() {
      count--;
      if (count > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    idle: () =>
      count === 0 ? Promise.resolve() : new Promise((resolve) => {
        waiting.push(resolve);
      }),
  };
}

/** Writes how a hand-over ended into the trace. */
export function traceOutcome(
  trace: Tracer,
  queue: string,
  session: number,
  envelope: Envelope,
  outcome: QueueOutcome,
  bytes: number,
): void {
  if (trace.level < 1) return;
  const { sender, recipients } = envelope;
  if (outcome.kind === "queued") {
    const fields = { queue, id: outcome.id, sender, recipients: recipients.length, bytes };
    trace.emit(session, QUEUE_EVENTS.queued, fields);
  } else {
    const fields = { queue, sender, code: outcome.code, reason: outcome.reason };
    trace.emit(session, QUEUE_EVENTS[outcome.kind], fields);
  }
}
