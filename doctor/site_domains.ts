/** The domains of a site, as the look-up has them, with the lines they stand in. Garbled entries are left out: they are told elsewhere. */
import { lowerAscii, type RewriteTables, rewriteTables } from "../validate/rewrite.ts";
import { ControlError } from "../validate/types.ts";
import { numberedEntries } from "./control_entries.ts";
import type { Patient, Where } from "./types.ts";
import { cleaned, controlPath } from "./words.ts";

export interface SiteDomain {
  readonly domain: string;
  readonly where: Where;
}

/** A line of virtualdomains whose key is a domain or .suffix. */
export interface VirtualDomain extends SiteDomain {
  readonly prefix: string;
}

export interface SiteDomains {
  readonly tables: RewriteTables;
  readonly locals: readonly SiteDomain[];
  readonly virtuals: readonly VirtualDomain[];
  /** Entries of rcpthosts. */
  readonly accepted: readonly SiteDomain[];
  /** What entries with blanks, CR or the like were probably meant to be. */
  readonly garbled: ReadonlySet<string>;
}

/** A domain or .suffix in lower case. */
export const isPlain = (entry: string): boolean =>
  /^\.?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(entry);

/** A name of a domain's own: for ".suffix" one below it. */
export const oneOf = (domain: string): string => domain.startsWith(".") ? `host${domain}` : domain;

/** null: they can't be read, which is told elsewhere. */
export function gatherDomains(patient: Patient): SiteDomains | null {
  try {
    const tables = rewriteTables(patient.control)();
    const garbled = new Set<string>();
    const read = (name: string, keyOf: (entry: string) => string = (entry) => entry) =>
      numberedEntries(patient.control.text(name) ?? "").flatMap(({ line, text }) => {
        const domain = lowerAscii(keyOf(text));
        if (!isPlain(domain)) {
          garbled.add(cleaned(domain).replace(/\s.*$/, "").replace(/^[*@]/, ""));
        }
        return isPlain(domain)
          ? [{ domain, text, where: { path: controlPath(patient, name), line } }]
          : [];
      });
    return {
      tables,
      locals: read(tables.localsFile),
      virtuals: read("virtualdomains", (entry) => entry.split(":")[0] ?? "").flatMap((one) => {
        const prefix = tables.virtualDomains.get(one.domain) ?? "";
        return prefix === "" || !one.text.includes(":") ? [] : [{ ...one, prefix }];
      }),
      accepted: read("rcpthosts"),
      garbled,
    };
  } catch (error) {
    if (error instanceof ControlError) return null;
    throw error;
  }
}

/** Domains that mail is looked up for, each once: local ones, then virtual ones that are not local. */
export function lookedUp(domains: SiteDomains): SiteDomain[] {
  const seen = new Set<string>();
  return [...domains.locals, ...domains.virtuals].filter(({ domain }) => {
    if (seen.has(domain)) return false;
    seen.add(domain);
    return true;
  });
}
