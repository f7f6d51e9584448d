/**
 * May mail for this recipient be accepted from strangers? As qmail-smtpd decides.
 *
 * Mirrors rcpthosts.c: the domain and each of its .suffixes in rcpthosts, then in
 * morercpthosts.cdb; an address without "@" is always allowed. What a remote domain means for a
 * relay client is not asked here.
 * DIFFERS: where rcpthosts is missing, qmail-smtpd accepts everything; here the answer is
 * "missing", so that a forgotten file never opens a relay.
 */
import { CdbError, CdbReader } from "../cdb/mod.ts";
import type { Files } from "./files.ts";
import { memberOf } from "./hints.ts";
import { lowerAscii } from "./rewrite.ts";
import { ControlError, type ControlFiles, type RcptHostsAnswer } from "./types.ts";

/** The database; null: there is none. "broken": it can't be opened; "missing": there is no rcpthosts. */
type Sources = CdbReader | null | "broken" | "missing";

/** The question, for the control files in `directory` (absolute, within the site). */
export function openRcptHosts(
  files: Files,
  control: ControlFiles,
  directory: string,
): (address: string) => RcptHostsAnswer {
  const more = files.watch(`${directory}/morercpthosts.cdb`);
  let bytes: Uint8Array | null = null;
  let reader: CdbReader | null = null;
  let entries: readonly string[] | null = null;
  let isHost = memberOf(new Set());
  /** The epoch (files.ts) in which the files were looked at last, and what came of it. */
  let lastEpoch: number | null = null;
  let last: Sources = null;

  /** The database; null: there is none; "broken": it can't be opened. */
  function current(): Exclude<Sources, "missing"> {
    const now = more.bytes();
    if (!(now instanceof Uint8Array)) {
      bytes = null;
      // A directory can be opened; only reading it fails, and that may never be needed.
      if (now.errno === "EISDIR") return new CdbReader(new Uint8Array(0));
      return now.errno === "ENOENT" ? null : "broken";
    }
    if (now !== bytes || reader === null) {
      bytes = now;
      reader = new CdbReader(now);
    }
    return reader;
  }

  function look(): Sources {
    const lines = control.lines("rcpthosts");
    if (lines === null) return "missing";
    if (lines !== entries) {
      isHost = memberOf(new Set(lines.map(lowerAscii)));
      entries = lines;
    }
    return current();
  }

  function sources(): Sources {
    const { epoch } = files;
    if (epoch !== null && epoch === lastEpoch) return last;
    lastEpoch = null;
    last = look();
    lastEpoch = epoch;
    return last;
  }

  function judge(address: string): RcptHostsAnswer {
    const cdb = sources();
    if (cdb === "missing") return "missing";
    if (cdb === "broken") return "undecided";
    const at = address.lastIndexOf("@");
    if (at < 0) return "allowed";
    const domain = lowerAscii(address.slice(at + 1));
    // Nearly always it is the domain itself: its .suffixes are cut out only when it is not.
    if (domain !== "" && isHost(domain)) return "allowed";
    const keys = suffixes(domain);
    if (keys.some(isHost)) return "allowed";
    if (cdb === null) return "refused";
    return keys.some((key) => cdb.find(key) !== null) ? "allowed" : "refused";
  }

  return (address) => {
    try {
      return judge(address);
    } catch (error) {
      if (error instanceof ControlError || error instanceof CdbError) return "undecided";
      throw error;
    }
  };
}

/** The domain and each of its .suffixes, longest first; an empty domain has none. */
function suffixes(domain: string): string[] {
  if (domain === "") return [];
  const keys = [domain];
  for (let at = domain.indexOf(".", 1); at > 0; at = domain.indexOf(".", at + 1)) {
    keys.push(domain.slice(at));
  }
  return keys;
}
