/** Domains that contradict each other: locals and virtualdomains, rcpthosts and both, smtproutes, percenthack. */
import { CdbError, CdbReader } from "../cdb/mod.ts";
import { lowerAscii } from "../validate/rewrite.ts";
import { numberedEntries } from "./control_entries.ts";
import {
  gatherDomains,
  isPlain,
  lookedUp,
  oneOf,
  type SiteDomain,
  type SiteDomains,
} from "./site_domains.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { bytesOf, controlPath, found, quoted } from "./words.ts";

/** What the look-up says of the domains. */
export interface DomainFacts {
  readonly domains: SiteDomains;
  /** Local or virtual, and refused by rcpthosts. */
  readonly refused: readonly SiteDomain[];
  /** Accepted from strangers, and remote. */
  readonly remote: readonly SiteDomain[];
  /** Of percenthack, and accepted from strangers. */
  readonly hacked: readonly SiteDomain[];
  readonly rcptHostsPath: string;
}

export function judgeDomains(
  { domains, refused, remote, hacked, rcptHostsPath }: DomainFacts,
): Finding[] {
  const locals = new Set(domains.locals.map(({ domain }) => domain));
  return [
    ...domains.virtuals.filter(({ domain }) => locals.has(domain)).map(({ domain, where }) =>
      found(
        "local-and-virtual",
        where,
        `"${domain}" is local as well, so this line is dead`,
        `sed -i ${where.line}d ${quoted(where.path)}, or delete it from locals`,
      )
    ),
    ...refused.map(({ domain, where }) =>
      found(
        "not-in-rcpthosts",
        where,
        `"${domain}" is delivered here, but strangers' mail for it is refused`,
        `echo ${quoted(domain)} >> ${quoted(rcptHostsPath)}`,
      )
    ),
    ...remote.map(({ domain, where }) =>
      found(
        "rcpthosts-undelivered",
        where,
        `Mail for "${domain}" is accepted, and nobody here delivers it`,
        `add "${domain}" to control/locals or control/virtualdomains, or a route to control/smtproutes, or: sed -i ${where.line}d ${
          quoted(where.path)
        }`,
      )
    ),
    ...hacked.map(({ domain, where }) =>
      found(
        "percenthack",
        where,
        `Mail for "user%elsewhere@${domain}" is accepted from strangers and sent on`,
        `sed -i ${where.line}d ${quoted(where.path)}`,
      )
    ),
  ];
}

/** Domains of the cdb of rcpthosts; a broken one is told elsewhere. */
function moreAccepted(patient: Patient): SiteDomain[] {
  const path = controlPath(patient, "morercpthosts.cdb");
  const bytes = bytesOf(path);
  if (bytes === null) return [];
  try {
    return [...new CdbReader(bytes).entries()].map(([domain]) => ({ domain, where: { path } }));
  } catch (error) {
    if (error instanceof CdbError) return [];
    throw error;
  }
}

/** Domains and .suffixes of smtproutes. */
function routesOf(patient: Patient): readonly string[] {
  try {
    return (patient.control.lines("smtproutes") ?? []).map((entry) =>
      lowerAscii(entry.split(":")[0] ?? "")
    );
  } catch {
    return []; // told with the control files
  }
}

const routed = (domain: string, routes: readonly string[]): boolean =>
  routes.some((route) =>
    route === domain || (route.startsWith(".") && oneOf(domain).endsWith(route))
  );

export function gatherDomainFacts(patient: Patient): DomainFacts | null {
  const domains = gatherDomains(patient);
  if (domains === null) return null;
  const { lookup } = patient;
  const isMeant = ({ domain }: SiteDomain) => !domains.garbled.has(domain);
  const routes = routesOf(patient);
  const answer = (domain: string) => lookup.rcptHosts(`postmaster@${oneOf(domain)}`);
  const isRemote = ({ domain }: SiteDomain) =>
    isPlain(domain) && lookup.lookup(`postmaster@${oneOf(domain)}`).route === "remote" &&
    !routed(domain, routes);
  const hacks = numberedEntries(patient.control.text("percenthack") ?? "").map((
    { line, text },
  ) => ({
    domain: lowerAscii(text),
    where: { path: controlPath(patient, "percenthack"), line },
  }));
  return {
    domains,
    refused: lookedUp(domains).filter(isMeant).filter(({ domain }) =>
      domain !== "localhost" && answer(domain) === "refused"
    ),
    remote: [...domains.accepted, ...moreAccepted(patient)].filter(isMeant).filter(isRemote),
    hacked: hacks.filter(({ domain }) => answer(domain) === "allowed"),
    rcptHostsPath: controlPath(patient, "rcpthosts"),
  };
}

export const DOMAINS: Check = {
  name: "domains",
  run(patient) {
    const facts = gatherDomainFacts(patient);
    return facts === null ? [] : judgeDomains(facts);
  },
};
