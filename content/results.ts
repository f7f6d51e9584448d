/**
 * Authentication-Results (RFC 8601): what was found out about a message, told to those who read it
 * after us; and such fields of others who gave our name, which nobody may believe.
 *
 * Everything that a client can choose is quoted; no byte of it can end the line, a comment or a
 * quoted string.
 */
import type { ArcFinding } from "./arc.ts";
import type { DkimFinding } from "./dkim_verify.ts";
import type { DmarcFinding } from "./dmarc_evaluate.ts";
import type { Envelope, HeaderField } from "./types.ts";

/** One result of one method. */
export interface MethodResult {
  readonly method: string;
  readonly result: string;
  /** For people; "" for none. */
  readonly comment?: string;
  /** Why, when it did not pass; "" for none. */
  readonly reason?: string;
  /** Names as "header.d" with their values. */
  readonly properties: readonly (readonly [string, string])[];
}

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`{|}~@]+$/;
const MAX_VALUE = 320;
const LINE_CHARS = 76;

const printable = (text: string): string => text.replace(/[^ -~]/g, "?").slice(0, MAX_VALUE);

function shownValue(text: string): string {
  const plain = printable(text);
  return TOKEN.test(plain) ? plain : `"${plain.replace(/["\\]/g, "\\$&")}"`;
}

const shownComment = (text: string): string => `(${printable(text).replace(/[()\\]/g, "\\$&")})`;

/** The words of one result. */
function wordsOf({ method, result, comment = "", reason = "", properties }: MethodResult) {
  const words = [`${method}=${result}`];
  if (comment !== "") words.push(shownComment(comment));
  if (reason !== "") words.push(`reason="${printable(reason).replace(/["\\]/g, "\\$&")}"`);
  for (const [name, value] of properties) words.push(`${name}=${shownValue(value)}`);
  return words;
}

/** Words on lines that begin with white space, none longer than it must be. */
function folded(words: readonly string[]): string {
  let text = "";
  let line = "\n ";
  for (const word of words) {
    if (line.length > 2 && line.length + word.length > LINE_CHARS) {
      text += line;
      line = "\n   ";
    }
    line += ` ${word}`;
  }
  return text + line;
}

/** The field, without its last line end. */
export function resultsField(hostname: string, results: readonly MethodResult[]): string {
  const head = `Authentication-Results: ${shownValue(hostname)};`;
  return results.length === 0
    ? `${head} none`
    : head + results.map((one) => folded(wordsOf(one))).join(";");
}

/** SPF's, login's and reverse DNS' results, as far as they were asked. */
export function envelopeResults(envelope: Envelope): MethodResult[] {
  const { client, spf, sender, reverse } = envelope;
  const results: MethodResult[] = [];
  if (client.login !== null) {
    results.push({ method: "auth", result: "pass", properties: [["smtp.auth", client.login]] });
  }
  if (spf !== null) {
    const identity = sender === "" ? "smtp.helo" : "smtp.mailfrom";
    const properties = [[identity, sender === "" ? spf.domain : sender]] as const;
    results.push({ method: "spf", result: spf.result, properties });
  }
  if (reverse !== undefined && reverse !== null) {
    const words = { fcrdns: "pass", exists: "fail", none: "permerror", undecided: "temperror" };
    const comment = reverse.confirmed ?? reverse.names[0] ?? "";
    const properties = [["policy.iprev", client.ip]] as const;
    results.push({ method: "iprev", result: words[reverse.status], comment, properties });
  }
  return results;
}

/** One result for each signature; "none" without any. */
export function dkimResults(findings: readonly DkimFinding[]): MethodResult[] {
  if (findings.length === 0) return [{ method: "dkim", result: "none", properties: [] }];
  return findings.map(({ result, reason, domain, selector, identity, algorithm, mark }) => ({
    method: "dkim",
    result,
    reason,
    properties: ([
      ["header.d", domain],
      ["header.i", identity],
      ["header.s", selector],
      ["header.a", algorithm],
      ["header.b", mark],
    ] as const).filter(([, value]) => value !== ""),
  }));
}

export function arcResults({ result, reason, instances }: ArcFinding): MethodResult[] {
  const comment = instances.map(({ sealer }, i) => `i=${i + 1} ${sealer}`).join(", ");
  return [{ method: "arc", result, comment, reason, properties: [] }];
}

/** `done`: what was done with a message that failed, "" for nothing. */
export function dmarcResults(finding: DmarcFinding, done: string): MethodResult[] {
  const { result, policy, domain, reason } = finding;
  const asked = result === "none" || domain === "" ? "" : `p=${policy}`;
  const comment = [asked, done].filter((word) => word !== "").join(", ");
  const properties = domain === "" ? [] : [["header.from", domain] as const];
  return [{ method: "dmarc", result, comment, reason, properties }];
}

const NAME = /^"((?:[^"\\]|\\.)*)"|^([^\s;()"/]+)/;

/** White space and comments at the beginning go. */
function withoutComments(text: string): string {
  let rest = text.trimStart();
  while (rest.startsWith("(")) {
    let depth = 0;
    let at = 0;
    for (; at < rest.length; at++) {
      const char = rest[at];
      if (char === "\\") at++;
      else if (char === "(") depth++;
      else if (char === ")" && --depth === 0) break;
    }
    rest = rest.slice(at + 1).trimStart();
  }
  return rest;
}

/**
 * Whether a field is an Authentication-Results that gives our name (RFC 8601 section 5), or none at
 * all, which some reader might take for ours.
 */
export function isForged(field: HeaderField, hostname: string): boolean {
  if (field.name.toLowerCase() !== "authentication-results") return false;
  const match = NAME.exec(withoutComments(field.value));
  const name = match?.[1]?.replace(/\\(.)/g, "$1") ?? match?.[2] ?? "";
  const plain = (text: string) => text.toLowerCase().replace(/\.$/, "");
  return name === "" || plain(name) === plain(hostname);
}
