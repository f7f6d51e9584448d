/**
 * Changes to the text of users/poppasswd: one login's line is put in or taken out, every other line
 * - comments, order, line ends, lines that are wrong - stays as it is, byte for byte. Pure: text
 * in, text out.
 */
import { lowerAscii } from "./bytes.ts";
import { readEntry, readLine } from "./poppasswd_file.ts";
import type { Account } from "./types.ts";

/** A change that can't be made. The message is a sentence. */
export class EditError extends Error {
  override name = "EditError";
}

export type Place = Pick<Account, "user" | "uid" | "gid" | "home" | "maildir">;

/** Lines with their ends. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const lineEnd = (line: string): string => /\r?\n$/.exec(line)?.[0] ?? "";

function numbersOf(lines: readonly string[], login: string): number[] {
  const key = lowerAscii(login);
  return lines.flatMap((raw, i) => {
    const line = readLine(raw, i + 1);
    const found = line.kind === "comment"
      ? null
      : line.kind === "login"
      ? line.entry.login
      : line.login;
    return found === key ? [i] : [];
  });
}

/**
 * Where the one line of `login` is; -1: nowhere. @throws {EditError} when it stands there twice.
 */
function find(lines: readonly string[], login: string): number {
  const found = numbersOf(lines, login);
  if (found.length > 1) {
    const numbers = found.map((i) => i + 1).join(" and ");
    throw new EditError(`The login "${login}" stands in lines ${numbers}: delete it first`);
  }
  return found[0] ?? -1;
}

/** The fields behind the hash, as `place` says; "" when it says nothing. */
export function placeText(place: Place): string {
  const owner = place.user ?? place.uid?.toString() ?? "";
  const fields = [owner];
  if (place.gid !== null) fields.push(String(place.gid));
  if (place.home !== null) fields.push(place.home);
  if (place.home !== null && place.maildir !== null) fields.push(place.maildir);
  return fields.length === 1 && owner === "" ? "" : `:${fields.join(":")}`;
}

/** What a login's line says of its place; null: there is no such line, or it can't be read. */
export function placeOf(text: string, login: string): Place | null {
  const lines = linesOf(text);
  const at = find(lines, login);
  const line = at < 0 ? null : readLine(lines[at] ?? "", at + 1);
  if (line?.kind !== "login") return null;
  const { user, uid, gid, home, maildir } = line.entry.account;
  return { user, uid, gid, home, maildir };
}

/**
 * Gives `login` the stored password `hash`; `place` null: what stood behind the hash before stays.
 * @throws {EditError} when the line would be unusable.
 */
export function setLogin(text: string, login: string, hash: string, place: Place | null): string {
  const lines = linesOf(text);
  const at = find(lines, login);
  const old = lines[at] ?? "";
  const oldFields = old.slice(0, old.length - lineEnd(old).length).split(":").slice(2);
  const kept = oldFields.length === 0 ? "" : `:${oldFields.join(":")}`;
  const rest = hash + (place === null ? kept : placeText(place));
  const reading = readEntry(login, rest);
  if ("fault" in reading) throw new EditError(reading.fault);
  const last = lines.at(-1);
  if (at >= 0) {
    const name = old.slice(0, old.indexOf(":"));
    lines[at] = `${name}:${rest}${lineEnd(old) || "\n"}`;
    return lines.join("");
  }
  if (last !== undefined && lineEnd(last) === "") lines[lines.length - 1] = `${last}\n`;
  return `${lines.join("")}${lowerAscii(login)}:${rest}\n`;
}

/** Takes every line of `login` out. @throws {EditError} when there is none. */
export function deleteLogin(text: string, login: string): string {
  const lines = linesOf(text);
  const gone = new Set(numbersOf(lines, login));
  if (gone.size === 0) throw new EditError(`There is no login "${login}"`);
  return lines.filter((_, i) => !gone.has(i)).join("");
}
