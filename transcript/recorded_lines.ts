/** Single lines of a recorded transcript: what was sent, escaped where it must be, and what was said, as a pattern. */

const hex = (char: string): string => "\\x" + char.charCodeAt(0).toString(16).padStart(2, "0");

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const UNSAFE = /[\x00-\x1f\x7f]/g;
const WORDS = /^<(?:eof|silence|tls|wait .*)>$/;

/** A line that the client sent. */
export function clientLine(text: string): string {
  if (text.search(UNSAFE) < 0 && !WORDS.test(text)) return text === "" ? "C:" : `C: ${text}`;
  return `C-raw: ${text.replaceAll("\\", "\\\\").replace(UNSAFE, hex)}\\r\\n`;
}

/** What differs each time; the star of the pattern takes its place. */
const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/^(250 2\.\S+ ok) \d{9,11} .*$/, "$1 *"],
  [/ \[s:[^\]]*\]/, " [s:*]"],
  [/\(session \d+\)/, "(session *)"],
  [/^(\+OK .*)<[^<>@ ]+@([^<>@ ]+)>$/, "$1<*@$2>"],
  [/\b\d+(?= (?:seconds?|minutes?|hours?)\b)/g, "*"],
];

/** A line that the server said, as a pattern. */
export function serverPattern(text: string): string {
  const escaped = text.replace(/[\\*]/g, "\\$&").replace(UNSAFE, hex);
  const pattern = VARIABLE.reduce((line, [what, by]) => line.replace(what, by), escaped);
  if (pattern === "") return "S:";
  // Words of the format's own.
  return /^(?:\.\.\.|<eof>)$/.test(pattern)
    ? `S: ${hex(pattern)}${pattern.slice(1)}`
    : `S: ${pattern}`;
}

/** A line that can't be played. */
export const comment = (text: string): string => `# ${text.replace(UNSAFE, hex)}`;
