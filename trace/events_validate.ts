/** Trace events of validate/. */

export const VALIDATE_EVENTS = {} as const;
