/**
 * An attempt of a log, judged by today's code - or the reason why it can't be. Nothing is guessed: what the log does not
 * hold, and what no log holds, makes an attempt "not judged" wherever it could change the answer.
 *
 * Each recipient is judged by itself, as if its session had wanted nothing else.
 */
import { parseIp } from "../net/ip.ts";
import type { Attempt as LogAttempt } from "../report/facts.ts";
import { LruMap } from "../report/lru.ts";
import { judgeAttempt } from "./attempt.ts";
import type { AttemptJudgement, AttemptOutcome, Decision, TrialSite } from "./types.ts";

/** Why an attempt is not judged. */
export type Unjudged = "no_ip" | "no_sender" | "no_helo" | "masked" | "dns" | "relay" | "message";

/** One sentence for each. */
export const UNJUDGED: Readonly<Record<Unjudged, string>> = {
  no_ip: "the log has no address of the client",
  no_sender: "a check asks for the sender, and the log does not have it",
  no_helo: "a check asks for HELO, and the log does not have it",
  masked: "the log hides the local part",
  dns: "a check asks the DNS: give its answers with --dns-file",
  relay:
    "accepted then, relaying denied today: the log does not say whether the client might relay",
  message: "refused then for the whole message or session, which no log holds",
};

export type Judged =
  | {
    readonly kind: "judged";
    readonly outcome: AttemptOutcome;
    readonly rule: string;
    readonly reason: string;
  }
  | { readonly kind: "unjudged"; readonly why: Unjudged };

/** What a log is judged by. */
export interface JudgeOptions {
  readonly site: TrialSite;
  /** Settings tcp_rules, helo and helo_dns. */
  readonly settings: {
    readonly tcp_rules: string;
    readonly helo: string;
    readonly helo_dns: string;
  };
  /** Questions that the DNS was not asked for want of a --dns-file, so far. */
  readonly unasked: () => number;
  /** Is mail to this address for somebody elsewhere? */
  readonly isRemote: (address: string) => boolean;
  /** One attempt is remembered for the next, in the log's time: nothing is taken from the cache. */
  readonly remembers: boolean;
  /** Judgements kept; absent: 100,000. */
  readonly mostKept?: number;
}

const MOST_KEPT = 100_000;

const BY_SENDER = new Set(
  "mailrules badmailfrom own_sender check_fqdn null_sender sender_domain spf greylist".split(" "),
);
const BY_HELO = new Set(["helo", "helo_dns", "spf"]);

/** Checks that no log can answer for, because they look at messages, whole sessions or manners. */
export const UNSEEN_CHECKS: readonly string[] =
  ("early_talker strict_pipelining null_sender reject_if_any counters header_limits header_rules " +
    "patterns dkim arc dmarc filter spamd").split(" ");
const UNSEEN = new Set(UNSEEN_CHECKS);
const UNSEEN_RULE = /^(?:message|limit): |^(?:lost with the session|too many recipients)$/;
/** As the privacy dial writes a local part, and as `qfront report --anonymise` does. */
const MASKED = /^(?:h_[0-9a-f]{12}|[0-9a-f]{10}|\*)(?:@|$)/;

/** "badmailfrom: @evil.example" -> "badmailfrom". */
export const checkOf = (rule: string): string => /^[^:]*/.exec(rule)?.[0] ?? "";

/** What is kept of a decision: a hundred thousand of them are, so neither the reply nor the look-up's steps. */
type Kept = Pick<Decision, "outcome" | "rule" | "reason">;

/** What today's code said, before the log's own outcome is looked at. */
interface Today {
  readonly decision: Kept;
  readonly missing: Unjudged | null;
}

/** The report's words for what both old logs and today's code say. */
function wordsOf({ rule, outcome }: Kept): string {
  if (rule === "lookup") return outcome === "refused" ? "unknown recipient" : "recipient undecided";
  if (rule === "rcpthosts") return "relaying denied";
  return rule === "queue" ? "no delivery now" : rule;
}

