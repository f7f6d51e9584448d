/**
 * Old logs without whom they name: addresses are masked, in place.
 *
 * A line of our trace stays one: its fields are masked and its event writes it again, so that it reads as before. Lines of
 * other programs, and dialogues, are searched for addresses. A log is written anew beside itself, with its owner, mode and
 * time, and then takes its place: who has the old one open still writes to nowhere. So only logs are taken that nobody
 * has written to for as long as the caller says; rotated ones, then.
 */
import { Buffer } from "node:buffer";
import { escapeText } from "../trace/escape.ts";
import { fieldsOfLogfmt, logfmtFormat } from "../trace/logfmt.ts";
import { type Mask as OwnMask, maskField as maskOwn, maskPaths } from "../trace/privacy.ts";
import type { Fields } from "../trace/tracer.ts";
import type { Mask } from "./privacy.ts";
import { linesOf, type ReadCount, type Source } from "./sources.ts";
import { EVENTS, readText, unescapeText } from "./templates.ts";
import { takeStamp } from "./times.ts";

type Value = string | number | boolean | null;

/** A field's value without whom it names. */
function maskField(name: string, value: Value, mask: Mask, all: Readonly<Record<string, Value>>) {
  if (typeof value !== "string") return value;
  switch (name) {
    case "sender":
    case "recipient":
    case "address":
    case "user":
    case "login":
      return mask.address(value);
    case "ip":
    case "remoteip":
    case "network":
      return mask.ip(value);
    case "helo":
    case "sni":
    case "subject":
      return mask.host(value);
    case "domain":
      return mask.level === "hide" ? mask.host(value) : value;
    case "line":
      return maskDialogue(value, mask);
    default:
      return maskOwn(inOwnWords(mask), name, value, all);
  }
}

/** The names that a check of the client's address found. */
const CLIENT_NAMES = /\b(names?\[)([^\]]+)(?=\])/g;

/** `mask` for texts of ours, which name people by homes, files and client names as well. */
const inOwnWords = (mask: Mask): OwnMask => ({
  ip: mask.ip,
  name: mask.address,
  text: (text) =>
    mask.text(maskPaths(text, mask.address)).replace(
      CLIENT_NAMES,
      (_, before: string, names: string) => before + names.split(" ").map(mask.host).join(" "),
    ),
});

const maskFields = (fields: Readonly<Record<string, Value>>, mask: Mask): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, maskField(name, value, mask, fields)]),
  );

function maskDialogue(line: string, mask: Mask): string {
  const hello = line.replace(
    /^(C: )?(HELO|EHLO) (.*)$/i,
    (_, head = "", verb: string, name: string) => `${head}${verb} ${mask.host(name)}`,
  );
  return maskForeign(hello, mask);
}

/** A line that no event of ours writes. What stands in angle brackets or behind "to local" is masked as a whole. */
function maskForeign(line: string, mask: Mask): string {
  const bracketed = line.replace(/<([^<>\s]{1,320})>/g, (_, inner: string) => {
    return inner.includes("@") && inner !== "#@[]" ? `<${mask.address(inner)}>` : `<${inner}>`;
  });
  const named = /^(.*?\bto (?:local|remote) )(\S+@\S+)$/.exec(bracketed);
  if (named !== null) return `${named[1]}${mask.address(named[2] ?? "")}`;
  return mask.text(bracketed);
}

const KATR = /^(\([0-4]\) \(\d+\) )(\w+): (.*)$/s;
const SUFFIX = / \(remoteip: [0-9A-Fa-f.:/]+\)$/;

/** Fields of names, which may be all digits. */
const NAMED = /^(user|login|helo|key|sender|recipient|address)$/;

/** Numbers as numbers: texts count with them. */
const typed = (fields: Readonly<Record<string, string>>): Record<string, Value> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [
      name,
      /^(0|[1-9]\d{0,14})$/.test(text) && !NAMED.test(name) ? Number(text) : text,
    ]),
  );

function maskKatr(body: string, mask: Mask): string | null {
  const match = KATR.exec(body);
  if (match === null) return null;
  const [, head = "", fn = "", whole = ""] = match;
  const suffix = SUFFIX.exec(whole)?.[0] ?? "";
  const text = whole.slice(0, whole.length - suffix.length);
  const read = readText(fn, text);
  const fields = read === null ? {} : typed(read.fields);
  const again = read === null ? "" : escapeText(read.event.text(fields as Fields));
  // Only what is understood to the letter is written again.
  const masked = read !== null && again === ascii(text)
    ? binary(escapeText(read.event.text(maskFields(fields, mask) as Fields)))
    : maskDialogue(text, mask);
  return `${head}${fn}: ${masked}${suffix === "" ? "" : mask.text(suffix)}`;
}

