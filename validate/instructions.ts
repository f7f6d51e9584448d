/**
 * The lines of a dot-qmail file or of the default delivery, as data.
 *
 * Mirrors the loop over `cmds` in main() of qmail-local.c: what each line is, a blank first line,
 * the x bit and +list before a file or program line. It runs nothing, and exit code 99 of a program
 * that would stop the loop is not known here.
 */
import type { Instruction } from "./types.ts";

/** What a text says: its instructions up to the first that is forbidden, and why that one is. */
export interface ParsedInstructions {
  readonly instructions: readonly Instruction[];
  /** A sentence, or null where every line may be followed. */
  readonly trouble: string | null;
}

/** A line without blanks at its end; qmail-local stops at a NUL when it uses it. */
function cutLine(line: string): { readonly whole: string; readonly text: string } {
  let end = line.length;
  while (end > 0 && (line.charCodeAt(end - 1) === 32 || line.charCodeAt(end - 1) === 9)) end--;
  const whole = line.slice(0, end);
  const nul = whole.indexOf("\0");
  return { whole, text: nul < 0 ? whole : whole.slice(0, nul) };
}

/** The kind of a line by its first byte; null for comments, blanks and +words. */
function kindOf(whole: string, text: string): Instruction["kind"] | null {
  switch (text.charAt(0)) {
    case "":
    case "#":
    case "+":
      return null;
    case ".":
    case "/":
      return whole.endsWith("/") ? "maildir" : "mbox";
    case "|":
      return "program";
    default:
      return "forward";
  }
}

/**
 * Reads `text`. `source`: what it is, for sentences ("/home/joe/.qmail", "the default delivery");
 * `forwardOnly`: the file's x bit is set.
 */
export function parseInstructions(
  text: string,
  source: string,
  forwardOnly: boolean,
): ParsedInstructions {
  const instructions: Instruction[] = [];
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  let restricted = forwardOnly;
  let number = 0;
  for (const raw of lines) {
    number++;
    const { whole, text: line } = cutLine(raw);
    const where = `line ${number} of ${source}`;
    if (line === "" && number === 1) {
      return { instructions: [], trouble: `The first line of ${source} is blank (remove it)` };
    }
    if (line === "+list") restricted = true;
    const kind = kindOf(whole, line);
    if (kind === null) continue;
    if (restricted && kind !== "forward") {
      const what = kind === "program" ? "runs a program" : "writes a file";
      const why = forwardOnly ? "the file's x bit allows" : '"+list" allows';
      return { instructions, trouble: `Where ${why} only forwards, ${where} ${what}` };
    }
    const cut = kind === "program" || (kind === "forward" && line.startsWith("&")) ? 1 : 0;
    instructions.push({ kind, text: line.slice(cut), where });
  }
  return { instructions, trouble: null };
}

/**
 * No program, no mbox: everything can be delivered by whoever can write a Maildir and look up a
 * forward.
 */
export function needsNoPrograms(instructions: readonly Instruction[]): boolean {
  return instructions.every((i) => i.kind === "maildir" || i.kind === "forward");
}
