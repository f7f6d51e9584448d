/**
 * From an envelope recipient to local, virtual or remote, as qmail-send decides.
 *
 * Mirrors rewrite() and getcontrols() of qmail-send.c, with constmap.c: case folding is ASCII only,
 * of duplicate virtualdomains lines the last wins, a line without a colon counts for nothing. It
 * reads me, envnoathost, locals, percenthack and virtualdomains; the control files of qmail-send
 * that have nothing to do with addresses are not looked at.
 */
import { memberOf } from "./hints.ts";
import type { StepSink } from "./steps.ts";
import { ControlError, type ControlFiles } from "./types.ts";

/** Lower case of ASCII letters and of nothing else. */
export const lowerAscii = (text: string): string =>
  UPPER.test(text) ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : text;

const UPPER = /[A-Z]/;

/** Where an address goes. */
export interface Rewritten {
  readonly route: "local" | "virtual" | "remote";
  readonly address: string;
}

/** What the control files say, made ready. */
export interface RewriteTables {
  readonly envNoAtHost: string;
  readonly locals: ReadonlySet<string>;
  /** Is a domain, in lower case, in `locals`? */
  readonly isLocal: (domain: string) => boolean;
  readonly localsFile: "locals" | "me";
  readonly percentHack: ReadonlySet<string>;
  readonly virtualDomains: ReadonlyMap<string, string>;
}

const folded = (entries: readonly string[] | null): ReadonlySet<string> =>
  new Set(entries?.map(lowerAscii));

function virtualTable(entries: readonly string[] | null): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const entry of entries ?? []) {
    const colon = entry.indexOf(":");
    if (colon >= 0) table.set(lowerAscii(entry.slice(0, colon)), entry.slice(colon + 1));
  }
  return table;
}

/**
 * The tables of today's control files; the same object while they do not change. They are compared once an epoch
 * (files.ts).
 * @throws {ControlError} where qmail-send would not start.
 */
export function rewriteTables(
  control: ControlFiles,
  epochOf: () => number | null = () => null,
): () => RewriteTables {
  let sources: readonly unknown[] = [];
  let tables: RewriteTables | null = null;
  let lastEpoch: number | null = null;

  function current(): RewriteTables {
    const me = control.line("me");
    const locals = control.lines("locals");
    const percentHack = control.lines("percenthack");
    const virtualDomains = control.lines("virtualdomains");
    const envNoAtHost = control.line("envnoathost");
    const now = [me, locals, percentHack, virtualDomains, envNoAtHost];
    if (tables !== null && now.every((value, i) => value === sources[i])) return tables;
    if (locals === null && me === null) {
      throw new ControlError(
        "qmail-send does not start: control/me and control/locals are both missing (put this host's name into control/me)",
      );
    }
    sources = now;
    const localSet = folded(locals ?? me?.split("\0") ?? []);
    tables = {
      envNoAtHost: envNoAtHost ?? me ?? "envnoathost",
      locals: localSet,
      isLocal: memberOf(localSet),
      localsFile: locals === null ? "me" : "locals",
      percentHack: folded(percentHack),
      virtualDomains: virtualTable(virtualDomains),
    };
    return tables;
  }

  return () => {
    const epoch = epochOf();
    if (tables !== null && epoch !== null && epoch === lastEpoch) return tables;
    const now = current();
    lastEpoch = epoch;
    return now;
  };
}

/** The address with a domain, and percent signs of trusted domains resolved. */
function complete(recipient: string, tables: RewriteTables, steps: StepSink | null): string {
  let address = recipient;
  let at = address.lastIndexOf("@");
  if (at < 0) {
    at = address.length;
    address += `@${tables.envNoAtHost}`;
    steps?.add("envnoathost", "control/envnoathost", recipient, `no "@", so it is ${address}`);
  }
  if (tables.percentHack.size === 0) return address;
  while (tables.percentHack.has(lowerAscii(address.slice(at + 1)))) {
    const percent = at > 0 ? address.lastIndexOf("%", at - 1) : -1;
    if (percent < 0) break;
    const domain = address.slice(at + 1);
    address = `${address.slice(0, percent)}@${address.slice(percent + 1, at)}`;
    at = percent;
    steps?.add("percenthack", "control/percenthack", domain, `listed, so it is ${address}`);
  }
  return address;
}

/** The value of the first key of virtualdomains that matches; null when none does. */
function virtualValue(
  address: string,
  at: number,
  table: ReadonlyMap<string, string>,
): { readonly key: string; readonly value: string } | null {
  if (table.size === 0) return null;
  const lower = lowerAscii(address);
  const whole = table.get(lower);
  if (whole !== undefined) return { key: lower, value: whole };
  for (let i = at + 1; i <= lower.length; i++) {
    if (i === at + 1 || i === lower.length || lower.charCodeAt(i) === 46) {
      const key = lower.slice(i);
      const value = table.get(key);
      if (value !== undefined) return { key, value };
    }
  }
  return null;
}

/** Rewrites one recipient. */
export function rewrite(
  recipient: string,
  tables: RewriteTables,
  steps: StepSink | null,
): Rewritten {
  const address = complete(recipient, tables, steps);
  const at = address.lastIndexOf("@");
  const domain = lowerAscii(address.slice(at + 1));
  const file = `control/${tables.localsFile}`;
  if (tables.isLocal(domain)) {
    steps?.add("locals", file, domain, "listed, so it is local");
    return { route: "local", address };
  }
  steps?.add("locals", file, domain, "not listed");
  const hit = virtualValue(address, at, tables.virtualDomains);
  if (hit === null) {
    steps?.add("virtualdomains", "control/virtualdomains", lowerAscii(address), "no line matches");
    return { route: "remote", address };
  }
  if (hit.value === "") {
    steps?.add("virtualdomains", "control/virtualdomains", hit.key, "empty value, so it is remote");
    return { route: "remote", address };
  }
  steps?.add("virtualdomains", "control/virtualdomains", hit.key, `prefix ${hit.value}-`);
  return { route: "virtual", address: `${hit.value}-${address}` };
}
