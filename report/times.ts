/**
 * The stamps that logs put before their lines, taken off and turned into milliseconds since 1970: TAI64N (multilog),
 * svlogd's -tt and -ttt (UTC), tai64nlocal and KATR (local time), RFC 3339, splogger's epoch, and syslog's dates, which have
 * no year.
 *
 * TAI64N: as daemontools' tai64nlocal, ten leap seconds and no more.
 */

/** A line without its stamp. */
export interface Stamped {
  readonly whenMs: number | null;
  readonly body: string;
}

const TAI64N = /^@(40[0-9a-f]{14})([0-9a-f]{8}) /;
const LOCAL = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))? /;
const SVLOGD = /^(\d{4}-\d\d-\d\d)[_T](\d\d:\d\d:\d\d\.\d{1,3})\d* /;
const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) (\S+) ([^\s:]+): /;
const SYSLOG = /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\S+) ([^\s:]+): /;
/** splogger's own: seconds, six digits. */
const EPOCH = /^(\d{9,11})\.(\d{6}) /;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const TAI_OFFSET_SECONDS = 10;
const DAY_MS = 86_400_000;

/** Milliseconds of a TAI64N label's two parts in hex. */
function taiMs(seconds: string, nanoseconds: string): number {
  const high = parseInt(seconds.slice(0, 8), 16) - 0x40000000;
  const low = parseInt(seconds.slice(8), 16);
  return (high * 0x100000000 + low - TAI_OFFSET_SECONDS) * 1000 +
    Math.floor(parseInt(nanoseconds, 16) / 1_000_000);
}

/** Local time of parts as text. */
function localMs(parts: readonly (string | undefined)[]): number {
  const [year, month, day, hour, minute, second] = parts.map(Number);
  return new Date(year ?? 0, (month ?? 1) - 1, day, hour, minute, second).getTime();
}

/** The latest time with this month, day and hour that is not after a day from `beforeMs`. */
function yearless(month: number, rest: readonly (string | undefined)[], beforeMs: number): number {
  const [day, hour, minute, second] = rest.map(Number);
  const year = new Date(beforeMs).getFullYear();
  const at = (y: number) => new Date(y, month, day, hour, minute, second).getTime();
  return at(year) > beforeMs + DAY_MS ? at(year - 1) : at(year);
}

/** Takes splogger's epoch off, which says more than the date before it. */
function withEpoch(whenMs: number, body: string): Stamped {
  const match = EPOCH.exec(body);
  if (match === null) return { whenMs, body };
  const [all, seconds, micros] = match;
  const exact = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  return { whenMs: exact, body: body.slice(all.length) };
}

/** The name of a program that speaks for itself in its lines is no part of them. */
const named = (tag: string, body: string): string => {
  const program = tag.replace(/\[\d+\]$/, "");
  return /^(tcpserver|rblsmtpd|qmail-spf)$/.test(program) ? `${program}: ${body}` : body;
};

function syslogStamp(line: string, beforeMs: number): Stamped | null {
  const match = SYSLOG.exec(line);
  const month = match === null ? -1 : MONTHS.indexOf(match[1] ?? "");
  if (match === null || month < 0) return null;
  const whenMs = yearless(month, match.slice(2, 6), beforeMs);
  const { whenMs: exact, body } = withEpoch(whenMs, line.slice(match[0].length));
  return { whenMs: exact, body: named(match[7] ?? "", body) };
}

/** The second that was seen last, and its milliseconds: a log has many lines a second. */
let lastSecond = "";
let lastMs = 0;

function localStamp(line: string): Stamped | null {
  const match = LOCAL.exec(line);
  if (match === null) return null;
  const second = line.slice(0, 19);
  if (second !== lastSecond) {
    lastMs = localMs(match.slice(1, 7));
    lastSecond = second;
  }
  const fraction = match[7];
  const millis = fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, "0"));
  return { whenMs: lastMs + millis, body: line.slice(match[0].length) };
}

/**
 * Takes the stamp off `line`. `beforeMs`: the log was written until then, at the latest; dates without a year are the
 * last ones before it.
 */
export function takeStamp(line: string, beforeMs: number): Stamped {
  const first = line.charCodeAt(0);
  if (first === 0x40) {
    const match = TAI64N.exec(line);
    if (match === null) return { whenMs: null, body: line };
    return { whenMs: taiMs(match[1] ?? "", match[2] ?? ""), body: line.slice(match[0].length) };
  }
  if (first >= 0x30 && first <= 0x39) {
    const local = localStamp(line);
    if (local !== null) return local;
    const svlogd = SVLOGD.exec(line);
    if (svlogd !== null) {
      const whenMs = Date.parse(`${svlogd[1]}T${svlogd[2]}Z`);
      return { whenMs, body: line.slice(svlogd[0].length) };
    }
    const match = RFC3339.exec(line);
    if (match === null) return { whenMs: null, body: line };
    const { whenMs, body } = withEpoch(Date.parse(match[1] ?? ""), line.slice(match[0].length));
    return { whenMs, body: named(match[3] ?? "", body) };
  }
  return (first >= 0x41 && first <= 0x5a ? syslogStamp(line, beforeMs) : null) ??
    { whenMs: null, body: line };
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** "24h", "7d", "90m" in milliseconds; null: it is none. */
export function parseSpan(text: string): number | null {
  const match = /^(\d+)([smhdw])$/.exec(text);
  return match === null ? null : Number(match[1]) * (UNITS[match[2] ?? ""] ?? 0);
}

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?$/;

/** "2026-03-01", "2026-03-01 14:00", local time, or any RFC 3339 time; null: it is none. */
export function parseMoment(text: string): number | null {
  const match = MOMENT.exec(text);
  if (match !== null) {
    const ms = localMs([...match.slice(1, 4), ...match.slice(4, 7).map((p) => p ?? "0")]);
    const day = new Date(ms);
    const isReal = day.getMonth() + 1 === Number(match[2]) && day.getDate() === Number(match[3]);
    return isReal ? ms : null;
  }
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(ms) ? null : ms;
}
