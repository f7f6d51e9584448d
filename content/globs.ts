/**
 * Globs asked of every line of a message: those of literal text and stars alone, which are nearly
 * all, by searching for the text; others as policy/glob.ts does. Never a regular expression: time is
 * bounded whatever a client sends.
 */
import { compileGlob } from "../policy/glob.ts";

const asIs = (text: string): string => text;

/** Matches the whole text, bytes as they are: who wants no case folds both. */
export function compileLineGlob(pattern: string): (line: string) => boolean {
  if (/[?[]/.test(pattern)) return compileGlob(pattern, asIs);
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (line) => line === first;
  const middle = rest.filter((part) => part !== "");
  const least = first.length + last.length;
  return (line) => {
    if (line.length < least || !line.startsWith(first) || !line.endsWith(last)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = line.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= line.length - last.length;
  };
}
