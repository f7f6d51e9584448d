/**
 * mailfront's mail rules, asked: the first rule that matches says what becomes of a sender or
 * recipient.
 *
 * Mirrors plugin-mailrules: "n" goes on after setting its environment and size; "&" makes the next
 * rule depend on it; a file's entry is a whole address or "@domain", a ".cdb" has them as keys.
 * What a rule sets holds for the transaction.
 *
 * DIFFERS: a missing ".cdb" matches nobody; mailfront takes the failed look-up for a match.
 */
import { lowerAscii } from "./addresses.ts";
import { compileGlob } from "./glob.ts";
import {
  type MailRule,
  MailRulesError,
  type ParsedMailRules,
  type RulePattern,
} from "./mailrules_parse.ts";
import { accepting, against, NONE, POLICY_REPLIES } from "./replies.ts";
import type { Check, Verdict } from "./types.ts";

/** A file named by a rule: is this key (lower case) in it? */
export type RuleFile = (key: string) => boolean;

/** What matching rules set, for this transaction. */
export interface RuleEffects {
  /** Smallest size that a rule named; 0: none. */
  readonly dataBytes: number;
  /** Appended to the recipient. */
  readonly relayClient: string;
  readonly env: Readonly<Record<string, string>>;
  readonly verdict: Verdict;
}

/**
 * What a rule about a recipient set, RELAYCLIENT apart from the rest. DIFFERS: mailfront lets it hold
 * for all recipients that follow, so one who may have mail opened relaying to everybody.
 */
export function relayApart(
  effects: RuleEffects,
): { readonly relay: string | null; readonly rest: RuleEffects } {
  const { RELAYCLIENT: relay, ...env } = effects.env;
  return relay === undefined
    ? { relay: null, rest: effects }
    : { relay, rest: { ...effects, env } };
}

/** The rules, ready to be asked. */
export interface MailRules {
  readonly sender: (sender: string) => RuleEffects;
  readonly recipient: (sender: string, recipient: string) => RuleEffects;
}

type Matcher = (address: string) => boolean;

/** A rule's pattern as a question about an address. */
function matcherOf(pattern: RulePattern, files: ReadonlyMap<string, RuleFile>): Matcher {
  const { file, negated } = pattern;
  const matches = file === null ? compileGlob(pattern.text) : fileMatcher(file, files);
  return negated ? (address) => !matches(address) : matches;
}

function fileMatcher(
  file: NonNullable<RulePattern["file"]>,
  files: ReadonlyMap<string, RuleFile>,
): Matcher {
  const has = files.get(file.name) ?? (() => false);
  return (address) => {
    const lower = lowerAscii(address);
    const at = lower.lastIndexOf("@");
    if (file.domainOnly) return at >= 0 && has(lower.slice(at + 1));
    return has(lower) || (at >= 0 && has(lower.slice(at)));
  };
}

/** A rule and its questions. */
interface Compiled {
  readonly rule: MailRule;
  readonly sender: Matcher;
  readonly recipient: Matcher;
}

function verdictOf(rule: MailRule): Verdict {
  const name = `mailrules: line ${rule.line}`;
  const reason = `Line ${rule.line} of the mail rules matches`;
  // A line feed in a response would be a reply of several lines; a reply is one.
  const text = rule.response.replaceAll("\n", " ");
  switch (rule.code) {
    case "k":
    case "K":
      return accepting(name, reason, rule.code === "K", text);
    case "d":
      return against(POLICY_REPLIES.rule_refused, name, reason, { text });
    case "z":
      return against(POLICY_REPLIES.rule_deferred, name, reason, { text });
    case "p":
    case "n":
    case "&":
      return NONE;
  }
}

function runRules(
  rules: readonly Compiled[],
  sender: string,
  recipient: string | null,
): RuleEffects {
  let dataBytes = 0;
  let relayClient = "";
  const env: Record<string, string> = {};
  let verdict: Verdict = NONE;
  let isOpen: boolean = true;
  for (const compiled of rules) {
    const { rule } = compiled;
    const isMatch: boolean = isOpen && compiled.sender(sender) &&
      (recipient === null || compiled.recipient(recipient));
    isOpen = rule.code === "&" ? isMatch : true;
    if (!isMatch || rule.code === "&") continue;
    for (const [name, value] of rule.env) env[name] = value;
    if (rule.dataBytes > 0) dataBytes = Math.min(dataBytes || Infinity, rule.dataBytes);
    if (recipient !== null) relayClient += rule.relayClient;
    if (rule.code === "n") continue;
    verdict = verdictOf(rule);
    break;
  }
  return { dataBytes, relayClient, env, verdict };
}

/**
 * Makes the rules ready. `files`: what filesOf named; a name without an entry is a missing ".cdb".
 */
export function compileMailRules(
  parsed: ParsedMailRules,
  files: ReadonlyMap<string, RuleFile>,
): MailRules {
  const compile = (rule: MailRule): Compiled => ({
    rule,
    sender: matcherOf(rule.sender, files),
    recipient: matcherOf(rule.recipient, files),
  });
  const sender = parsed.sender.map(compile);
  const recipient = parsed.recipient.map(compile);
  return {
    sender: (from) => guarded(() => runRules(sender, from, null)),
    recipient: (from, to) => guarded(() => runRules(recipient, from, to)),
  };
}

/** A damaged file shows when it is asked: then nobody is judged by half of the rules. */
function guarded(run: () => RuleEffects): RuleEffects {
  try {
    return run();
  } catch (error) {
    if (error instanceof MailRulesError) return unusable(error.message);
    throw error;
  }
}

function unusable(reason: string): RuleEffects {
  const verdict = against(POLICY_REPLIES.rules_unusable, "mailrules", reason, { ends: true });
  return { dataBytes: 0, relayClient: "", env: {}, verdict };
}

/** For rules that can't be read, and there were none before: 421 to everybody, as mailfront. */
export function unusableMailRules(reason: string): MailRules {
  const effects = unusable(reason);
  return { sender: () => effects, recipient: () => effects };
}

/** The entries of a text file that a rule names: one a line, "#" begins a comment line. */
export function ruleFileOf(text: string): RuleFile {
  const lines = text.split("\n").map((line) => lowerAscii(line.trim()));
  const entries = new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));
  return (key) => entries.has(key);
}

/** At MAIL. */
export function senderRules(rules: MailRules): Check<"mail"> {
  return {
    name: "mailrules",
    stage: "mail",
    spares: [],
    judge: ({ sender }) => rules.sender(sender).verdict,
  };
}

/** At RCPT. */
export function recipientRules(rules: MailRules): Check<"rcpt"> {
  return {
    name: "mailrules",
    stage: "rcpt",
    spares: [],
    judge: ({ sender, recipient }) => rules.recipient(sender, recipient).verdict,
  };
}
