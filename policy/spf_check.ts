/**
 * SPF in service: asks it as control/spfbehavior says, and judges by its result. Mirrors the SPF
 * patch for qmail-smtpd.
 *
 * spfbehavior: 0 does not ask; 1 only tells (Received-SPF); 2 puts off while the DNS can't say; 3
 * refuses fail, 4 softfail too, 5 neutral too, 6 everything but pass. SPFBEHAVIOR of a session's
 * environment goes over the file. What the records mean stands in spf.ts, the field in
 * spf_header.ts.
 *
 * DIFFERS: enhanced status codes are those of RFC 7372, not 5.7.1 and 4.3.0; loopback clients,
 * known forwarders and recipients that always get their mail are never refused.
 */
import type { AUTHENTICITY_SETTINGS } from "../settings/authenticity.ts";
import type { Setting } from "../settings/kinds.ts";
import type { ControlFiles } from "../validate/types.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import { spfIdentity, type SpfPolicy, type SpfResult, type SpfVerdict } from "./spf.ts";
import { receivedSpf } from "./spf_header.ts";
import type { Check, HeloFacts, Known, MailFacts, Mode, Need, Verdict } from "./types.ts";

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The values of settings/authenticity.ts. */
export type AuthenticitySettings = {
  readonly [K in keyof typeof AUTHENTICITY_SETTINGS]: ValueOf<(typeof AUTHENTICITY_SETTINGS)[K]>;
};

/** What control/spfbehavior says; 7 and more count as 6. */
export type SpfBehavior = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** How SPF is asked here. */
export interface SpfTerms {
  readonly mode: Mode;
  /** Of the file, for sessions whose environment says nothing else. */
  readonly behavior: SpfBehavior;
  /** Somebody else wants the result (DMARC), whatever the behavior; also where `mode` is off. */
  readonly isWanted: boolean;
}

/** SPF as the settings and the control files have it. */
export interface SpfService {
  readonly terms: SpfTerms;
  readonly checks: readonly Check<"rcpt_valid">[];
  /** For the gatherer: rules, guess and explanation. */
  readonly policy: (nowMs: number) => SpfPolicy;
}

const BEHAVIORS: readonly SpfBehavior[] = [0, 1, 2, 3, 4, 5, 6];

/** A number as qmail's scan_ulong takes it: the digits at the beginning, none: 0. */
function behaviorOf(text: string): SpfBehavior {
  const digits = /^\d+/.exec(text)?.[0] ?? "0";
  return BEHAVIORS[Math.min(Number(digits), 6)] ?? 0;
}

/** The behavior of one session. */
export function spfBehavior(
  terms: SpfTerms,
  env: Readonly<Record<string, string>>,
): SpfBehavior {
  const own = env["SPFBEHAVIOR"];
  return own === undefined ? terms.behavior : behaviorOf(own);
}

/**
 * Reads control/spfbehavior, spfrules, spfguess, spfexp and me. `env`: of the process.
 * @throws {ControlError} when a file can't be read
 */
export function spfChecks(
  settings: AuthenticitySettings,
  control: ControlFiles,
  env: Readonly<Record<string, string | undefined>>,
): SpfService {
  const text = env["SPFBEHAVIOR"] ?? control.line("spfbehavior") ?? "0";
  const terms: SpfTerms = {
    mode: settings.spf,
    behavior: behaviorOf(text),
    isWanted: settings.dmarc !== "off",
  };
  const policy = {
    rules: control.line("spfrules") ?? "",
    guess: control.line("spfguess") ?? "",
    exp: control.line("spfexp") ?? "",
    receiver: control.line("me") ?? "",
  };
  return {
    terms,
    checks: settings.spf === "off" && !terms.isWanted ? [] : [spfCheck(terms)],
    policy: (nowMs) => ({ ...policy, nowSeconds: Math.floor(nowMs / 1000) }),
  };
}

/** What SPF said of this session's HELO and this sender; null: nobody asked. */
export function spfOf(
  { helo, sender }: Pick<MailFacts, "helo" | "sender">,
  known: Known,
): SpfResult | null {
  const found = known.spf;
  return found !== null && found.helo === helo && found.sender === sender ? found.spf : null;
}

