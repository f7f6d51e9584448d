/**
 * A difference as a person wants to read it: where, the dialogue before it, what was expected, what came, and in common
 * cases what that means.
 */
import type { Difference } from "./difference.ts";

const MAX_CHARS = 200;

function show(text: string): string {
  const shown = text.length > MAX_CHARS
    ? `${text.slice(0, MAX_CHARS)}...(${text.length} bytes)`
    : text;
  return shown.replace(/[^ -~]/g, (c) => "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0"));
}

/** The difference in `name`, several lines without a line end behind the last. */
export function describeDifference(name: string, difference: Difference): string {
  const { line, before, expected, got } = difference;
  const at = firstUnlike(difference);
  const hint = hintFor(difference);
  return [
    `${name}:${line}: the server says something else`,
    ...before.map((l) => `      ${show(l)}`),
    `  expected: ${show(expected)}`,
    `  got:      ${show(got)}`,
    ...(at === null ? [] : [`            ${" ".repeat(at)}^`]),
    ...(hint === null ? [] : [`  hint:     ${hint}`]),
  ].join("\n");
}

/** The column in which the two lines part, where that is behind their codes and before the first star. */
function firstUnlike({ came, expected, got }: Difference): number | null {
  if (came !== "line" || /[^ -~]|\\/.test(expected) || /[^ -~]/.test(got)) return null;
  let at = 0;
  while (at < expected.length && at < got.length && expected[at] === got[at]) at++;
  return at < 4 || expected[at] === "*" || at >= MAX_CHARS ? null : at;
}

/** What a common difference means; null: nothing is known about it. */
export function hintFor(difference: Difference): string | null {
  switch (difference.came) {
    case "other":
      return difference.got.startsWith("a line that ends in LF")
        ? "RFC 5321, section 2.3.8, and RFC 1939 want CR LF at the end of every line"
        : null;
    case "nothing":
      return hintForNothing(difference);
    case "end":
      return hintForEnd(difference);
    case "line":
      return hintForLine(difference);
  }
}

const lastReply = ({ before }: Difference): string =>
  before.findLast((line) => line.startsWith("S: "))?.slice(3) ?? "";

function hintForNothing(difference: Difference): string {
  if (lastReply(difference).startsWith("354")) {
    return 'after 354 the server waits for the end of the mail data: "C: ." on a line of its own';
  }
  return "the server waits too, or is slow; a limit for each answer is set with --wait";
}

function hintForEnd(difference: Difference): string | null {
  const said = lastReply(difference);
  if (/^421/.test(said)) {
    return "421 ends a session: what the client sends after it is not answered";
  }
  if (/^221|^\+OK bye/.test(said)) return "the session was over with the answer to QUIT";
  return 'where a server may end the session, the transcript says "S: <eof>"';
}

function hintForLine(difference: Difference): string | null {
  const { expected, got } = difference;
  if (expected.startsWith("nothing")) {
    return 'the server says more than is expected: "S: ..." takes any number of lines';
  }
  if (/^\d{3}-/.test(got) && /^\d{3} /.test(expected)) {
    return 'an answer of several lines: "S: ..." before this line takes those in front';
  }
  if (expected === "the end of the session") return "the session goes on";
  return hintForCode(difference);
}

const RCPT = /^rcpt to: *<?([^<> ]+@[^<> ]+)>?/i;

/** The recipient that the line in question answers; undefined: none, or one of several that were sent together. */
function askedRecipient({ before }: Difference): string | undefined {
  const at = before.findLastIndex((line) => line.startsWith("C: "));
  if (before[at - 1]?.startsWith("C: ") === true) return undefined;
  return RCPT.exec(before[at]?.slice(3) ?? "")?.[1];
}

/** By the classes of the two codes. */
function hintForCode(difference: Difference): string | null {
  const { expected, got } = difference;
  const wanted = expected.charAt(0);
  const address = askedRecipient(difference);
  if (/^421/.test(got)) return "421 is the last word of a session: a limit, a ban, or a stop";
  if (got.startsWith("4") && wanted !== "4") {
    return "4xx is a trouble of the moment or a delay: the trace says which";
  }
  if (address === undefined) return null;
  if (/^5\d\d 5\.1\.1/.test(got) && wanted === "2") {
    return `the recipient is not deliverable: qfront lookup ${shellWord(address)} says why`;
  }
  if (got.startsWith("2") && wanted === "5") {
    return `the recipient is taken: qfront lookup ${shellWord(address)} says why`;
  }
  return null;
}

const shellWord = (word: string): string =>
  /^[\w@.+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
