/**
 * SPF: may this client send for this domain? (RFC 7208, check_host of section 4.)
 *
 * It asks the DNS through the resolver it is given and touches nothing else. Local policy as the SPF patch for
 * qmail has it: `guess` (control/spfguess) stands in for the record of a domain without one; `rules`
 * (control/spfrules) are tried before fail, softfail, neutral or none is said; `exp` (control/spfexp) explains a fail
 * that the domain does not explain. What a verdict leads to is not decided here.
 */
import { isPossibleName } from "../dns/names.ts";
import { recordsOf, type Resolver } from "../dns/types.ts";
import { parseIp } from "../net/ip.ts";
import {
  evaluate,
  expandDomain,
  fetchRecord,
  macroValues,
  parseOwn,
  type SpfOutcome,
  type SpfState,
  SpfTrouble,
  type SpfVerdict,
} from "./spf_evaluate.ts";
import { expandMacros, type MacroString, parseMacroString } from "./spf_macro.ts";

export type { SpfVerdict } from "./spf_evaluate.ts";

/** Who sends. Client data is latin1, one char a byte. */
export interface SpfQuestion {
  /** The client's address, numeric. */
  readonly ip: string;
  /** The domain whose record is asked for. */
  readonly domain: string;
  /** The sender, or "postmaster@" and the name of HELO for a null sender. */
  readonly sender: string;
  readonly helo: string;
}

/** Texts of control files, "" or absent: not there. */
export interface SpfPolicy {
  /** control/spfrules: terms, such as "include:spf.trusted-forwarder.example". */
  readonly rules?: string;
  /** control/spfguess: terms, such as "a/24 mx/24 ptr". */
  readonly guess?: string;
  /** control/spfexp: an explanation with macros. */
  readonly exp?: string;
  /** Our own name, for the macro "r". */
  readonly receiver?: string;
  /** Seconds since 1970, for the macro "t". */
  readonly nowSeconds?: number;
}

export interface SpfResult {
  readonly result: SpfVerdict;
  /** For fail: what domain or local policy says to it, printable ASCII; "" without one. */
  readonly explanation: string;
  /** The term that decided, as the record has it; "default": no term matched; "": there was no record. */
  readonly mechanism: string;
  /** permerror and temperror: one sentence. Also what is wrong with rules that could not be used. */
  readonly problem: string;
  /** Where the deciding term stands: the domain's records, the guess or the local rules. */
  readonly source: "record" | "guess" | "rules";
}

/** Longest explanation that is handed on. */
const MAX_EXPLANATION = 400;

/** Sender and domain of a reverse-path (RFC 7208 section 2.4): a null sender is asked about by its HELO name. */
export function spfIdentity(reversePath: string, helo: string) {
  if (reversePath === "") {
    return { identity: "helo", sender: `postmaster@${helo}`, domain: helo } as const;
  }
  const domain = reversePath.slice(reversePath.lastIndexOf("@") + 1);
  return { identity: "mailfrom", sender: reversePath, domain } as const;
}

/** A name that can have a policy: not a literal, at least two labels (section 4.3). */
function canHavePolicy(domain: string): boolean {
  const bare = domain.endsWith(".") ? domain.slice(0, -1) : domain;
  return isPossibleName(bare) && bare.includes(".") && !bare.startsWith("[");
}

function newState(
  question: SpfQuestion,
  ip: Uint8Array,
  resolver: Resolver,
  policy: SpfPolicy,
): SpfState {
  const at = question.sender.lastIndexOf("@");
  return {
    resolver,
    ip,
    local: at > 0 ? question.sender.slice(0, at) : "postmaster",
    senderDomain: at < 0 ? question.sender : question.sender.slice(at + 1),
    helo: question.helo,
    receiver: policy.receiver === undefined || policy.receiver === "" ? "unknown" : policy.receiver,
    nowSeconds: policy.nowSeconds ?? 0,
    terms: 0,
    voids: 0,
    names: null,
  };
}

type Judged = SpfOutcome & { readonly problem: string };

/** Runs an evaluation; trouble becomes its verdict. */
async function judge(domain: string, work: () => Promise<SpfOutcome>): Promise<Judged> {
  try {
    return { ...await work(), problem: "" };
  } catch (error) {
    if (!(error instanceof SpfTrouble)) throw error;
    const { verdict, message } = error;
    return { verdict, mechanism: "", domain, exp: null, problem: message };
  }
}

