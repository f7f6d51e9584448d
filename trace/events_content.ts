/**
 * Trace events of content/: what came of a message that was looked into, copies in quarantine,
 * programs and servers that were asked, and lines of rule files that have no effect. Verdicts and
 * findings are told with the events of policy.
 */
import { event } from "./tracer.ts";

export const CONTENT_EVENTS = {
  decision: event<{ ip: string; sender: string; record: string }>(
    "content.decision",
    2,
    "content",
    (f) => `decision ip[${f.ip}] sender[${f.sender}]: ${f.record}`,
  ),
  overruled: event<{ ip: string; rule: string; reply: string; reason: string }>(
    "content.overruled",
    2,
    "content",
    (f) => `accepted all the same, would be ${f.reply} by rule[${f.rule}] ip[${f.ip}]: ${f.reason}`,
  ),
  quarantined: event<{ file: string; sender: string; reason: string }>(
    "content.quarantine",
    1,
    "content",
    (f) => `quarantine: ${f.file} from <${f.sender}>: ${f.reason}`,
  ),
  quarantineTrouble: event<{ directory: string; reason: string }>(
    "content.quarantine.trouble",
    1,
    "content",
    (f) => `quarantine: no copy in "${f.directory}": ${f.reason}`,
  ),
  filterEnd: event<{ program: string; end: string; output: string }>(
    "content.filter",
    2,
    "content",
    (f) => `filter ${f.program}: ${f.end}${f.output === "" ? "" : `, said "${f.output}"`}`,
  ),
  spamdTrouble: event<{ server: string; reason: string }>(
    "content.spamd.trouble",
    1,
    "content",
    (f) => `spamd at ${f.server}: ${f.reason}`,
  ),
  checkTrouble: event<{ check: string; reason: string }>(
    "content.trouble",
    1,
    "content",
    (f) => `${f.check}: ${f.reason}`,
  ),
  note: event<{ reason: string }>("content.note", 1, "content", (f) => f.reason),
} as const;
