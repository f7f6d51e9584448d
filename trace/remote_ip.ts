/**
 * The client's address on every line of its session (trace_remoteip): what fail2ban and its like need.
 *
 * The address is learnt from the first event of a session that has one, in its field `ip`.
 */
import type { LineFormat } from "./katr.ts";

/** The forms a trace can have. */
export type TraceFormat = "katr" | "json" | "logfmt";

/** Sessions whose address is remembered; beyond, the oldest are forgotten. */
const KEPT_SESSIONS = 20_000;

/** `lines` with the address: at the end of a KATR line, as field `remoteip` in the other formats. */
export function withRemoteIp(format: TraceFormat, lines: LineFormat): LineFormat {
  const known = new Map<number, string>();
  return (now, session, event, fields) => {
    const told = fields["ip"];
    let ip = known.get(session);
    if (ip === undefined && typeof told === "string") {
      ip = told;
      known.set(session, ip);
      if (known.size > KEPT_SESSIONS) forgetOldest(known);
    }
    if (ip === undefined || event.id === "setup.remoteip") {
      return lines(now, session, event, fields);
    }
    if (format !== "katr") return lines(now, session, event, { ...fields, remoteip: ip });
    const text = (f: typeof fields) => `${event.text(f)} (remoteip: ${ip})`;
    return lines(now, session, { ...event, text }, fields);
  };
}

/** Forgets a tenth at once: a Map whose first entry is deleted again and again is slow to find its first entry. */
function forgetOldest(known: Map<number, string>): void {
  let left = KEPT_SESSIONS / 10;
  for (const session of known.keys()) {
    known.delete(session);
    if (--left === 0) return;
  }
}
