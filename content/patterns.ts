/**
 * patterns: messages with a line that a pattern matches, as mailfront's plug-in refuses them.
 *
 * One pass over the message, one look at each line; of long lines the beginning (PATTERNS_LINEMAX).
 * The header goes up to the first empty line. MIME is not decoded: a pattern for the line behind an
 * empty one sees base64 as it is written, which is how the sample file finds programs.
 * DIFFERS: clients that may relay are examined too, as in mailfront, but a file that can't be read
 * puts mail off instead of letting everything pass.
 */
import { against, CONTENT_REPLIES, NONE } from "../policy/replies.ts";
import { eachLine } from "./lines.ts";
import type { Pattern } from "./patterns_parse.ts";
import type { ContentCheck, Message } from "./types.ts";

export interface PatternTerms {
  readonly patterns: readonly Pattern[];
  /** So many bytes of each line are looked at. */
  readonly lineBytes: number;
  /** Reply of patterns that have none of their own; "" for the general one. */
  readonly text: string;
}

async function firstMatch(terms: PatternTerms, message: Message): Promise<Pattern | null> {
  const any = terms.patterns.filter(({ place }) => place === "any");
  const of = (own: Pattern["place"]) =>
    terms.patterns.filter(({ place }) => place === "any" || place === own);
  const header = of("header");
  const afterBlank = of("after_blank");
  let wanted = header;
  let found: Pattern | null = null;
  await eachLine(message.read(), terms.lineBytes, (line) => {
    if (line === "") {
      wanted = afterBlank;
      return false;
    }
    for (const pattern of wanted) {
      if (!pattern.matches(line)) continue;
      found = pattern;
      return true;
    }
    if (wanted !== header) wanted = any;
    return false;
  });
  return found;
}

/** The check. */
export function patternsCheck(mode: "shadow" | "on", terms: PatternTerms): ContentCheck {
  return {
    name: "patterns",
    mode,
    sparesTrusted: false,
    async examine(message) {
      const found = await firstMatch(terms, message);
      if (found === null) return { verdict: NONE };
      const text = found.text || terms.text;
      const reason = `The pattern of ${found.rule} matches`;
      const rule = `patterns: ${found.rule}`;
      return { verdict: against(CONTENT_REPLIES.pattern, rule, reason, { text }) };
    },
  };
}
