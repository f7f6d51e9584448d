/** Trace events of net/. */

export const NET_EVENTS = {} as const;
