/**
 * The Received-SPF field (RFC 7208 section 9.1). Everything a client can choose is quoted, and no byte of it can end
 * the line, the comment or a quoted string.
 */
import type { SpfResult, SpfVerdict } from "./spf.ts";

/** What the field tells beside the result. Client data is latin1. */
export interface ReceivedSpfFacts {
  /** Our own name. */
  readonly receiver: string;
  readonly ip: string;
  /** The reverse-path, "" for a null sender. */
  readonly envelopeFrom: string;
  readonly helo: string;
  readonly identity: "mailfrom" | "helo";
  /** Whose record was asked for. */
  readonly domain: string;
}

const ATOM = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;
const MAX_VALUE = 320;

const printable = (text: string): string => text.replace(/[^ -~]/g, "?").slice(0, MAX_VALUE);

/** A value as a dot-atom, else quoted. */
function value(text: string): string {
  const plain = printable(text);
  return ATOM.test(plain) ? plain : `"${plain.replace(/["\\]/g, "\\$&")}"`;
}

/** Text inside of a comment. */
const inComment = (text: string): string => printable(text).replace(/[()\\]/g, "\\$&");

/** The sentence for people. */
function sentence(verdict: SpfVerdict, domain: string, ip: string): string {
  switch (verdict) {
    case "pass":
      return `domain of ${domain} designates ${ip} as permitted sender`;
    case "fail":
      return `domain of ${domain} does not designate ${ip} as permitted sender`;
    case "softfail":
      return `transitioning domain of ${domain} does not designate ${ip} as permitted sender`;
    case "neutral":
      return `${ip} is neither permitted nor denied by domain of ${domain}`;
    case "none":
      return `domain of ${domain} does not designate permitted senders`;
    case "permerror":
      return `the SPF record of ${domain} can't be used`;
    case "temperror":
      return `the SPF record of ${domain} could not be looked up`;
  }
}

/** The complete field, folded, with LF line ends. */
export function receivedSpf(spf: SpfResult, facts: ReceivedSpfFacts): string {
  const who = facts.identity === "mailfrom" ? facts.envelopeFrom : facts.domain;
  const said = sentence(spf.result, who, facts.ip);
  const how = spf.source === "record" ? "" : `, by local ${spf.source}`;
  const pairs: [string, string][] = [
    ["receiver", facts.receiver],
    ["client-ip", facts.ip],
    ["envelope-from", facts.envelopeFrom],
    ["helo", facts.helo],
    ["identity", facts.identity],
  ];
  if (spf.mechanism !== "") pairs.push(["mechanism", spf.mechanism]);
  if (spf.problem !== "") pairs.push(["problem", spf.problem]);
  const shown = pairs.map(([key, text]) => `  ${key}=${value(text)}`).join(";\n");
  const comment = `${inComment(facts.receiver)}: ${inComment(said)}${how}`;
  return `Received-SPF: ${spf.result} (${comment})\n${shown}\n`;
}
