/**
 * Every answer of the QMTP and QMQP services, once: K (done), Z (try again) or D (never), and a text with the status
 * code of RFC 3463 at its end, as qmail-qmtpd and qmail-qmqpd write it. Ids never change; the trace speaks of them.
 */
import { publicReason } from "../queue/incoming.ts";
import type { PolicyReply } from "../policy/types.ts";
import type { QueueOutcome } from "../queue/types.ts";

/** One answer. */
export interface Reply {
  readonly id: string;
  readonly letter: "K" | "Z" | "D";
  readonly text: string;
  /** Status code such as "5.1.1"; "" for K. */
  readonly code: string;
}

/** Longest text in bytes, so that every client's buffer holds it. */
const MAX_TEXT = 480;

/** Control characters become "?", what is too long is cut. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, MAX_TEXT).replace(/[\x00-\x1f\x7f]/g, "?");
}

function reply(id: string, letter: Reply["letter"], code: string, text: string): Reply {
  return { id, letter, code, text: oneLine(text) };
}

export const REPLIES = {
  unknown_recipient: reply("unknown_recipient", "D", "5.1.1", "no mailbox here by that name"),
  relay_refused: reply(
    "relay_refused",
    "D",
    "5.7.1",
    "sorry, that domain isn't in my list of allowed rcpthosts",
  ),
  bad_recipient: reply("bad_recipient", "D", "5.1.3", "sorry, I can't handle that recipient"),
  no_recipient: reply("no_recipient", "D", "5.1.3", "sorry, there is no recipient"),
  bad_sender: reply("bad_sender", "D", "5.1.7", "unacceptable sender"),
  too_big: reply(
    "too_big",
    "D",
    "5.3.4",
    "sorry, that message size exceeds my databytes limit",
  ),
  undecided_refused: reply("undecided_refused", "D", "5.1.1", "recipient can't be decided"),
  undecided: reply(
    "undecided",
    "Z",
    "4.3.0",
    "recipient can't be decided now, try again later",
  ),
  no_delivery: reply(
    "no_delivery",
    "Z",
    "4.3.0",
    "recipient can't be served now, try again later",
  ),
  too_many_recipients: reply("too_many_recipients", "Z", "4.5.3", "too many recipients"),
  site_unusable: reply(
    "site_unusable",
    "Z",
    "4.3.0",
    "unable to read controls, try again later",
  ),
  queue_deferred: reply(
    "queue_deferred",
    "Z",
    "4.3.0",
    "message can't be taken now, try again later",
  ),
  queue_refused: reply("queue_refused", "D", "5.3.0", "message refused"),
  too_busy: reply("too_busy", "Z", "4.3.2", "too many sessions, try again later"),
  too_many_sessions: reply(
    "too_many_sessions",
    "Z",
    "4.7.0",
    "too many sessions of your address, try again later",
  ),
  fault: reply("fault", "Z", "4.3.0", "session failed here, try again later"),
  too_slow: reply("too_slow", "Z", "4.4.2", "nothing came for too long"),
  shutdown: reply("shutdown", "Z", "4.3.2", "service is stopping, try again later"),
} as const satisfies Readonly<Record<string, Reply>>;

/** The answer that a hand-over came to. `seconds`: since 1970; `session`: its number in the trace. */
export function replyOfOutcome(outcome: QueueOutcome, seconds: number, session: number): Reply {
  if (outcome.kind === "queued") return reply("accepted", "K", "", `ok ${seconds} ${outcome.id}`);
  const general = outcome.kind === "refused" ? REPLIES.queue_refused : REPLIES.queue_deferred;
  const text = publicReason(outcome, general.text, session);
  return reply(general.id, general.letter, outcome.code, text);
}

/** An answer of policy: 4xx is Z, 5xx is D. */
export function replyOf({ id, code, enhanced, text }: PolicyReply): Reply {
  return reply(id, code >= 500 ? "D" : "Z", enhanced, text);
}

/** The same answer as one that may come again: what soft_reject makes of D. */
export function softOf(hard: Reply): Reply {
  return hard.letter !== "D" ? hard : { ...hard, letter: "Z", code: hard.code.replace(/^5/, "4") };
}

/** The same answer, naming the recipient that it is about. */
export function aboutRecipient(about: Reply, address: string): Reply {
  return { ...about, text: oneLine(`${about.text}: ${address}`) };
}

/** An answer as its client sees it. */
export function answerText({ letter, text, code }: Reply): string {
  return code === "" ? `${letter}${text}` : `${letter}${text} (#${code})`;
}

/** An answer as it is sent: a netstring, one char a byte. */
export function netstringOf(reply: Reply): string {
  const text = answerText(reply);
  return `${text.length}:${text},`;
}
