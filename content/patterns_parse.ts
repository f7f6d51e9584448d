/**
 * Files of patterns, in the form of mailfront's plug-in of that name.
 *
 * The first byte of a line says what it is and is no part of the pattern: "#" a comment, "=" the
 * reply for all patterns that follow, ":" a pattern for the header, "\" one for the line behind an
 * empty line, where parts of MIME begin, anything else one for every line that is not empty. White
 * space at the end of lines is dropped. Bytes count as they are, upper and lower case too.
 */
import { compileLineGlob } from "./globs.ts";

export type PatternPlace = "header" | "after_blank" | "any";

/** One pattern. */
export interface Pattern {
  readonly place: PatternPlace;
  readonly matches: (line: string) => boolean;
  /** Text of the reply; "" for the general one. */
  readonly text: string;
  /** As it stands in the file, with the number of its line. */
  readonly rule: string;
}

const PLACES: Readonly<Record<string, PatternPlace>> = { ":": "header", "\\": "after_blank" };

/** Reads a file; there is no line that can't be meant. */
export function parsePatterns(text: string): readonly Pattern[] {
  const patterns: Pattern[] = [];
  let reply = "";
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.replace(/[ \t\n\v\f\r]+$/, "");
    const kind = line.charAt(0);
    if (line === "" || kind === "#") continue;
    if (kind === "=") reply = line.slice(1);
    else {
      patterns.push({
        place: PLACES[kind] ?? "any",
        matches: compileLineGlob(line.slice(1)),
        text: reply,
        rule: `line ${i + 1}`,
      });
    }
  }
  return patterns;
}
