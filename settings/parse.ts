/**
 * trace.cfg text -> settings' texts with line numbers.
 *
 * Each line is read for itself: `key: value`, `key=value` and `key value` may stand in one file, so a file that an
 * administrator wrote from memory of qmail, of KATR or of YAML means what he thinks it means. What needs more than one
 * line, or brackets (sequences, block scalars, escapes in quotes), goes to the YAML parser, piece by piece, so that the
 * line number of a mistake is always known. The YAML parser is loaded only when such a piece is met: a stdin session
 * with a flat file does not pay for it.
 *
 * Values are text here, all of them; what they mean is for each setting's `parse`.
 */
import { nearestName, settingNamed } from "./names.ts";
import { type SettingName, SETTINGS } from "./mod.ts";

/** Something to tell the administrator. */
export interface Problem {
  /** Line in the file, from 1; 0: the file as a whole. */
  readonly line: number;
  /** "error": this piece of the file can't be read at all, so the file as a whole does not parse. */
  readonly severity: "error" | "warning";
  /** A sentence without final period. */
  readonly message: string;
}

/** A setting as it stands in the file. */
export interface SettingText {
  readonly text: string;
  readonly line: number;
}

export interface ParsedCfg {
  readonly values: Map<SettingName, SettingText>;
  readonly problems: Problem[];
}

type Scalar = { text: string } | { error: string };

