/**
 * One setting changed in the text of a trace.cfg, and nothing else: comments, order, spelling and line ends stay, byte for
 * byte.
 *
 * What is written is read back before it is returned: the setting must have its value and every other one must be as it was.
 * Values of several lines, and files that are one flow mapping, are left to an editor.
 */
import type { SettingName } from "./mod.ts";
import { type ParsedCfg, parseTraceCfg } from "./parse.ts";

/** The text can't be changed by a program: one sentence, with the line where there is one. */
export class EditError extends Error {
  override name = "EditError";
}

/** A changed text. */
export interface Edit {
  readonly text: string;
  /** Line that changed, from 1. */
  readonly line: number;
  /** The line as it was, without its end; null: it is new. */
  readonly before: string | null;
  readonly after: string;
}

const LINES = /[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g;
/** A mark of byte order, blanks, the key, and what parts it from its value. */
const HEAD = /^(?:\uFEFF|\u00EF\u00BB\u00BF)?\s*(["']?)[A-Za-z][\w.-]*\1(?:\s*[=:]\s*|\s+)?/;
const LINE_END = /[\r\n]*$/;

/** `line` with `value` in the place of `old`. @throws {EditError} */
function changeLine(line: string, number: number, old: string, value: string): string {
  const head = HEAD.exec(line)?.[0] ?? "";
  const rest = line.slice(head.length);
  const quote = /^["']/.exec(rest)?.[0] ?? "";
  if (quote !== "" && rest.startsWith(quote + old + quote)) {
    return head + quote + value + rest.slice(quote.length + old.length);
  }
  if (head === "" || (old === "" ? !/^(?:#|$)/.test(rest) : !rest.startsWith(old))) {
    throw new EditError(`Line ${number} says it in a way that only an editor can change`);
  }
  const parted = /[=:\s]$/.test(head) ? head : `${head} `;
  const spaced = old === "" && /:$/.test(parted) ? `${parted} ` : parted;
  const tail = rest.slice(old.length);
  return `${spaced}${value}${old === "" && tail !== "" ? " " : ""}${tail}`;
}

/** Index behind the commented line that shows the setting's default, else the end. */
function placeFor(lines: readonly string[], name: string): number {
  const comment = new RegExp(`^\\s*#\\s*${name}\\s*[:=]`, "i");
  const found = lines.findLastIndex((line) => comment.test(line));
  return found < 0 ? lines.length : found + 1;
}

/** `text` with a line of its own for the setting, at line index `at`. */
function insertLine(lines: readonly string[], at: number, entry: string): Edit {
  const end = /\r\n|\n|\r/.exec(lines[0] ?? "")?.[0] ?? "\n";
  const before = [...lines.slice(0, at)];
  const last = before.at(-1);
  if (last !== undefined && !/[\r\n]$/.test(last)) before[before.length - 1] = last + end;
  const text = [...before, entry + end, ...lines.slice(at)].join("");
  return { text, line: at + 1, before: null, after: entry };
}

const errorsOf = (cfg: ParsedCfg) => cfg.problems.filter(({ severity }) => severity === "error");

/** Is `after` as `before` but for `name`, which is `value`? */
function isOnly(before: ParsedCfg, after: ParsedCfg, name: SettingName, value: string): boolean {
  if (errorsOf(after).length > 0 || after.values.get(name)?.text !== value) return false;
  const names = new Set([...before.values.keys(), ...after.values.keys()]);
  names.delete(name);
  return [...names].every((one) => before.values.get(one)?.text === after.values.get(one)?.text);
}

/** `text` with setting `name` at `value`, which is one word. @throws {EditError} (rejects) */
export async function editSetting(text: string, name: SettingName, value: string): Promise<Edit> {
  const cfg = await parseTraceCfg(text);
  const [fault] = errorsOf(cfg);
  if (fault !== undefined) {
    throw new EditError(`Line ${fault.line} must be mended first: ${fault.message}`);
  }
  const lines = text.match(LINES) ?? [];
  for (const edit of candidates(cfg, lines, name, value)) {
    if (isOnly(cfg, await parseTraceCfg(edit.text), name, value)) return edit;
  }
  throw new EditError(
    `"${name}: ${value}" can't be put in by a program: the file is more than lines`,
  );
}

/** What may be tried, the best first. @throws {EditError} */
function candidates(
  cfg: ParsedCfg,
  lines: readonly string[],
  name: SettingName,
  value: string,
): Edit[] {
  const found = cfg.values.get(name);
  if (found === undefined) {
    const entry = `${name}: ${value}`;
    const places = new Set([placeFor(lines, name), lines.length]);
    return [...places].map((at) => insertLine(lines, at, entry));
  }
  const at = found.line - 1;
  const line = lines[at] ?? "";
  const end = LINE_END.exec(line)?.[0] ?? "";
  const before = line.slice(0, line.length - end.length);
  const after = changeLine(before, found.line, found.text, value);
  const text = [...lines.slice(0, at), after + end, ...lines.slice(at + 1)].join("");
  return [{ text, line: found.line, before, after }];
}
