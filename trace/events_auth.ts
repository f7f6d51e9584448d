/** Trace events of auth/. */

export const AUTH_EVENTS = {} as const;
