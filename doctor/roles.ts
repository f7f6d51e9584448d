/** Mailboxes that every domain or host has to have: postmaster, abuse, mailer-daemon, where double bounces go. */
import { answerOf, type LookupResult } from "../validate/types.ts";
import type { FindingId } from "./catalogue.ts";
import { gatherDomains, lookedUp, oneOf } from "./site_domains.ts";
import type { Check, Finding, Patient, Where } from "./types.ts";
import { controlPath, found, quoted } from "./words.ts";

export interface RoleFact {
  readonly id: FindingId;
  readonly address: string;
  readonly where: Where;
  readonly result: LookupResult;
  /** In front of paths of the site. */
  readonly root: string;
}

/** The dot-qmail file that would take the address. */
function fileFor({ address, root, result: { user, home, dash, ext } }: RoleFact): string {
  const local = address.slice(0, address.lastIndexOf("@"));
  if (home === undefined) return `~alias/.qmail-${local}`;
  // A user without dash is the mailbox itself.
  return user === undefined || dash === ""
    ? `${root}${home}/.qmail`
    : `${root}${home}/.qmail${dash}${ext}`;
}

export function judgeRoles(facts: readonly RoleFact[]): Finding[] {
  const undeliverable = facts.filter(({ result }) => answerOf(result) === "undeliverable");
  return [
    ...undecidedOnes(facts),
    ...undeliverable.map((fact) =>
      found(
        fact.id,
        fact.where,
        `${fact.address} is no mailbox`,
        `echo '&you@example.org' > ${quoted(fileFor(fact))}`,
      )
    ),
  ];
}

/** One finding for each reason: one closed file keeps many addresses from being decided. */
function undecidedOnes(facts: readonly RoleFact[]): Finding[] {
  const undecided = facts.filter(({ result }) => answerOf(result) === "undecided");
  const firsts = new Map(undecided.toReversed().map((fact) => [fact.result.reason, fact]));
  return [...firsts.values()].toReversed().map(({ address, where, result: { reason } }) => {
    const count = undecided.filter(({ result }) => result.reason === reason).length;
    const more = count === 1 ? "" : ` and ${count - 1} more`;
    const mend = `qfront lookup --steps ${quoted(address)}`;
    return found("role-undecided", where, `${address}${more}: ${reason}`, mend);
  });
}

function lineOr(patient: Patient, name: string, fallback: string): string {
  const line = patient.control.line(name);
  return line === null || line === "" ? fallback : line;
}

export function gatherRoles(patient: Patient): RoleFact[] {
  const domains = gatherDomains(patient);
  if (domains === null) return [];
  const ask = (id: FindingId, address: string, where: Where): RoleFact => ({
    id,
    address,
    where,
    root: patient.place.root,
    result: patient.lookup.lookup(address),
  });
  const meant = lookedUp(domains).filter(({ domain }) => !domains.garbled.has(domain));
  const roles = meant.flatMap(({ domain, where }) => [
    ask("postmaster-undeliverable", `postmaster@${oneOf(domain)}`, where),
    ask("abuse-undeliverable", `abuse@${oneOf(domain)}`, where),
  ]);
  // Without its main name a host is told of already.
  const me = patient.control.line("me") ?? "";
  if (me === "") return roles;
  const to = lineOr(patient, "doublebounceto", "postmaster");
  const host = lineOr(patient, "doublebouncehost", me);
  const isOwn = roles.some(({ address }) => address === `${to}@${host}`);
  const daemon = ask("mailer-daemon-undeliverable", `mailer-daemon@${me}`, {
    path: controlPath(patient, "me"),
  });
  return [
    ...roles,
    ...(daemon.result.route === "remote" ? [] : [daemon]),
    ...(isOwn ? [] : [
      ask("double-bounce-undeliverable", `${to}@${host}`, {
        path: controlPath(patient, "doublebounceto"),
      }),
    ]),
  ];
}

export const ROLES: Check = { name: "roles", run: (patient) => judgeRoles(gatherRoles(patient)) };
