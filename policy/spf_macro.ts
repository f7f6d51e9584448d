/**
 * Macros of SPF (RFC 7208 section 7): a macro-string is parsed once, its letters are filled in when it is used.
 *
 * "c", "r" and "t" stand in explanations only; an upper-case letter asks for URL escapes.
 */

export type MacroLetter = "s" | "l" | "o" | "d" | "i" | "p" | "v" | "h" | "c" | "r" | "t";

export interface MacroExpand {
  readonly letter: MacroLetter;
  /** Right-hand parts to keep, 0: all. */
  readonly keep: number;
  readonly isReversed: boolean;
  readonly delimiters: string;
  readonly isUrlEscaped: boolean;
}

/** Literal text and macros in their order. */
export type MacroString = readonly (string | MacroExpand)[];

/** The value of a letter; "p" needs the DNS. */
export type MacroValues = (letter: MacroLetter) => string | Promise<string>;

const EXPAND = /^\{([slodipvhcrt])(\d*)(r?)([.\-+,/_=]*)\}/i;
const ESCAPES: Readonly<Record<string, string>> = { "%": "%", "_": " ", "-": "%20" };
/** Visible ASCII; explanations have spaces as well. */
const LITERAL = /^[!-~]*$/;
const EXPLANATION = /^[ -~]*$/;

function parseExpand(text: string, isExplanation: boolean): [MacroExpand, number] | null {
  const match = EXPAND.exec(text);
  if (match === null) return null;
  const [all, letter = "", digits = "", reverse = "", delimiters = ""] = match;
  const keep = digits === "" ? 0 : Number(digits);
  if (digits !== "" && keep === 0) return null;
  const lower = letter.toLowerCase();
  if (!isExplanation && "crt".includes(lower)) return null;
  return [{
    letter: lower as MacroLetter,
    keep,
    isReversed: reverse !== "",
    delimiters: delimiters === "" ? "." : delimiters,
    isUrlEscaped: letter !== lower,
  }, all.length];
}

/** The parts of `text`; null when it is no macro-string (of an explanation: no explain-string). */
export function parseMacroString(text: string, isExplanation = false): MacroString | null {
  if (!(isExplanation ? EXPLANATION : LITERAL).test(text)) return null;
  const parts: (string | MacroExpand)[] = [];
  let rest = text;
  while (rest !== "") {
    const percent = rest.indexOf("%");
    if (percent < 0) return [...parts, rest];
    if (percent > 0) parts.push(rest.slice(0, percent));
    rest = rest.slice(percent + 1);
    const escape = ESCAPES[rest.charAt(0)];
    if (escape !== undefined) {
      parts.push(escape);
      rest = rest.slice(1);
      continue;
    }
    const expand = parseExpand(rest, isExplanation);
    if (expand === null) return null;
    parts.push(expand[0]);
    rest = rest.slice(expand[1]);
  }
  return parts;
}

function urlEscape(value: string): string {
  return value.replace(
    /[^A-Za-z0-9\-._~]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function transform(value: string, macro: MacroExpand): string {
  let parts = [value];
  for (const delimiter of macro.delimiters) parts = parts.flatMap((part) => part.split(delimiter));
  if (macro.isReversed) parts.reverse();
  if (macro.keep > 0) parts = parts.slice(-macro.keep);
  const text = parts.join(".");
  return macro.isUrlEscaped ? urlEscape(text) : text;
}

/**
 * The text with its letters filled in. `bound` cuts what has come together so far, after each part: a record may have
 * thousands of them.
 */
export async function expandMacros(
  text: MacroString,
  values: MacroValues,
  bound: (out: string) => string,
): Promise<string> {
  let out = "";
  for (const part of text) {
    out = bound(
      out + (typeof part === "string" ? part : transform(await values(part.letter), part)),
    );
  }
  return out;
}