/** Key, its separator, and all that follows on the line. */
const ENTRY = /^\s*(["']?)([A-Za-z][\w.-]*)\1(?:(\s*[=:])(.*)|(\s.*)|)$/;
const SKIP = /^\s*(#|$)|^(---|\.\.\.)\s*(#.*)?$|^%YAML/;
const MORE_THAN_A_LINE = /^([|>][-+\d]*$|\{|"(?:[^"\\]|\\.)*\\)/;

/** Reads the text of a trace.cfg. Never rejects: what is wrong becomes a problem. */
export async function parseTraceCfg(text: string): Promise<ParsedCfg> {
  const cfg: ParsedCfg = { values: new Map(), problems: [] };
  const lines = text.replace(/^\uFEFF|^\u00EF\u00BB\u00BF/, "").split(/\r\n|\n|\r/);
  const first = lines.findIndex((l) => !SKIP.test(l));
  if (first >= 0 && /^\s*\{/.test(lines[first] ?? "")) {
    await readPiece(cfg, lines, first, lines.length, null);
    return cfg;
  }
  for (let at = first < 0 ? lines.length : first; at < lines.length;) {
    const line = lines[at] ?? "";
    at = SKIP.test(line) ? at + 1 : await readEntry(cfg, lines, at);
  }
  return cfg;
}

/** Reads the entry that begins at line index `at`; returns the index behind it. */
async function readEntry(cfg: ParsedCfg, lines: readonly string[], at: number): Promise<number> {
  const match = ENTRY.exec(lines[at] ?? "");
  if (match === null) {
    const shown = (lines[at] ?? "").trim().slice(0, 40);
    const message = `"${printable(shown)}" is neither a setting nor a comment`;
    cfg.problems.push({ line: at + 1, severity: "error", message });
    return at + 1;
  }
  const key = match[2] ?? "";
  const separator = match[3]?.trim() ?? " ";
  const rest = match[4] ?? match[5] ?? "";
  const value = withoutComment(rest, separator === "=").trim();
  const end = separator === " " ? at + 1 : pieceEnd(lines, at, value, separator);
  if (end > at + 1 || MORE_THAN_A_LINE.test(value) || isFlowSequence(value)) {
    await readPiece(cfg, lines, at, end, { key, value });
    return end;
  }
  const scalar = unquote(separator === ":" && /^(~|null)$/i.test(value) ? "" : value);
  if ("error" in scalar) {
    cfg.problems.push({ line: at + 1, severity: "error", message: scalar.error });
  } else take(cfg, key, scalar.text, at + 1);
  return end;
}

/** `[a, b]`, but not `[::1]:25`. */
const isFlowSequence = (value: string): boolean => value.startsWith("[") && value.endsWith("]");

/** Index behind the lines that belong to the entry at `at`. */
function pieceEnd(lines: readonly string[], at: number, value: string, separator: string): number {
  let end = at + 1;
  if (/^[[{]/.test(value) && !/[\]}]/.test(value)) {
    while (end < lines.length && !/[\]}]/.test(lines[end] ?? "")) end++;
    return Math.min(end + 1, lines.length);
  }
  const block = /^[|>][-+\d]*$/.test(value);
  if (separator !== ":" || (value !== "" && !block)) return end;
  const belongs = block ? /^\s+\S|^\s*$/ : /^\s+[^\s#]|^-(\s|$)/;
  while (end < lines.length) {
    let next = end;
    while (!block && next < lines.length && SKIP.test(lines[next] ?? "")) next++;
    if (next >= lines.length || !belongs.test(lines[next] ?? "")) break;
    end = next + 1;
  }
  return end;
}

/** `rest` up to a comment: `#` after a blank, or at the very beginning unless it touches a `=`. */
function withoutComment(rest: string, touching: boolean): string {
  const quoted = /^\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(rest)?.[0] ?? "";
  const tail = rest.slice(quoted.length);
  const comment = touching && quoted === "" ? /\s#/ : /(^|\s)#/;
  const found = comment.exec(tail);
  return quoted + (found === null ? tail : tail.slice(0, found.index));
}

function unquote(value: string): Scalar {
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return { text: value };
  const whole = quote === '"' ? /^"[^"]*"$/ : /^'(?:[^']|'')*'$/;
  if (!whole.test(value)) {
    return { error: `The quotes of ${printable(value)} do not end as they begin` };
  }
  const inner = value.slice(1, -1);
  return { text: quote === "'" ? inner.replaceAll("''", "'") : inner };
}

/** Hands lines `at` to `end` to the YAML parser; `entry` is null for a file that is one flow mapping. */
async function readPiece(
  cfg: ParsedCfg,
  lines: readonly string[],
  at: number,
  end: number,
  entry: { key: string; value: string } | null,
): Promise<void> {
  const { parse } = await import("@std/yaml");
  // `key=[a, b]` and odd spellings of the key are not YAML: only the value is.
  const source = entry === null
    ? lines.slice(at, end).join("\n")
    : ["value: " + entry.value, ...lines.slice(at + 1, end)].join("\n");
  let data: unknown;
  try {
    data = parse(source, { schema: "failsafe" });
  } catch (error) {
    const { line, message } = yamlFault(error);
    cfg.problems.push({ line: at + line, severity: "error", message });
    return;
  }
  for (const [name, value] of Object.entries(data as Record<string, unknown>)) {
    const key = entry?.key ?? name;
    const found = entry === null ? lines.findIndex((l, i) => i >= at && l.includes(name)) : at;
    takeYaml(cfg, key, value, Math.max(found, at) + 1);
  }
}

/** Line within the piece, from 1, and a sentence. */
function yamlFault(error: unknown): { line: number; message: string } {
  const said = error instanceof Error ? error.message : String(error);
  const line = Number(/at line (\d+)/.exec(said)?.[1] ?? 1);
  const what = (said.split("\n")[0] ?? "").replace(/ at line \d+.*$/, "").replace(/:$/, "");
  return { line, message: `Not valid YAML: ${printable(what)}` };
}

function takeYaml(cfg: ParsedCfg, key: string, value: unknown, line: number): void {
  if (typeof value === "string") return take(cfg, key, value, line);
  if (value === null || value === undefined) return take(cfg, key, "", line);
  const name = settingNamed(key);
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  if (
    name === null || (SETTINGS[name].kind === "list" && items.every((i) => typeof i === "string"))
  ) {
    if (Array.isArray(value) || name === null) return take(cfg, key, items.join(", "), line);
  }
  const message = `"${key}" takes ${
    SETTINGS[name].kind === "list" ? "a list of words" : "one value"
  }, nothing nested`;
  cfg.problems.push({ line, severity: "warning", message });
}

function take(cfg: ParsedCfg, key: string, text: string, line: number): void {
  const name = settingNamed(key);
  if (name === null) {
    const message = `Unknown setting "${key}"; the nearest known name is "${nearestName(key)}"`;
    cfg.problems.push({ line, severity: "warning", message });
    return;
  }
  const before = cfg.values.get(name);
  if (before !== undefined) {
    const message =
      `"${name}" stands in line ${before.line} already; this line is the one that counts`;
    cfg.problems.push({ line, severity: "warning", message });
  }
  cfg.values.set(name, { text, line });
}

/** Control characters as `?`, for messages. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}
