/** What commands use of replay/. */
export { type Judged, LogJudge, UNSEEN_CHECKS } from "./log_judge.ts";
export { inOrder, type OrderCount } from "./in_order.ts";
export { unaskedDns } from "./no_dns.ts";
export { ReplayTally } from "./replay.ts";
export { replayText } from "./replay_text.ts";
export type { ReplayReport } from "./replay_types.ts";
export { ShadowTally } from "./shadow.ts";
export { shadowText, wantedLines } from "./shadow_text.ts";
export type { ShadowCheck, ShadowReport } from "./shadow_types.ts";
export { addressesOf, type TreePlace } from "./addresses.ts";
export { Differ, type DiffReport, type DiffTree } from "./diff.ts";
export { diffText } from "./diff_text.ts";
