/**
 * header_rules: what control/headerrules says about fields, origin and body of a message.
 *
 * For subject words, addresses that web mailers write into X-Originating-IP, mail that came by way
 * of a network, words of the text: what people did with Mail::Audit. Rules are asked in their order;
 * tags and copies add up until a rule refuses or defers. Encoded words are decoded; the body is
 * taken as it is written, neither quoted-printable nor base64 is undone.
 */
import { lowerAscii } from "../policy/addresses.ts";
import { against, CONTENT_REPLIES, NONE } from "../policy/replies.ts";
import { plainIp } from "../net/ip.ts";
import { decodeWords } from "./encoded_words.ts";
import { isNamed } from "./header.ts";
import type { HeaderRule } from "./header_rules_parse.ts";
import { eachLine } from "./lines.ts";
import type { ContentCheck, HeaderField, Message, Opinion } from "./types.ts";

export const TAG_FIELD = "X-Qfront-Tag";

/** So much of each line of the body is looked at (RFC 5322 allows 998). */
const LINE_BYTES = 1000;

/** Addresses that the message says it came from. */
export function originsOf(fields: readonly HeaderField[]): string[] {
  return fields.flatMap((field) => {
    if (isNamed(field, "X-Originating-IP")) {
      return addressesOf(field.value.replace(/^\s*([^[\s]+)\s*$/, "[$1]"));
    }
    if (!isNamed(field, "Received")) return [];
    // "from helo (host [ip]) by ...", and qmail's "from host (info@ip)\n  by ...".
    const by = field.value.search(/\sby\s/i);
    const from = by < 0 ? field.value : field.value.slice(0, by);
    return addressesOf(from);
  });
}

function addressesOf(text: string): string[] {
  const found: string[] = [];
  for (
    const [, bracketed, round] of text.matchAll(
      /\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]|[(@]([0-9A-Fa-f.:]+)\)/gi,
    )
  ) {
    const ip = bracketed ?? round ?? "";
    if (/[.:]/.test(ip)) found.push(lowerAscii(plainIp(ip)));
  }
  return found;
}

/** The rules of the body that match one of its lines. */
async function bodyMatches(
  rules: readonly HeaderRule[],
  message: Message,
): Promise<ReadonlySet<HeaderRule>> {
  const found = new Set<HeaderRule>();
  const open = rules.filter(({ about }) => about === "body");
  if (open.length === 0) return found;
  let inHeader = true;
  await eachLine(message.read(), LINE_BYTES, (line) => {
    if (inHeader) {
      inHeader = line !== "";
      return false;
    }
    const lower = lowerAscii(line);
    for (let i = open.length - 1; i >= 0; i--) {
      const rule = open[i];
      if (rule === undefined || !rule.matches(lower)) continue;
      found.add(rule);
      open.splice(i, 1);
    }
    return open.length === 0;
  });
  return found;
}

interface Seen {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly origins: readonly string[];
}

function seenOf(message: Message): Seen {
  const fields = message.fields.map(({ name, value }) =>
    [lowerAscii(name), lowerAscii(decodeWords(value)).trim()] as const
  );
  return { fields, origins: originsOf(message.fields) };
}

function matchesHeader(rule: HeaderRule, { fields, origins }: Seen): boolean {
  if (rule.about === "origin") return origins.some(rule.matches);
  return fields.some(([name, value]) => rule.isName(name) && rule.matches(value));
}

/** What matching rules come to, in their order. */
function opinionOf(matching: readonly HeaderRule[]): Opinion {
  const tags: string[] = [];
  const rules: string[] = [];
  let subject = "";
  let quarantine = "";
  const gathered = (verdict: Opinion["verdict"]): Opinion => ({
    verdict,
    strikes: (field) => isNamed(field, TAG_FIELD),
    ...(tags.length === 0 ? {} : { addFields: tags.map((tag) => `${TAG_FIELD}: ${tag}`) }),
    ...(subject === "" ? {} : { rewrites: prefixSubject(subject) }),
    ...(quarantine === "" ? {} : { quarantine }),
    ...(rules.length === 0 ? {} : { rule: `header_rules: ${rules.join(" ")}` }),
  });
  for (const { actions, line, text } of matching) {
    const name = `header_rules: line ${line}`;
    const reason = `The rule of line ${line} matches`;
    if (actions.has("quarantine") && quarantine === "") quarantine = `${name} matches`;
    if (actions.has("refuse")) {
      return gathered(against(CONTENT_REPLIES.header_rule, name, reason, { text }));
    }
    if (actions.has("defer")) {
      return gathered(against(CONTENT_REPLIES.header_rule_deferred, name, reason, { text }));
    }
    rules.push(`line ${line}`);
    if (actions.has("tag")) tags.push(text);
    if (actions.has("subject")) subject = subject === "" ? text : `${subject} ${text}`;
  }
  return gathered(NONE);
}

/** Puts `tag` before the subject, once. */
export function prefixSubject(tag: string): (field: HeaderField) => string | null {
  const start = tag.trimEnd();
  return (field) =>
    isNamed(field, "Subject") && !field.value.trimStart().startsWith(start)
      ? ` ${start} ${field.value.trimStart()}`
      : null;
}

/** The check. */
export function headerRules(mode: "shadow" | "on", rules: readonly HeaderRule[]): ContentCheck {
  return {
    name: "header_rules",
    mode,
    sparesTrusted: true,
    async examine(message) {
      const seen = seenOf(message);
      const inHeader = new Set(
        rules.filter((rule) => rule.about !== "body" && matchesHeader(rule, seen)),
      );
      // Who is refused by a rule before all those of the body is not read to its end.
      const decides = rules.findIndex((rule) =>
        inHeader.has(rule) && (rule.actions.has("refuse") || rule.actions.has("defer"))
      );
      const asked = decides < 0 ? rules : rules.slice(0, decides + 1);
      const inBody = await bodyMatches(asked, message);
      return opinionOf(asked.filter((rule) => inHeader.has(rule) || inBody.has(rule)));
    },
  };
}
