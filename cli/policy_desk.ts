/**
 * Policy of a site: its memory and its counts, which outlive a reload, and for each generation of
 * sessions the desk where they are judged.
 *
 * The resolver is made when a check asks for the first time: most sites ask the DNS nothing.
 */
import { canonicalIp, canonicalName } from "../dns/names.ts";
import { emptyAnswer, type Resolver } from "../dns/types.ts";
import { termsOf } from "../policy/config.ts";
import { createPolicyCounts, type PolicyCounts } from "../policy/counts.ts";
import { watchMailRules } from "../policy/mailrules_watch.ts";
import { createPolicyReader } from "../policy/reader.ts";
import { openPolicyState } from "../policy/state.ts";
import type { OwnedPolicyState, PolicyStateOptions } from "../policy/state_types.ts";
import type { DeskWitness, PolicyDesk } from "../policy/visit.ts";
import type { Settings } from "../settings/mod.ts";
import { ownAddresses } from "../smtp/config.ts";
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { ControlFiles, LookupResult, SiteLookup } from "../validate/types.ts";

/** What stays when the settings change. */
export interface SitePolicy {
  readonly state: OwnedPolicyState;
  readonly counts: PolicyCounts;
}

/** Opens memory and counts. */
export function openSitePolicy(options: PolicyStateOptions): SitePolicy {
  return {
    state: openPolicyState(options),
    counts: createPolicyCounts(),
  };
}

/** What one generation is made of. */
export interface DeskOptions {
  readonly policy: SitePolicy;
  readonly settings: Settings;
  readonly lookup: SiteLookup;
  readonly tracer: Tracer;
  readonly resolver: Resolver;
  /** --root, "" for none. */
  readonly root: string;
  /** How old, in milliseconds, what is known of files may be. */
  readonly keepMs: number;
  /** May the memory's files be touched already? */
  readonly isSettled: boolean;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears of every check; absent: nobody does. */
  readonly witness?: DeskWitness | undefined;
}

/** Opens a session's desk. */
export type OpenDesk = (env: Readonly<Record<string, string>>) => PolicyDesk;

/** The desks of one generation. */
export function openDesks(options: DeskOptions): OpenDesk {
  const { policy, settings, lookup, tracer, resolver, root, keepMs, isSettled } = options;
  const { clock, witness } = options;
  if (isSettled) policy.state.use(termsOf(settings), settings);
  const reader = createPolicyReader({
    control: lookup.control,
    isOwnDomain: (domain) => {
      const { route } = lookup.lookup(`postmaster@${domain}`);
      return route === "local" || route === "virtual";
    },
    ownNames: () => ownNames(lookup.control),
    mailRules: watchMailRules({
      read: (name) => readBytes(root + name),
      fingerprint: (name) => fingerprint(root + name),
    }, { clock: () => performance.now(), keepMs, note: (reason) => tellNote(tracer, reason) }),
    tracer,
    keepMs,
  });
  const { state, counts } = policy;
  return (env) => ({
    config: reader.read(settings, env),
    state,
    resolver,
    tracer,
    counts,
    clock,
    witness,
  });
}

function tellNote(tracer: Tracer, reason: string): void {
  if (tracer.level >= 1) tracer.emit(0, POLICY_EVENTS.note, { reason });
}

/** Where resolvers are made. */
type Dns = Pick<typeof import("../dns/system.ts"), "createSystemResolver">;

/**
 * The resolver of one generation. One that can't be had answers "temporary", and is tried again with
 * the next question. `dns`: null to load it with the first question.
 */
export function lazyResolver(settings: Settings, tracer: Tracer, dns: Dns | null): Resolver {
  let loaded = dns;
  let made: Resolver | null = null;
  let told = "";
  const query: Resolver["query"] = (name, type, options) => {
    if (loaded === null) {
      return import("../dns/system.ts").then((module) => {
        loaded = module;
        return query(name, type, options);
      });
    }
    try {
      made ??= loaded.createSystemResolver(settings, tracer);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (told !== reason) tellNote(tracer, told = reason);
      return Promise.resolve(emptyAnswer("temporary", null, 0, reason));
    }
    return made.query(name, type, options);
  };
  return { query };
}

/** Names and addresses that nobody else may call himself by. */
function ownNames(control: ControlFiles): ReadonlySet<string> {
  const names = ["me", "localiphost", "smtpgreeting"].map((file) => control.line(file) ?? "")
    .map((line) => canonicalName(line.split(" ")[0] ?? ""));
  const addresses = [...ownAddresses()].map((ip) => canonicalIp(ip) ?? ip);
  return new Set([...names, ...addresses].filter((name) => name !== ""));
}

function readBytes(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function fingerprint(path: string): string {
  try {
    const { mtime, ino, size } = Deno.statSync(path);
    return `${mtime?.getTime()} ${ino} ${size}`;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/** Does mail to this deliverable address go to a list's subscribers (ezmlm-send)? */
export function listPostings(lookup: SiteLookup): (result: LookupResult) => boolean {
  return (result) => {
    if (result.qmailfile === undefined || result.qmailfile === null) return false;
    const { instructions } = lookup.readInstructions(result);
    return instructions.some(({ kind, text }) =>
      kind === "program" && /(^|[\s/])ezmlm-send(\s|$)/.test(text)
    );
  };
}
