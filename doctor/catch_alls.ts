/** Domains in which every name is deliverable: found by asking the look-up for a name that nobody has. */
import type { LookupResult } from "../validate/types.ts";
import { gatherDomains, lookedUp, oneOf } from "./site_domains.ts";
import type { Check, Finding, Patient, Where } from "./types.ts";
import { found, NOBODY, onDisk, quoted } from "./words.ts";

export interface CatchAllFact {
  readonly domain: string;
  readonly where: Where;
  readonly result: LookupResult;
  /** A program is among its instructions. */
  readonly runsProgram: boolean;
  /** Name on this system of the file that takes everything; "" when it is not a file. */
  readonly file: string;
}

/** A file that takes all names of several domains is told once. */
export function judgeCatchAlls(facts: readonly CatchAllFact[]): Finding[] {
  const seen = new Set<string>();
  return facts.flatMap(({ domain, where, result, runsProgram, file }) => {
    if (result.verdict !== "deliverable") return [];
    const isLocal = result.route === "local";
    const key = isLocal ? file : `${domain} ${file}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const place = file === "" ? where : { path: file };
    const taker = file === "" ? `user "${result.user}"` : file;
    if (runsProgram) {
      return [found(
        "catch-all-program",
        place,
        `Every name at "${domain}" goes to a program of ${taker}`,
        "name each address in a dot-qmail file or in users/assign, and let no default run the program",
      )];
    }
    return [found(
      isLocal ? "catch-all" : "catch-all-domain",
      place,
      `Every name at "${domain}" is accepted, by ${taker}`,
      file === ""
        ? "take the wildcard out of users/assign, then qmail-newu"
        : `give each wanted address a file of its own, then rm ${quoted(file)}`,
    )];
  });
}

export function gatherCatchAlls(patient: Patient): CatchAllFact[] {
  const domains = gatherDomains(patient);
  if (domains === null) return [];
  return lookedUp(domains).map(({ domain, where }) => {
    const result = patient.lookup.lookup(`${NOBODY}@${oneOf(domain)}`);
    const { home, qmailfile } = result;
    return {
      domain,
      where,
      result,
      runsProgram: result.verdict === "deliverable" &&
        !patient.lookup.readInstructions(result).withoutPrograms,
      file: home === undefined || typeof qmailfile !== "string"
        ? ""
        : onDisk(patient, `${home}/${qmailfile}`),
    };
  });
}

export const CATCH_ALLS: Check = {
  name: "catch-alls",
  run: (patient) => judgeCatchAlls(gatherCatchAlls(patient)),
};
