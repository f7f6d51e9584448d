/** Trace events of queue/. */

export const QUEUE_EVENTS = {} as const;
