/**
 * Control files as qmail reads them: one line, a list of entries, or a number; read again when they
 * change.
 *
 * Mirrors control.c (control_readline, control_readfile, control_readint) and the cutting of lists
 * at NUL in constmap.c. A missing file is null; a directory or an unreadable file is a
 * ControlError. Nothing here knows what the files mean.
 */
import type { Failed, Files, Watched } from "./files.ts";
import { errnoWords, failureWords } from "./trouble.ts";
import { ControlError, type ControlTexts } from "./types.ts";
import { latin1 } from "../cdb/bytes.ts";

/** A file's text with everything that was ever read out of it, until it changes. */
interface Kept {
  readonly watched: Watched;
  bytes: Uint8Array | Failed | null;
  checked: number;
  text: string;
  entries: readonly string[] | null;
}

/** Strips what qmail strips at a line's end: space, tab and LF, nothing else. */
export function stripEnd(line: string): string {
  let end = line.length;
  for (; end > 0; end--) {
    const char = line.charCodeAt(end - 1);
    if (char !== 32 && char !== 9 && char !== 10) break;
  }
  return end === line.length ? line : line.slice(0, end);
}

/** The first line of a control file. */
export function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return stripEnd(end < 0 ? text : text.slice(0, end));
}

/** The entries of a control file: no comments, no empty lines; a NUL begins a new entry. */
export function entriesOf(text: string): string[] {
  const entries: string[] = [];
  for (const raw of text.split("\n")) {
    const line = stripEnd(raw);
    const first = line.charCodeAt(0);
    if (line === "" || first === 0 || first === 35) continue;
    if (line.includes("\0")) entries.push(...line.split("\0"));
    else entries.push(line);
  }
  return entries;
}

/** An entry with its line, from 1. */
export interface EntryLine {
  readonly entry: string;
  readonly line: number;
}

/** The entries of a control file with the lines they stand in: for people, who look for them there. */
export function entryLines(text: string): EntryLine[] {
  return text.split("\n").flatMap((raw, i) =>
    entriesOf(raw).map((entry) => ({ entry, line: i + 1 }))
  );
}

/** Digits at the beginning of a line; null where it has none (scan_ulong finds no number). */
export function leadingNumber(line: string): number | null {
  const digits = /^[0-9]+/.exec(line)?.[0];
  return digits === undefined ? null : Number(digits);
}

export type { ControlTexts };

/**
 * `recheckMs`: how long an answer may be old; 0 looks every time. `directory`: absolute, within the
 * site.
 */
export function openControl(files: Files, directory: string, recheckMs: number): ControlTexts {
  const known = new Map<string, Kept>();

  function keep(name: string): Kept {
    let kept = known.get(name);
    if (kept === undefined) {
      const path = name.startsWith("/") ? name : `${directory}/${name}`;
      kept = {
        watched: files.watch(path),
        bytes: null,
        checked: -Infinity,
        text: "",
        entries: null,
      };
      known.set(name, kept);
    }
    return kept;
  }

  /** null: there is no such file. */
  function current(name: string): Kept | null {
    const kept = keep(name);
    const now = recheckMs > 0 ? performance.now() : Infinity;
    if (kept.bytes === null || now - kept.checked >= recheckMs || recheckMs === 0) {
      const bytes = kept.watched.bytes();
      kept.checked = now;
      if (bytes !== kept.bytes) {
        kept.bytes = bytes;
        kept.entries = null;
        kept.text = bytes instanceof Uint8Array ? latin1(bytes) : "";
      }
    }
    if (kept.bytes instanceof Uint8Array) return kept;
    const failure = kept.bytes;
    if (failure === null || failure.errno === "ENOENT") return null;
    const what = failure.hidden ? failureWords(failure) : errnoWords(failure.errno);
    throw new ControlError(`The control file ${kept.watched.path} can't be read: ${what}`);
  }

  return {
    text: (name) => current(name)?.text ?? null,
    line(name) {
      const kept = current(name);
      return kept === null ? null : firstLine(kept.text);
    },
    lines(name) {
      const kept = current(name);
      if (kept === null) return null;
      kept.entries ??= entriesOf(kept.text);
      return kept.entries;
    },
    integer(name) {
      const kept = current(name);
      return kept === null ? null : leadingNumber(firstLine(kept.text));
    },
  };
}
