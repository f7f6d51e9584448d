/**
 * Globs of mail rules and patterns: "*" any bytes, "?" one byte, "[seq]" and "[!seq]" one of or
 * none of these; everything else itself, without regard for ASCII case. The whole text must match.
 * As in mailfront "-" makes no range: "[a-f]" is one of "a", "-" and "f".
 *
 * Not a regular expression: time is bounded by length of pattern times length of text, whatever a
 * client sends.
 */
import { lowerAscii } from "./addresses.ts";

type Piece =
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "set"; readonly set: ReadonlySet<string>; readonly negated: boolean };

/** A "[" without its "]" stands for itself. */
function readPieces(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === "*") {
      if (pieces.at(-1)?.kind !== "any") pieces.push({ kind: "any" });
    } else if (char === "?") pieces.push({ kind: "one" });
    else if (char === "[") {
      const negated = pattern[i + 1] === "!";
      const start = i + (negated ? 2 : 1);
      const end = pattern.indexOf("]", start + 1);
      if (end < 0) pieces.push({ kind: "char", char });
      else {
        pieces.push({ kind: "set", set: new Set(pattern.slice(start, end)), negated });
        i = end;
      }
    } else pieces.push({ kind: "char", char });
  }
  return pieces;
}

function fits(piece: Piece | undefined, char: string): boolean {
  switch (piece?.kind) {
    case undefined:
    case "any":
      return false;
    case "one":
      return true;
    case "char":
      return piece.char === char;
    case "set":
      return piece.set.has(char) !== piece.negated;
  }
}

/** Makes a matcher; both sides are compared in lower case, unless `fold` makes them alike otherwise. */
export function compileGlob(
  pattern: string,
  fold: (text: string) => string = lowerAscii,
): (text: string) => boolean {
  const pieces = readPieces(fold(pattern));
  if (pieces.length === 1 && pieces[0]?.kind === "any") return () => true;
  const folded = fold === lowerAscii ? lowerOnce : fold;
  return (given) => matchPieces(pieces, folded(given));
}

let last = { text: "", lower: "" };

/** One text is held against many patterns. */
function lowerOnce(text: string): string {
  if (last.text !== text) last = { text, lower: lowerAscii(text) };
  return last.lower;
}

/** Only the last star is ever tried again, which is enough. */
function matchPieces(pieces: readonly Piece[], text: string): boolean {
  let at = 0;
  let piece = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pieces[piece]?.kind === "any") {
      star = piece++;
      starAt = at;
    } else if (fits(pieces[piece], text.charAt(at))) {
      at++;
      piece++;
    } else if (star >= 0) {
      piece = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pieces[piece]?.kind === "any") piece++;
  return piece === pieces.length;
}
