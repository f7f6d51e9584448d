/** What others may use of report/: attempts to judge again, logs as sources, and the report itself. */
export { attempts, attemptsOf } from "./attempts.ts";
export type { Attempt } from "./facts.ts";
export { anonymiseFile } from "./anonymise.ts";
export { htmlReport } from "./html.ts";
export { maskOf, type Privacy, PRIVACY_LEVELS } from "./privacy.ts";
export { makeProgress } from "./progress.ts";
export { readQueue } from "./queue_dir.ts";
export { recheck } from "./recheck.ts";
export type { Report } from "./report_types.ts";
export { type Period, tallyLogs } from "./run.ts";
export { findSources, type ReadCount, type Source, SourceError } from "./sources.ts";
export { summarize } from "./summary.ts";
export { textReport } from "./text.ts";
export { parseMoment, parseSpan } from "./times.ts";
