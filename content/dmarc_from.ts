/**
 * The author's domain: of the address in From (RFC 5322 section 3.6.2), as DMARC wants to know it
 * (RFC 7489 section 6.6.1).
 *
 * Reads more than the grammar allows, and rather one domain too many than one too few: what a mail
 * program might show as the author counts.
 */
import { canonicalName, isPossibleName } from "../dns/names.ts";
import type { HeaderField } from "./types.ts";

/** Authors' domains that are looked at; mail with more has no author to speak of. */
export const MAX_AUTHOR_DOMAINS = 5;

/** A character, a quoted string or a domain literal; comments are gone. */
interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
}

/**
 * Where what begins at `from` ends: behind its closing character, quoted pairs passed over; -1: it
 * does not.
 */
function endOf(text: string, from: number, open: string, close: string): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i++;
    else if (char === close && (depth -= 1) <= 0) return i + 1;
    else if (char === open) depth++;
  }
  return -1;
}

/** What opens and never closes is searched for its end no oftener than this. */
const MAX_UNCLOSED = 20;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let unclosed = 0;
  for (let i = 0; i < text.length;) {
    const char = text[i] ?? "";
    const isComment = char === "(";
    let end = -1;
    if ((isComment || char === '"') && unclosed < MAX_UNCLOSED) {
      end = isComment ? endOf(text, i, "(", ")") : endOf(text, i + 1, "", '"');
      if (end < 0) unclosed++;
    }
    // What is never closed is shown as it stands.
    if (end < 0) {
      if (!/[ \t\r\n]/.test(char)) tokens.push({ text: char, isQuoted: false });
      i++;
      continue;
    }
    if (!isComment) tokens.push({ text: text.slice(i, end), isQuoted: true });
    i = end;
  }
  return tokens;
}

/** What stands behind the "@" at `at`, up to where an address ends. */
function domainBehind(tokens: readonly Token[], at: number): string {
  let domain = "";
  for (let i = at + 1; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined || token.isQuoted || /[<>,;:@]/.test(token.text)) break;
    domain += token.text;
  }
  return domain;
}

/** A name in lower case and in ASCII; "" for what is none. */
function asciiName(domain: string): string {
  const name = canonicalName(domain.replace(/\.$/, ""));
  if (/^[!-~]*$/.test(name)) return isPossibleName(name) && !name.startsWith("[") ? name : "";
  try {
    const text = new TextDecoder("utf-8", { fatal: true })
      .decode(Uint8Array.from(domain, (char) => char.charCodeAt(0)));
    return new URL(`http://${text}`).hostname.replace(/\.$/, "");
  } catch {
    return "";
  }
}

/** For each token: is it part of an address without angle brackets? */
function bareParts(tokens: readonly Token[]): readonly boolean[] {
  const parts: boolean[] = [];
  let isBare = true;
  for (let i = tokens.length - 1; i >= 0; i--) {
    const token = tokens[i];
    if (token?.isQuoted === false && token.text === ",") isBare = true;
    else if (token?.isQuoted === false && token.text === "<") isBare = false;
    parts[i] = isBare;
  }
  return parts;
}

/** The domains of addresses in one From field. */
function domainsOf(value: string): string[] {
  const tokens = tokensOf(value);
  const bare = bareParts(tokens);
  const domains: string[] = [];
  let isInside = false;
  // Of a route (<@a,@b:joe@c>) and of a@b@c only the last counts; display names count for nothing.
  let last = "";
  const close = () => {
    if (last !== "") domains.push(last);
    last = "";
  };
  tokens.forEach(({ text, isQuoted }, i) => {
    if (isQuoted) return;
    if (text === "<") isInside = true;
    else if (text === ">") {
      close();
      isInside = false;
    } else if (text === "@" && (isInside || bare[i] === true)) {
      last = domainBehind(tokens, i);
    } else if (text === "," && !isInside) close();
  });
  close();
  return domains.map(asciiName).filter((name) => name !== "");
}

/** Domains of all authors, each once, in their order; empty: there is no author. */
export function authorDomains(fields: readonly HeaderField[]): readonly string[] {
  const values = fields.filter(({ name }) => name.toLowerCase() === "from");
  return [...new Set(values.flatMap(({ value }) => domainsOf(value)))];
}
