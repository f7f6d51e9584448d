/** What smtp/, qmtp/ and cli/ see of content/. */
export { type Content, type ContentSettings, type ContentSite, openContent } from "./config.ts";
export type { SessionContent } from "./config.ts";
export type { Examination, ExaminedOutcome, HandOver } from "./examination.ts";
export type * from "./types.ts";