/** Bytes of a file as the characters they are, and back. */
const ascii = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");
const binary = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const OWN = new Set(["time", "level", "session", "id", "fn", "text"]);

function maskJson(line: string, mask: Mask): string | null {
  let object: Readonly<Record<string, unknown>>;
  try {
    object = JSON.parse(ascii(line)) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
  const own = Object.entries(object).filter(([name]) => !OWN.has(name));
  const fields = maskFields(Object.fromEntries(own) as Record<string, Value>, mask);
  const event = EVENTS.get(String(object["id"]));
  const plain: Record<string, Value> = {};
  for (const [name, value] of Object.entries(fields)) plain[name.replace(/_$/, "")] = value;
  const text = event === undefined
    ? mask.text(String(object["text"] ?? ""))
    : escapeText(event.text({ ...plain, ...fields } as Fields));
  const masked = JSON.stringify({ ...object, ...fields, text })
    .replace(
      /[\x7f-\x9f\u2028\u2029]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  return binary(masked);
}

function maskLogfmt(line: string, mask: Mask): string | null {
  const pairs = fieldsOfLogfmt(line);
  const event = EVENTS.get(pairs?.get("id") ?? "");
  if (pairs === null || event === undefined) return null;
  const own = [...pairs].filter(([name]) => !OWN.has(name));
  const fields = Object.fromEntries(
    own.map(([name, text]) => [name.replace(/_$/, ""), unescapeText(text)]),
  );
  const masked = maskFields(typed(fields), mask) as Fields;
  const whenMs = Date.parse(pairs.get("time") ?? "");
  const session = Number(pairs.get("session"));
  return binary(logfmtFormat()(whenMs, session, event, masked)).slice(0, -1);
}

/** One line (binary, without its end) without whom it names. */
export function maskLine(line: string, mask: Mask): string {
  if (line.startsWith("time=")) return maskLogfmt(line, mask) ?? maskForeign(line, mask);
  if (line.startsWith("{")) return maskJson(line, mask) ?? maskForeign(line, mask);
  const { body } = takeStamp(line, 0);
  if (!line.endsWith(body)) return maskForeign(line, mask);
  const inner = takeStamp(body, 0).body;
  const rest = body.endsWith(inner) ? inner : body;
  const stamp = line.slice(0, line.length - rest.length);
  const masked = rest.startsWith("{") ? maskJson(rest, mask) : maskKatr(rest, mask);
  return stamp + (masked ?? maskForeign(rest, mask));
}

async function* maskedPieces(source: Source, mask: Mask, count: ReadCount) {
  for await (const lines of linesOf(source, count)) {
    if (lines.length === 0) continue;
    count.lines += lines.length;
    const text = lines.map((line) => `${maskLine(line, mask)}\n`).join("");
    yield Uint8Array.from(Buffer.from(text, "latin1"));
  }
}

function isGzip(path: string): boolean {
  using file = Deno.openSync(path);
  const head = new Uint8Array(2);
  return file.readSync(head) === 2 && head[0] === 0x1f && head[1] === 0x8b;
}

/** Writes `source`, a file, anew with its addresses masked. @throws {SourceError} or what the file system says */
export async function anonymiseFile(source: Source, mask: Mask, count: ReadCount): Promise<void> {
  const path = Deno.realPathSync(source.name);
  const before = Deno.statSync(path);
  const made = `${path}.qfront-${Deno.pid}`;
  const file = await Deno.open(made, { write: true, createNew: true, mode: 0o600 });
  try {
    const pieces = ReadableStream.from(maskedPieces(source, mask, count));
    const packed = isGzip(path) ? pieces.pipeThrough(new CompressionStream("gzip")) : pieces;
    for await (const piece of packed) {
      for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
    }
    await file.sync();
    file.close();
    if (before.uid !== null && Deno.uid() === 0) Deno.chownSync(made, before.uid, before.gid ?? 0);
    if (before.mode !== null) Deno.chmodSync(made, before.mode & 0o7777);
    if (before.mtime !== null) Deno.utimeSync(made, before.atime ?? before.mtime, before.mtime);
    Deno.renameSync(made, path);
  } catch (error) {
    Deno.removeSync(made);
    throw error;
  }
}