/** Could the sender or HELO that the log does not have change this? */
function missingOf(
  { helo, sender }: LogAttempt,
  decision: Kept,
  { checks }: AttemptJudgement,
  settings: JudgeOptions["settings"],
): Unjudged | null {
  const asked = new Set(
    checks.filter(({ mode, seen }) => mode === "on" && seen.kind !== "spared").map((c) => c.check),
  );
  const isOpen = decision.outcome !== "refused";
  const depends = (by: ReadonlySet<string>): boolean =>
    by.has(checkOf(decision.rule)) || (isOpen && [...asked].some((check) => by.has(check)));
  // A rule may accept its sender for good.
  if (sender === null && (asked.has("mailrules") || depends(BY_SENDER))) return "no_sender";
  if (helo !== null) return null;
  const isWanted = isOpen && (settings.helo === "on" || settings.helo_dns === "on");
  return isWanted || depends(BY_HELO) ? "no_helo" : null;
}

/** Judges the attempts of logs. */
export class LogJudge {
  readonly #options: JudgeOptions;
  readonly #kept: LruMap<string, Today>;
  /** Attempts that the code was asked about. */
  asked = 0;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#kept = new LruMap(options.mostKept ?? MOST_KEPT);
  }

  async judge(attempt: LogAttempt): Promise<Judged> {
    const { ip, recipient } = attempt;
    if (parseIp(ip) === null) return { kind: "unjudged", why: "no_ip" };
    if (MASKED.test(recipient)) return { kind: "unjudged", why: "masked" };
    const { decision, missing } = await this.#today(attempt);
    if (missing !== null) return { kind: "unjudged", why: missing };
    const why = this.#against(attempt, decision);
    if (why !== null) return { kind: "unjudged", why };
    const { outcome, reason } = decision;
    return {
      kind: "judged",
      outcome,
      rule: outcome === "accepted" ? "" : wordsOf(decision),
      reason,
    };
  }

  /** What the log's own outcome says about how much today's is worth. */
  #against(attempt: LogAttempt, { outcome, rule }: Kept): Unjudged | null {
    const { settings, isRemote } = this.#options;
    const wasUnseen = UNSEEN_RULE.test(attempt.rule) || UNSEEN.has(checkOf(attempt.rule));
    if (outcome === "accepted" && attempt.outcome !== "accepted" && wasUnseen) return "message";
    const isRelay = rule === "rcpthosts" && outcome === "refused" &&
      attempt.outcome === "accepted";
    if (!isRelay || attempt.login !== null || settings.tcp_rules !== "") return null;
    return isRemote(attempt.recipient) ? "relay" : null;
  }

  async #today(attempt: LogAttempt): Promise<Today> {
    const { ip, helo, sender, recipient, login } = attempt;
    const key = [ip, helo ?? "\n", sender ?? "\n", recipient, login ?? "\n"].join("\0");
    const known = this.#options.remembers ? undefined : this.#kept.get(key);
    if (known !== undefined) return known;
    const today = await this.#ask(attempt);
    if (!this.#options.remembers) this.#kept.set(key, today);
    return today;
  }

  async #ask(attempt: LogAttempt): Promise<Today> {
    const { site, settings, unasked, remembers } = this.#options;
    const { ip, helo, sender, recipient, login, whenMs } = attempt;
    const before = unasked();
    this.asked++;
    const judgement = await judgeAttempt(site, {
      ip,
      helo: helo ?? "",
      sender: sender ?? "",
      recipients: [recipient],
      whenMs: remembers ? whenMs ?? undefined : undefined,
      login: login ?? undefined,
      service: login === null ? "smtp" : "submission",
    });
    const { outcome, rule, reason } = judgement.recipients[0] ?? judgement;
    const decision: Kept = { outcome, rule, reason };
    // A refusal stands whatever the DNS would have said before it.
    if (unasked() > before && decision.outcome !== "refused") return { decision, missing: "dns" };
    return { decision, missing: missingOf(attempt, decision, judgement, settings) };
  }
}
