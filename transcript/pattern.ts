/** What a server line must look like: `*` stands for anything, `\*` for a star, \\ and \xHH for what they say. */

/** Escapes of C-raw lines and patterns: \r \n \t \\ \* \xHH. */
const ESCAPE = /\\(x[0-9a-fA-F]{2}|[rnt\\*]|[^]?)/g;
const NAMED: Readonly<Record<string, string>> = {
  r: "\r",
  n: "\n",
  t: "\t",
  "\\": "\\",
  "*": "*",
};

/** A wrong escape, as a sentence. */
export class EscapeError extends Error {
  override name = "EscapeError";
}

/** `text` with its escapes replaced. @throws {EscapeError} */
export function unescapeText(text: string): string {
  return text.replace(ESCAPE, (all, word: string) => {
    if (word.length === 3) return String.fromCharCode(parseInt(word.slice(1), 16));
    const char = NAMED[word];
    if (char === undefined) {
      throw new EscapeError(`"${all}" is no escape (\\r \\n \\t \\\\ \\* \\xHH)`);
    }
    return char;
  });
}

const quoteForRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|\-/]/g, "\\$&");

/** The pattern as a regular expression over one whole line, without its CRLF. @throws {EscapeError} */
export function compilePattern(pattern: string): RegExp {
  const pieces = pattern.split(/(?<=(?:^|[^\\])(?:\\\\)*)\*/);
  return new RegExp(`^${pieces.map((p) => quoteForRegExp(unescapeText(p))).join(".*")}$`, "s");
}
