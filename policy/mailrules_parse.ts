/**
 * The text of mailfront's mail rules ($MAILRULES), read into rules.
 *
 * A line is a prefix and fields with ":" between them: sender, recipient, response, databytes,
 * relayclient, environment. Prefixes: k accept, K accept for good, z not now, d never, p pass on to
 * what comes next, n set only, & and the next rule. ":sender" and ":recipient" say where the rules
 * behind them are asked; before the first of them a rule with the recipient "*" is asked at MAIL,
 * any other at RCPT.
 *
 * DIFFERS: "\ooo" is the byte that the manual says; mailfront's code makes a NUL of it. A line with
 * another first character is ignored as in mailfront, but told.
 */

/** Rules that can't be used: one sentence with the line's number. */
export class MailRulesError extends Error {
  override name = "MailRulesError";
}

/** k K z d p n & of the grammar. */
export type RuleCode = "k" | "K" | "z" | "d" | "p" | "n" | "&";

/** A pattern as it is written; what it matches is mailrules.ts. */
export interface RulePattern {
  readonly negated: boolean;
  /** Escapes resolved. */
  readonly text: string;
  /** The file of "[[file]]" or "[[@file]]"; null for a glob. */
  readonly file: { readonly name: string; readonly domainOnly: boolean } | null;
}

/** One rule. */
export interface MailRule {
  readonly line: number;
  readonly code: RuleCode;
  readonly sender: RulePattern;
  readonly recipient: RulePattern;
  readonly response: string;
  /** 0: nothing said. */
  readonly dataBytes: number;
  readonly relayClient: string;
  /** NAME -> value. */
  readonly env: readonly (readonly [name: string, value: string])[];
}

/** The file's rules, and sentences about lines that have no effect. */
export interface ParsedMailRules {
  readonly sender: readonly MailRule[];
  readonly recipient: readonly MailRule[];
  readonly notes: readonly string[];
}

const CODES: readonly string[] = ["k", "K", "z", "d", "p", "n", "&"];
const EMPTY: RulePattern = { negated: false, text: "", file: null };

/** Fields up to `separator`; escapes are resolved, so an escaped separator separates nothing. */
function splitEscaped(text: string, separator: string, most: number): string[] {
  const fields: string[] = [];
  let field = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === separator && fields.length < most - 1) {
      fields.push(field);
      field = "";
    } else if (char === "\\") {
      const octal = /^[0-7]{1,3}/.exec(text.slice(i + 1, i + 4))?.[0];
      const next = text.charAt(i + 1);
      field += octal !== undefined
        ? String.fromCharCode(parseInt(octal, 8) & 255)
        : next === "n"
        ? "\n"
        : next;
      i += octal?.length ?? 1;
    } else field += char;
  }
  return [...fields, field];
}

/**
 * Where the colons of a line part its fields: escapes stay in, so that each field can be read for
 * itself.
 */
function splitFields(line: string): string[] {
  const fields: string[] = [];
  let start = 0;
  for (let i = 0; i < line.length && fields.length < 5; i++) {
    if (line[i] === "\\") i++;
    else if (line[i] === ":") {
      fields.push(line.slice(start, i));
      start = i + 1;
    }
  }
  return [...fields, line.slice(start)];
}

const unescape = (text: string): string => splitEscaped(text, "", 1)[0] ?? "";

function readPattern(field: string): RulePattern {
  const bangs = /^!*/.exec(field)?.[0].length ?? 0;
  const text = unescape(field.slice(bangs));
  const match = text.length > 5 ? /^\[\[(@?)(.*)\]\]$/s.exec(text) : null;
  const file = match === null ? null : { name: match[2] ?? "", domainOnly: match[1] === "@" };
  return { negated: bangs % 2 === 1, text, file };
}

function readEnv(field: string, line: number): [string, string][] {
  if (field === "") return [];
  return splitEscaped(field, ",", Infinity).filter((one) => one !== "").map((one) => {
    const equals = one.indexOf("=");
    if (equals <= 0) {
      throw new MailRulesError(`Line ${line}: "${one}" is not an assignment NAME=VALUE`);
    }
    return [one.slice(0, equals), one.slice(equals + 1)];
  });
}

function readRule(code: RuleCode, text: string, line: number): MailRule {
  const fields = splitFields(text);
  const [sender = "", recipient, response = "", databytes = "", relay = "", env = ""] = fields;
  if (!/^\d*$/.test(databytes)) {
    throw new MailRulesError(`Line ${line}: the message size "${databytes}" is not a whole number`);
  }
  return {
    line,
    code,
    sender: readPattern(sender),
    recipient: recipient === undefined ? EMPTY : readPattern(recipient),
    response: unescape(response),
    dataBytes: Number(databytes),
    relayClient: unescape(relay),
    env: readEnv(env, line),
  };
}

function isCode(char: string): char is RuleCode {
  return CODES.includes(char);
}

/**
 * Which list the rules behind a line ":sender" or ":recipient" belong to. mailfront looks at the
 * first letter only.
 */
function readSelector(text: string, line: number): "sender" | "recipient" {
  if (text.startsWith(":s")) return "sender";
  if (text.startsWith(":r")) return "recipient";
  throw new MailRulesError(`Line ${line}: "${text}" is neither ":sender" nor ":recipient"`);
}

/**
 * Reads the text, binary.
 * @throws {MailRulesError}
 */
export function parseMailRules(text: string): ParsedMailRules {
  const rules = { sender: [] as MailRule[], recipient: [] as MailRule[] };
  const notes: string[] = [];
  let selected: "sender" | "recipient" | null = null;
  for (const [i, raw] of text.split("\n").entries()) {
    const content = raw.trim();
    const first = content.charAt(0);
    if (content === "" || first === "#") continue;
    if (first === ":") selected = readSelector(content, i + 1);
    else if (!isCode(first)) {
      notes.push(`Line ${i + 1}: ignored, "${first}" is none of ${CODES.join(" ")}`);
    } else {
      const rule = readRule(first, content.slice(1), i + 1);
      const isPlain = rule.recipient.text === "*" && !rule.recipient.negated;
      rules[selected ?? (isPlain ? "sender" : "recipient")].push(rule);
    }
  }
  return { ...rules, notes };
}

/** The files that rules name, each once. */
export function filesOf(rules: ParsedMailRules): ReadonlySet<string> {
  const patterns = [...rules.sender, ...rules.recipient].flatMap((r) => [r.sender, r.recipient]);
  return new Set(patterns.flatMap(({ file }) => file === null ? [] : [file.name]));
}
