/**
 * Every address that can be told, looked up as the service does: what can't be decided because of files on its way, Maildirs that
 * are not there or not their owner's, dot-qmail files that no address leads to.
 */
import { may, SEARCH, WRITE } from "../validate/files.ts";
import { system } from "../validate/system.ts";
import type { LookupResult } from "../validate/types.ts";
import { gatherAddresses, type Home, type Origin, type SiteAddress } from "./addresses.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { found, MANY, octal, onDisk, quoted } from "./words.ts";

/** What is wrong with a Maildir; "": nothing. */
export interface MaildirFact {
  readonly path: string;
  readonly fault: "" | "missing" | "part" | "closed" | "unseen";
  /** Which directory of it, and its mode. */
  readonly part: string;
  readonly mode: number;
}

export interface DeliveryFact {
  readonly address: string;
  readonly origin: Origin;
  readonly result: LookupResult;
  readonly maildirs: readonly MaildirFact[];
}

function maildirFinding(fact: DeliveryFact, maildir: MaildirFact): Finding[] {
  const { user, uid, gid } = fact.result;
  const where = { path: maildir.path };
  const owner = uid === undefined ? "its user" : `${uid}:${gid}`;
  switch (maildir.fault) {
    case "":
    case "unseen":
      return [];
    case "missing":
    case "part":
      return [found(
        fact.origin === "user" ? "user-without-maildir" : "maildir-missing",
        where,
        maildir.fault === "part"
          ? `It lacks "${maildir.part}"; ${fact.address} delivers to it`
          : `It does not exist; ${fact.address} delivers to it`,
        `install -d -m 0700 -o ${uid} -g ${gid} ${
          ["", "/tmp", "/new", "/cur"].map((part) => quoted(maildir.path + part)).join(" ")
        }`,
      )];
    case "closed":
      return [found(
        "maildir-closed",
        { path: `${maildir.path}${maildir.part === "" ? "" : `/${maildir.part}`}` },
        `User "${user}" (${owner}), whose mail for ${fact.address} goes there, may not write to it (mode ${
          octal(maildir.mode)
        })`,
        `chown -R ${owner} ${quoted(maildir.path)} && chmod -R u+rwX ${quoted(maildir.path)}`,
      )];
  }
}

/** What is told of one place is told once, whichever addresses lead there. */
export function judgeDeliveries(facts: readonly DeliveryFact[], isCut: boolean): Finding[] {
  const said = new Set<string>();
  const findings = facts.flatMap((fact) => {
    const { address, result, maildirs } = fact;
    if (result.verdict === "deferred") {
      const path = result.home ?? "";
      return [found(
        "delivery-deferred",
        { path: path === "" ? address : path },
        `${address}: ${result.reason}`,
        `qfront lookup --steps ${quoted(address)}`,
      )];
    }
    return maildirs.flatMap((maildir) => maildirFinding(fact, maildir));
  }).filter(({ where, what, id }) => {
    const key = id === "delivery-deferred" ? what.slice(what.indexOf(": ")) : where.path;
    return !said.has(key) && said.add(key);
  });
  return isCut
    ? [
      ...findings,
      found(
        "checks-cut",
        { path: "control" },
        `Only ${MANY} addresses were looked at`,
        "qfront lookup < LIST",
      ),
    ]
    : findings;
}

/** Names that qmail-local never asks for. `homes`: names of files within the site. */
export function judgeDotQmailNames(homes: readonly Home[], root: string): Finding[] {
  return homes.flatMap(({ path, names }) =>
    names.filter((name) => /^\.qmail-.*[A-Z.]/.test(name)).map((name) => {
      const meant = `.qmail-${name.slice(7).toLowerCase().replaceAll(".", ":")}`;
      return found(
        "dot-qmail-unreachable",
        { path: `${root}${path}/${name}` },
        `qmail looks for ${meant}, never for ${name}`,
        `mv ${quoted(`${root}${path}/${name}`)} ${quoted(`${root}${path}/${meant}`)}`,
      );
    })
  );
}

/** Looks at a Maildir with the eyes of this process, for its owner. */
function lookAt(path: string, { uid, gid }: LookupResult): MaildirFact {
  const calls = system();
  const owner = { uid: uid ?? -1, gid: gid ?? -1 };
  for (const part of ["", "tmp", "new", "cur"]) {
    const stat = calls.stat(part === "" ? path : `${path}/${part}`, true);
    if (typeof stat === "string") {
      const fault = stat === "ENOENT" || stat === "ENOTDIR"
        ? (part === "" ? "missing" : "part")
        : "unseen";
      return { path, fault, part, mode: 0 };
    }
    const isWorkable = may(stat, owner, SEARCH) && (part === "" || may(stat, owner, WRITE));
    if (!isWorkable) return { path, fault: "closed", part, mode: stat.mode };
  }
  return { path, fault: "", part: "", mode: 0 };
}

export function gatherDeliveries(
  patient: Patient,
  addresses: readonly SiteAddress[],
): DeliveryFact[] {
  return addresses.map(({ address, origin }) => {
    const result = patient.lookup.lookup(address);
    const isOwn = result.verdict === "deliverable";
    const maildirs = isOwn ? patient.lookup.maildirsOf(result)?.maildirs ?? [] : [];
    return { address, origin, result, maildirs: maildirs.map((path) => lookAt(path, result)) };
  });
}

export const DELIVERIES: Check = {
  name: "deliveries",
  run(patient) {
    const { addresses, homes, isCut } = gatherAddresses(patient);
    return [
      ...judgeDeliveries(gatherDeliveries(patient, addresses), isCut),
      ...judgeDotQmailNames(homes, onDisk(patient, "")),
    ];
  },
};