function judgeRecord(state: SpfState, domain: string): Promise<Judged> {
  return judge(domain, async () => {
    const record = await fetchRecord(state, domain);
    return record === null
      ? { verdict: "none", mechanism: "", domain, exp: null }
      : await evaluate(state, domain, record);
  });
}

/** Terms of a control file as if they were the domain's record; they have limits of their own. */
function judgeTerms(state: SpfState, domain: string, terms: string, file: string): Promise<Judged> {
  const own = { ...state, terms: 0, voids: 0 };
  return judge(domain, () => evaluate(own, domain, parseOwn(`v=spf1 ${terms}`, file)));
}

/** The one text of an explanation's TXT record, parsed; null when there is none that can be used. */
async function fetchExplanation(state: SpfState, outcome: SpfOutcome): Promise<MacroString | null> {
  if (outcome.exp === null) return null;
  const name = await expandDomain(state, outcome.exp, outcome.domain);
  if (name === "" || !isPossibleName(name)) return null;
  const records = recordsOf(await state.resolver.query(name, "TXT"), "TXT");
  return records.length === 1 ? parseMacroString(records[0]?.texts.join("") ?? "", true) : null;
}

/** The explanation of a fail (section 6.2). What the client chose in it can be no control character. */
async function explain(state: SpfState, outcome: SpfOutcome, local: string): Promise<string> {
  const text = await fetchExplanation(state, outcome) ??
    (local === "" ? null : parseMacroString(local, true));
  if (text === null) return "";
  const head = (out: string) => out.slice(0, MAX_EXPLANATION);
  const said = await expandMacros(text, macroValues(state, outcome.domain), head);
  return said.replace(/[^ -~]/g, "?");
}

const mechanismOf = (judged: Judged): string =>
  judged.verdict === "none" || judged.problem !== ""
    ? ""
    : judged.mechanism === ""
    ? "default"
    : judged.mechanism;

function plain(judged: Judged, source: SpfResult["source"]): SpfResult {
  const { verdict, problem } = judged;
  return { result: verdict, explanation: "", mechanism: mechanismOf(judged), problem, source };
}

/** The verdicts before which local rules are tried. */
const OPEN: readonly SpfVerdict[] = ["fail", "softfail", "neutral", "none"];

/**
 * What the local rules say, null: nothing. Rules that can't be evaluated now make a coming fail a temperror; rules that
 * are wrong change nothing, but are named.
 */
async function localRules(state: SpfState, domain: string, rules: string, before: Judged) {
  if (rules === "" || !OPEN.includes(before.verdict)) return null;
  const judged = await judgeTerms(state, domain, rules, "control/spfrules");
  if (judged.verdict === "temperror" && before.verdict !== "fail") return null;
  if (judged.verdict === "permerror") return { wrong: judged.problem };
  return judged.mechanism === "" && judged.problem === "" ? null : { judged };
}

/** SPF's check_host. Never rejects. */
export async function checkHost(
  question: SpfQuestion,
  resolver: Resolver,
  policy: SpfPolicy = {},
): Promise<SpfResult> {
  const ip = parseIp(question.ip);
  const { domain } = question;
  if (ip === null || !canHavePolicy(domain)) {
    return { result: "none", explanation: "", mechanism: "", problem: "", source: "record" };
  }
  const state = newState(question, ip, resolver, policy);
  let judged = await judgeRecord(state, domain.endsWith(".") ? domain.slice(0, -1) : domain);
  let source: SpfResult["source"] = "record";
  let wrong = "";
  if (judged.verdict === "none" && (policy.guess ?? "") !== "") {
    const guessed = await judgeTerms(state, domain, policy.guess ?? "", "control/spfguess");
    if (guessed.verdict === "permerror") wrong = guessed.problem;
    else [judged, source] = [guessed, "guess"];
  }
  const local = await localRules(state, domain, policy.rules ?? "", judged);
  if (local !== null && "judged" in local) [judged, source] = [local.judged, "rules"];
  else if (local !== null) wrong = local.wrong;
  const result = plain(judged, source);
  const problem = result.problem === "" ? wrong : result.problem;
  if (result.result !== "fail") return { ...result, problem };
  return { ...result, problem, explanation: await explain(state, judged, policy.exp ?? "") };
}
