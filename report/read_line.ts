/** Which reader understands a line: each is asked by the line's first characters, so files may hold a mixture. */
import { readJson, readKatr, readLogfmt } from "./read_trace.ts";
import { readQmailSend } from "./read_qmail.ts";
import { readTcpserver } from "./read_tcpserver.ts";
import type { Timed } from "./record.ts";
import { takeStamp } from "./times.ts";

/**
 * What `line` (without its line end) says; null: nothing that is known here. `beforeMs`: the log was written until then at the
 * latest, for dates without a year.
 */
export function readLine(line: string, beforeMs: number): Timed | null {
  if (line.charCodeAt(0) === 0x7b) return readJson(line);
  if (line.startsWith("time=")) return readLogfmt(line);
  const { whenMs, body } = takeStamp(line, beforeMs);
  const first = body.charCodeAt(0);
  if (first === 0x7b || body.startsWith("time=")) {
    const inner = first === 0x7b ? readJson(body) : readLogfmt(body);
    return inner === null ? null : { whenMs: inner.whenMs ?? whenMs, record: inner.record };
  }
  if (first === 0x28) {
    const record = readKatr(body);
    return record === null ? null : { whenMs, record };
  }
  // A trace on standard error below multilog has two stamps: its own is the one that counts.
  if (whenMs !== null && first >= 0x30 && first <= 0x39) {
    const { whenMs: ownMs, body: own } = takeStamp(body, beforeMs);
    const record = ownMs === null ? null : readKatr(own);
    return record === null ? null : { whenMs: ownMs, record };
  }
  const record = readTcpserver(body) ?? readQmailSend(body);
  return record === null ? null : { whenMs, record };
}
