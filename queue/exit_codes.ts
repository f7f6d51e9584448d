/**
 * What the end of a qmail-queue program means for the client.
 *
 * Mirrors qmail.c's qmail_close: 0 is queued, 11 to 40 and 115 are permanent, everything else is temporary; 82 lets the program
 * say it in its own words on fd 6, beginning with D (permanent) or Z (temporary).
 * DIFFERS: line ends in those words become blanks, so that a program can't write further replies into the dialogue.
 */
import type { NotQueued, QueueOutcome } from "./types.ts";
import type { ProgramEnd } from "./program.ts";

/** Exit code -> enhanced status code and sentence. */
const MEANING: Readonly<Record<number, readonly [string, string]>> = {
  11: ["5.1.3", "An envelope address is too long for qmail-queue"],
  31: ["5.3.0", "The mail server permanently rejected this message"],
  51: ["4.3.0", "qmail-queue is out of memory"],
  52: ["4.3.0", "qmail-queue took too long"],
  53: ["4.3.0", "qmail-queue had a write error, or its disk is full"],
  54: ["4.3.0", "qmail-queue had a read error"],
  55: ["4.3.0", "qmail-queue is unable to read its configuration"],
  56: ["4.3.0", "qmail-queue had trouble making a network connection"],
  61: ["4.3.0", "qmail-queue had trouble in its home directory"],
  62: ["4.3.0", "qmail-queue had trouble in its queue directory"],
  63: ["4.3.0", "qmail-queue had trouble creating files in the queue"],
  64: ["4.3.0", "qmail-queue had trouble creating files in the queue"],
  65: ["4.3.0", "qmail-queue had trouble creating files in the queue"],
  66: ["4.3.0", "qmail-queue had trouble creating files in the queue"],
  71: ["4.3.0", "The mail server temporarily rejected this message"],
  72: ["4.4.1", "The connection to the mail server timed out"],
  73: ["4.4.1", "The connection to the mail server was rejected"],
  74: ["4.4.2", "Communication with the mail server failed"],
  81: ["4.3.0", "qmail-queue has an internal bug"],
  91: ["4.3.0", "qmail-queue did not understand the envelope"],
  115: ["5.1.3", "An envelope address is too long for qmail-queue"],
  120: ["4.3.0", "The qmail-queue program could not be executed"],
  126: ["4.3.0", "The qmail-queue program could not be executed"],
  127: ["4.3.0", "The qmail-queue program was not found"],
};

const CUSTOM = 82;
/** Longest own words in a reply, in bytes. */
const LONGEST_WORDS = 400;

/** The outcome for a program that ended. `id` is what a queued message is known by. */
export function outcomeOfEnd(end: ProgramEnd, words: string, id: string): QueueOutcome {
  const { code, signal } = end;
  if (code === null) {
    const how = signal === null ? "ended in an unknown way" : `crashed (signal ${signal})`;
    return told("deferred", "4.3.0", `qmail-queue ${how}`);
  }
  if (code === 0) return { kind: "queued", id };
  if (code === CUSTOM && words.length > 2) return outcomeOfWords(words);
  const permanent = (code >= 11 && code <= 40) || code === 115;
  const kind = permanent ? "refused" : "deferred";
  const known = MEANING[code];
  if (known !== undefined) return told(kind, known[0], known[1]);
  return permanent
    ? told(kind, "5.3.0", `qmail-queue had a permanent problem (exit ${code})`)
    : told(kind, "4.3.0", `qmail-queue had a temporary problem (exit ${code})`);
}

/** All of these sentences are for clients, as qmail-smtpd's are. */
const told = (kind: NotQueued["kind"], code: string, reason: string): NotQueued => ({
  kind,
  code,
  reason,
  isPublic: true,
});

/** `Dreason` or `Zreason`, also as QMQP servers answer; a code such as (#5.7.1) in the text is taken from there. */
export function outcomeOfWords(words: string): QueueOutcome {
  const permanent = words.startsWith("D");
  // deno-lint-ignore no-control-regex
  const text = words.slice(1, LONGEST_WORDS).replace(/[\x00-\x1f\x7f]+/g, " ").trim();
  const stated = /\(#([245]\.\d{1,3}\.\d{1,3})\)/.exec(text);
  const reason = text.replace(/\s*\(#[\d.]+\)\s*$/, "");
  const code = stated?.[1] ?? "";
  return permanent
    ? told("refused", code.startsWith("5") ? code : "5.3.0", reason)
    : told("deferred", code.startsWith("4") ? code : "4.3.0", reason);
}
