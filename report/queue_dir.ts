/**
 * qmail's queue, read and never touched: who waits for what, as qmail-qread says it, and how much of it is backscatter
 * in flight - messages without sender to somebody elsewhere.
 *
 * Layout (INTERNALS of qmail): info/N/ID holds "F<sender>\0", local/N/ID and remote/N/ID "T<recipient>\0" while it
 * waits and "D..." when it is done, mess/N/ID the message; mess and info may be split by any number. Files that vanish while
 * we look were delivered.
 */
import { Buffer } from "node:buffer";
import type { Mask } from "./privacy.ts";
import type { QueueMessage, QueueReport } from "./report_types.ts";

const MOST_LISTED = 10_000;
const MOST_TROUBLES = 20;
const HEAD_BYTES = 65_536;

interface Seen {
  messages: number;
  local: number;
  remote: number;
  bytes: number;
  oldestMs: number | null;
  backscatter: number;
  doubles: number;
  readonly list: QueueMessage[];
  readonly troubles: string[];
}

/** Runs `action`; what is gone is null, other trouble a sentence. */
function attempt<T>(path: string, troubles: string[], action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    const said = error instanceof Error ? error.message : String(error);
    const why = said.replace(/ \(os error \d+\).*$/s, "");
    if (troubles.length < MOST_TROUBLES) troubles.push(`"${path}" can't be read: ${why}`);
    return null;
  }
}

/** IDs below a split directory, with their paths. */
function* entriesOf(directory: string, troubles: string[]): Generator<[number, string]> {
  const list = (path: string) => attempt(path, troubles, () => [...Deno.readDirSync(path)]) ?? [];
  for (const entry of list(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isFile && /^\d+$/.test(entry.name)) yield [Number(entry.name), path];
    if (!entry.isDirectory) continue;
    for (const { name } of list(path)) {
      if (/^\d+$/.test(name)) yield [Number(name), `${path}/${name}`];
    }
  }
}

const read = (path: string, troubles: string[]): string | null =>
  attempt(path, troubles, () => Buffer.from(Deno.readFileSync(path)).toString("latin1"));

/** Recipients that wait, and how many are done. */
function recipientsOf(text: string): { waiting: string[]; done: number } {
  const entries = text.split("\0").filter((entry) => entry !== "");
  const waiting = entries.filter((entry) => entry.startsWith("T")).map((entry) => entry.slice(1));
  return { waiting, done: entries.length - waiting.length };
}

/** The first bytes of a file. */
function headOf(path: string, troubles: string[]): string {
  return attempt(path, troubles, () => {
    using file = Deno.openSync(path);
    const buffer = new Uint8Array(HEAD_BYTES);
    const bytes = file.readSync(buffer) ?? 0;
    return Buffer.from(buffer.buffer, 0, bytes).toString("latin1");
  }) ?? "";
}

/** Whom a bounce (qmail's format QSBMF) could not reach, and the Return-Path of the message below. */
export function readBounce(text: string): { failed: string[]; returnPath: string | null } {
  const body = text.slice(text.indexOf("\n\n") + 2);
  const below = body.indexOf("--- Below this line is a copy of the message.");
  const reports = below < 0 ? body : body.slice(0, below);
  const failed = [...reports.matchAll(/^<([^\n]{1,1000})>:$/gm)].map((match) => match[1] ?? "");
  const path = below < 0 ? null : /^Return-Path: <([^\n>]*)>/m.exec(body.slice(below));
  return { failed: failed.slice(0, 50), returnPath: path?.[1] ?? null };
}

function look(top: string, id: number, infoPath: string, seen: Seen, mask: Mask, lists: boolean) {
  const { troubles } = seen;
  const part = infoPath.slice(`${top}/info/`.length);
  const info = attempt(infoPath, troubles, () => Deno.statSync(infoPath));
  const size = attempt(part, troubles, () => Deno.statSync(`${top}/mess/${part}`).size);
  const sender = /^F([^\0]*)/.exec(read(infoPath, troubles) ?? "")?.[1];
  // What can't be read is no message without sender.
  if (info === null || size === null || sender === undefined) return;
  const local = recipientsOf(read(`${top}/local/${part}`, troubles) ?? "");
  const remote = recipientsOf(read(`${top}/remote/${part}`, troubles) ?? "");
  const arrivedMs = info.mtime?.getTime() ?? 0;
  seen.messages++;
  seen.local += local.waiting.length;
  seen.remote += remote.waiting.length;
  seen.bytes += size;
  seen.oldestMs = Math.min(seen.oldestMs ?? arrivedMs, arrivedMs);
  if (sender === "" && remote.waiting.length > 0) seen.backscatter++;
  if (sender === "#@[]") seen.doubles++;
  if (!lists || seen.list.length >= MOST_LISTED) return;
  const bounce = sender === "" || sender === "#@[]"
    ? readBounce(headOf(`${top}/mess/${part}`, troubles))
    : { failed: [], returnPath: null };
  seen.list.push({
    id,
    arrived: new Date(arrivedMs).toISOString(),
    bytes: size,
    sender: sender === "#@[]" ? sender : mask.address(sender),
    local: local.waiting.map((r) => mask.address(r)),
    remote: remote.waiting.map((r) => mask.address(r)),
    done: local.done + remote.done,
    failed: bounce.failed.map((r) => mask.address(r)),
    return_path: bounce.returnPath === null ? null : mask.address(bounce.returnPath),
  });
}

/** The queue below `directory`. `lists`: name each message. */
export function readQueue(directory: string, mask: Mask, lists: boolean): QueueReport {
  const top = directory.replace(/(?<=.)\/+$/, "");
  const seen: Seen = {
    messages: 0,
    local: 0,
    remote: 0,
    bytes: 0,
    oldestMs: null,
    backscatter: 0,
    doubles: 0,
    list: [],
    troubles: [],
  };
  for (const [id, path] of entriesOf(`${top}/info`, seen.troubles)) {
    look(top, id, path, seen, mask, lists);
  }
  seen.list.sort((a, b) => a.arrived < b.arrived ? -1 : 1);
  const count = (name: string) => [...entriesOf(`${top}/${name}`, seen.troubles)].length;
  return {
    directory,
    messages: seen.messages,
    todo: count("todo"),
    local_recipients: seen.local,
    remote_recipients: seen.remote,
    bytes: seen.bytes,
    oldest: seen.oldestMs === null ? null : new Date(seen.oldestMs).toISOString(),
    backscatter: seen.backscatter,
    double_bounces: seen.doubles,
    bounce_files: count("bounce"),
    troubles: seen.troubles,
    list: seen.list,
    list_cut: lists && seen.messages > seen.list.length,
  };
}