/** The question for it. */
export function spfNeed({ client, helo, sender }: HeloFacts & { readonly sender: string }): Need {
  return { kind: "spf", ip: client.ip, helo, sender };
}

/** The smallest behavior that refuses a result; temperror is put off from 2 on. */
const REFUSED_FROM: Readonly<Record<SpfVerdict, number>> = {
  pass: Infinity,
  fail: 3,
  softfail: 4,
  neutral: 5,
  none: 6,
  permerror: 6,
  temperror: Infinity,
};

/** The verdict on a result. `who`: whose record it is, for the reason. */
function verdictOf(spf: SpfResult, behavior: SpfBehavior, who: string): Verdict {
  const { result, mechanism, problem, explanation } = spf;
  const rule = `spf: ${result}`;
  const seen = problem !== "" ? problem : mechanism === "" ? "there is no record" : mechanism;
  const reason = `SPF of "${who}" is ${result}: ${seen}`;
  if (result === "temperror") {
    return behavior >= 2 ? against(POLICY_REPLIES.spf_undecided, rule, reason) : NONE;
  }
  if (behavior < REFUSED_FROM[result]) return NONE;
  if (result === "permerror") return against(POLICY_REPLIES.spf_invalid, rule, reason);
  const text = explanation === "" ? "" : `${POLICY_REPLIES.spf_refused.text}: ${explanation}`;
  return against(POLICY_REPLIES.spf_refused, rule, reason, { text });
}

/** The check. */
export function spfCheck(terms: SpfTerms): Check<"rcpt_valid"> {
  return {
    name: "spf",
    stage: "rcpt_valid",
    spares: ["trusted", "loopback"],
    needs(facts, known) {
      const isAsked = terms.isWanted || spfBehavior(terms, facts.client.env) > 0;
      return isAsked && spfOf(facts, known) === null ? [spfNeed(facts)] : [];
    },
    judge(facts, known) {
      const spf = spfOf(facts, known);
      // Told all the same: these get their field, but never a refusal.
      const isSpared = facts.client.isForwarder || facts.isAlwaysAccepted || facts.isSenderFinal;
      if (spf === null || isSpared || terms.mode === "off") return NONE;
      const { domain } = spfIdentity(facts.sender, facts.helo);
      return verdictOf(spf, spfBehavior(terms, facts.client.env), domain);
    },
    findings(facts, known) {
      const spf = spfOf(facts, known);
      if (spf === null) return "";
      const { domain } = spfIdentity(facts.sender, facts.helo);
      const by = spf.source === "record" ? "" : ` by ${spf.source}`;
      return `${spf.result} domain[${domain}] mechanism[${spf.mechanism}]${by}` +
        (spf.problem === "" ? "" : `: ${spf.problem}`);
    },
  };
}

/** What is told about a message that was taken, "" or empty for nothing. */
export interface SpfTold {
  /** The complete field, to stand above our Received; "" for none. */
  readonly field: string;
  /** SPFRESULT for qmail-queue. */
  readonly env: Readonly<Record<string, string>>;
}

export const NOTHING_TOLD: SpfTold = { field: "", env: {} };

/** The patch's own words for results that had other names before RFC 4408. */
const OLD_WORDS: Readonly<Partial<Record<SpfVerdict, string>>> = {
  permerror: "unknown",
  temperror: "error",
};

/**
 * Received-SPF and SPFRESULT of a message, when the session is such that they are told: the check
 * is on and the behavior is 1 or more. `hostname`: our own name.
 */
export function tellSpf(
  terms: SpfTerms,
  facts: Pick<MailFacts, "client" | "helo" | "sender">,
  known: Known,
  hostname: string,
): SpfTold {
  const { client, helo, sender } = facts;
  if (terms.mode !== "on" || spfBehavior(terms, client.env) === 0) return NOTHING_TOLD;
  const spf = spfOf(facts, known);
  if (spf === null || client.isRelayClient || client.login !== null) return NOTHING_TOLD;
  const { identity, domain } = spfIdentity(sender, helo);
  const field = receivedSpf(spf, {
    receiver: hostname,
    ip: client.ip,
    envelopeFrom: sender,
    helo,
    identity,
    domain,
  });
  return { field, env: { SPFRESULT: OLD_WORDS[spf.result] ?? spf.result } };
}
