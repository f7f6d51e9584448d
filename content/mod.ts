/** What smtp/, qmtp/ and cli/ see of content/. */
export { authenticityChecks, type AuthenticitySite } from "./authenticity.ts";
export { type Content, type ContentSettings, type ContentSite, openContent } from "./config.ts";
export type { SessionContent } from "./config.ts";
export type { Examination, ExaminedDelivery, ExaminedOutcome, HandOver } from "./examination.ts";
export type * from "./types.ts";
