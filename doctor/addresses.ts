/**
 * The addresses of a site that can be told without a mail log: those of users/cdb, of users with a home of their own, of
 * dot-qmail files of ~alias and of the users of virtual domains.
 */
import { CdbError, CdbReader, latin1 } from "../cdb/mod.ts";
import { parsePasswd } from "../validate/passwd.ts";
import type { LookupResult } from "../validate/types.ts";
import { gatherDomains, oneOf, type SiteDomains } from "./site_domains.ts";
import type { Patient } from "./types.ts";
import { bytesOf, MANY, NOBODY } from "./words.ts";

/** Where an address comes from. A "user" got it by having a home, which need not mean that he has mail. */
export type Origin = "assign" | "user" | "alias" | "virtual";

export interface SiteAddress {
  readonly address: string;
  readonly origin: Origin;
}

/** A directory that dot-qmail files were looked for in, and what was found. Names are binary. */
export interface Home {
  /** Within the site. */
  readonly path: string;
  readonly names: readonly string[];
}

export interface SiteAddresses {
  readonly addresses: readonly SiteAddress[];
  readonly homes: readonly Home[];
  /** There are more than were taken. */
  readonly isCut: boolean;
}

/** System users below this have no mail of their own. */
const FIRST_PERSON = 1000;
/** qmail's own users. */
const NO_PEOPLE = /^(alias|qmail[a-z])$/;

/** An extension of a file name as it stands in addresses. */
const unsafe = (name: string): string => name.replaceAll(":", ".");

const isDefault = (rest: string): boolean => rest === "default" || rest.endsWith("-default");

function assigned(patient: Patient): string[] {
  const bytes = bytesOf(`${patient.place.path}/users/cdb`);
  if (bytes === null) return [];
  try {
    return [...new CdbReader(bytes).entries()].flatMap(([key]) =>
      key.startsWith("!") && key.endsWith("\0") && key.length > 2 ? [key.slice(1, -1)] : []
    );
  } catch (error) {
    if (error instanceof CdbError) return []; // told with the cdbs
    throw error;
  }
}

function people(patient: Patient): string[] {
  const bytes = bytesOf(`${patient.place.root}/etc/passwd`);
  if (bytes === null) return [];
  return [...parsePasswd(latin1(bytes)).values()].filter(({ name, uid, home }) => {
    const found = patient.files.resolve(home, null);
    const isOwn = found.ok && found.stat.uid === uid;
    return !NO_PEOPLE.test(name) && uid >= FIRST_PERSON && uid < 65534 && isOwn &&
      home.startsWith("/");
  }).map(({ name }) => name);
}

/** Names of dot-qmail files of a home; none where it can't be listed. */
function listHome(patient: Patient, path: string): Home {
  const found = patient.files.resolve(path, null);
  const names = found.ok ? patient.files.names(found, ".qmail", MANY) : null;
  return { path, names: [...names ?? []].sort() };
}

/** Local parts that files of `home` are for, whose names begin with `.qmail` and `dash`, `prefix`. */
const localsOf = (home: Home, prefix: string): string[] =>
  home.names.flatMap((name) => {
    const start = `.qmail${prefix}`;
    const rest = name.startsWith(start) ? name.slice(start.length) : "";
    return rest === "" || isDefault(rest) ? [] : [unsafe(rest)];
  });

/** What a virtual domain's user has: found by asking for a name that nobody has. */
function ofVirtuals(
  patient: Patient,
  domains: SiteDomains,
  homes: Map<string, Home>,
): SiteAddress[] {
  return domains.virtuals.flatMap(({ domain }) => {
    const at = oneOf(domain);
    const probe: LookupResult = patient.lookup.lookup(`${NOBODY}@${at}`);
    if (probe.route !== "virtual" || probe.home === undefined || probe.ext === undefined) return [];
    const home = homes.get(probe.home) ?? listHome(patient, probe.home);
    homes.set(probe.home, home);
    const prefix = `${probe.dash ?? ""}${
      probe.ext.slice(0, Math.max(0, probe.ext.length - NOBODY.length))
    }`;
    return localsOf(home, prefix).map((local): SiteAddress => ({
      address: `${local}@${at}`,
      origin: "virtual",
    }));
  });
}

export function gatherAddresses(patient: Patient): SiteAddresses {
  const domains = gatherDomains(patient);
  const domain = domains?.locals[0]?.domain;
  const homes = new Map<string, Home>();
  if (domains === null) return { addresses: [], homes: [], isCut: false };
  const all: SiteAddress[] = ofVirtuals(patient, domains, homes);
  if (domain !== undefined) {
    const probe = patient.lookup.lookup(`${NOBODY}@${domain}`);
    const alias = probe.selector === "getpw" && probe.home !== undefined
      ? homes.get(probe.home) ?? listHome(patient, probe.home)
      : null;
    if (alias !== null) homes.set(alias.path, alias);
    const own = (locals: readonly string[], origin: Origin) =>
      locals.map((local): SiteAddress => ({ address: `${local}@${domain}`, origin }));
    all.push(
      ...own(assigned(patient), "assign"),
      ...own(alias === null ? [] : localsOf(alias, "-"), "alias"),
      // Last: of one place the finding of who asked for mail is told.
      ...own(people(patient), "user"),
    );
  }
  const known = new Map(all.toReversed().map((one) => [one.address, one]));
  return {
    addresses: [...known.values()].toReversed().slice(0, MANY),
    homes: [...homes.values()],
    isCut: known.size > MANY,
  };
}
