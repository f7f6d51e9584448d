/** Trace events of pop3/. */

export const POP3_EVENTS = {} as const;
