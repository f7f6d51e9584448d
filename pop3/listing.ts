/**
 * A Maildir's messages as qmail-pop3d lists them: regular files of new/ and cur/, oldest first, the unique-id being
 * the file name up to the colon. Messages of the future are not shown before their time.
 *
 * DIFFERS: messages of one second are in order of their names; qmail-pop3d has them in the order its heap gives
 * to readdir's, which changes from session to session.
 * DIFFERS: a message that arrived in this very second is shown; qmail-pop3d waits for the next second, and a
 * client that was just told of new mail would find none.
 * DIFFERS: directories, fifos and sockets are no messages; qmail-pop3d lists them and ends the session at RETR.
 */
import { createHash } from "node:crypto";
import type { DirStamp, MaildropFiles } from "./maildrop_files.ts";
import { type Known, sizeFromName } from "./size_index.ts";
import type { Steps } from "./slices.ts";

/** One message. `sent` and `octets` are filled in when they are first needed. */
export interface Message extends Known {
  /** File name below new/ or cur/. */
  readonly name: string;
  readonly inNew: boolean;
  /** The name up to its first colon. */
  readonly base: string;
  sent: number;
  /** The size that sessions show: `sent`, or the file's size where that has to do; -1: not settled yet. */
  octets: number;
  /** Other files of this Maildir have the same `base`. */
  twin: boolean;
}

/** A Maildir at one moment; shared by sessions, so nothing of one session is in here. */
export interface Listing {
  readonly messages: readonly Message[];
  /** Unique-ids, in the order of `messages`. */
  readonly uniqueIds: readonly string[];
  /** Messages by name up to the colon, twins left out. */
  readonly byBase: ReadonlyMap<string, Message>;
  readonly stamps: readonly [DirStamp, DirStamp];
  /** When the scan began, in milliseconds since 1970. */
  readonly takenMs: number;
  /** Second in which a hidden message of the future comes up; Infinity: there is none. */
  readonly nextShow: number;
  /** Messages whose facts were asked of the file system. */
  readonly asked: number;
  /** All octets together; -1: not settled yet. */
  octets: number;
  /** The files' sizes together. */
  readonly rawBytes: number;
  /** Replies that are the same for every session without deletions, once one was built. */
  readonly replies: { list: Uint8Array | null; uidl: Uint8Array | null };
}

/** The rest of a directory is read between other work when it is larger than this. */
const LARGE_DIR_BYTES = 65536;
/** Files asked for their facts in one slice. */
const SLICE = 1000;

export interface ScanOptions {
  readonly files: MaildropFiles;
  /** Path of the Maildir. */
  readonly path: string;
  /** What is known of a message already. */
  readonly known: (base: string) => Known | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The modification times of new/ and cur/. */
export function stampsOf(files: MaildropFiles, path: string): readonly [DirStamp, DirStamp] {
  return [files.stamp(`${path}/new`), files.stamp(`${path}/cur`)];
}

/** The same for a Maildir that was listed already. */
export function stampsSeen(files: MaildropFiles, path: string): readonly [DirStamp, DirStamp] {
  const stamp = (dir: string) => files.seen?.(dir) ?? files.stamp(dir);
  return [stamp(`${path}/new`), stamp(`${path}/cur`)];
}

/** Reads new/ and cur/. Throws the runtime's errors when that is not possible. */
export function* scan(options: ScanOptions): Steps<Listing> {
  const { files, path, now } = options;
  const stamps = stampsOf(files, path);
  const found: Message[] = [];
  const facts = { nextShow: Infinity, asked: 0 };
  for (const [i, dir] of (["new", "cur"] as const).entries()) {
    let names: string[] = [];
    if (stamps[i]!.size > LARGE_DIR_BYTES) {
      yield files.namesLater(`${path}/${dir}`).then((later) => void (names = later));
    } else names = files.names(`${path}/${dir}`);
    yield* collect(options, names, dir, found, facts);
  }
  const byBase = indexByBase(found);
  found.sort(compare);
  return {
    messages: found,
    uniqueIds: uniqueIds(found),
    byBase,
    stamps,
    takenMs: now,
    ...facts,
    octets: -1,
    rawBytes: found.reduce((sum, message) => sum + message.raw, 0),
    replies: { list: null, uidl: null },
  };
}

function* collect(
  options: ScanOptions,
  names: readonly string[],
  dir: "new" | "cur",
  found: Message[],
  facts: { nextShow: number; asked: number },
): Steps<void> {
  const { files, path } = options;
  const nowSeconds = Math.floor(options.now / 1000);
  for (const name of names) {
    const colon = name.indexOf(":");
    const base = colon < 0 ? name : name.slice(0, colon);
    let known = options.known(base);
    if (known === undefined) {
      known = ask(files, `${path}/${dir}/${name}`, base);
      if (++facts.asked % SLICE === 0) yield undefined;
      if (known === undefined) continue;
    }
    if (known.mtime > nowSeconds) {
      facts.nextShow = Math.min(facts.nextShow, known.mtime);
      continue;
    }
    const { mtime, raw, sent } = known;
    found.push({ name, inNew: dir === "new", base, mtime, raw, sent, octets: -1, twin: false });
  }
}

/** A file's facts; undefined when it is no message (any more). */
function ask(files: MaildropFiles, path: string, base: string): Known | undefined {
  try {
    const { isFile, mtime, size } = files.facts(path);
    return isFile ? { mtime, raw: size, sent: sizeFromName(base, size) } : undefined;
  } catch {
    // Dangling, not ours to see, or another session was faster: not listed, as in qmail-pop3d.
    return undefined;
  }
}

function compare(a: Message, b: Message): number {
  return a.mtime - b.mtime || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function indexByBase(messages: readonly Message[]): Map<string, Message> {
  const byBase = new Map<string, Message>();
  const twins = new Set<string>();
  for (const message of messages) {
    const other = byBase.get(message.base);
    if (other === undefined) byBase.set(message.base, message);
    else {
      other.twin = message.twin = true;
      twins.add(message.base);
    }
  }
  for (const base of twins) byBase.delete(base);
  return byBase;
}

/**
 * DIFFERS: RFC 1939 allows 1 to 70 characters from 0x21 to 0x7E, no two alike. qmail-pop3d gives every name as it
 * is; a name that breaks the rule, and the second and later of several equal ones, get a SHA-256 in hex instead.
 */
function uniqueIds(messages: readonly Message[]): string[] {
  const seen = new Map<string, number>();
  return messages.map((message) => {
    const { base } = message;
    let nth = 0;
    if (message.twin) {
      nth = seen.get(base) ?? 0;
      seen.set(base, nth + 1);
    }
    if (nth === 0 && /^[\x21-\x7e]{1,70}$/.test(base)) return base;
    // A slash can't be in a name, so no other name has this hash.
    return createHash("sha256").update(nth === 0 ? base : `${base}/${nth}`).digest("hex");
  });
}
