/**
 * filter: a program of the administrator's is asked about each message.
 *
 * Exit codes as qmail's programs have them (qmail-command(8)): 0 it may pass, 100 refused, 111 put
 * off. What it writes to standard error is the reply's text, its first line; what it writes to
 * standard output stands in the trace. Any other exit, a signal, a program that hangs or is missing
 * is trouble of ours: on_filter_trouble says what comes of it, and it is never "refused".
 */
import { against, CONTENT_REPLIES, NONE } from "../policy/replies.ts";
import type { Slots } from "../queue/slots.ts";
import { CONTENT_EVENTS } from "../trace/events_content.ts";
import type { Tracer } from "../trace/tracer.ts";
import { bytesOf } from "./binary.ts";
import { type FilterCommand, type FilterEnd, runFilter } from "./filter_program.ts";
import type { ContentCheck, Envelope, Message, Opinion } from "./types.ts";

export interface FilterTerms {
  readonly command: FilterCommand;
  /** The process' environment; the session's is laid over it. */
  readonly env: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly onTrouble: "pass" | "defer";
  readonly slots: Slots;
  readonly tracer: Tracer;
}

/** Recipients in the environment: the kernel bounds a variable to 128 KiB. */
const RECIPIENTS_BYTES = 65_536;

/** The session's environment and who sends to whom. */
export function filterEnv(envelope: Envelope, bytes: number): Record<string, string> {
  const { env, client, helo, sender, recipients, session } = envelope;
  const lines = recipients.join("\n");
  const cut = lines.lastIndexOf("\n", RECIPIENTS_BYTES);
  const clean = (text: string) => text.replaceAll("\0", "");
  return {
    ...env,
    SENDER: clean(sender),
    RECIPIENTS: clean(lines.length <= RECIPIENTS_BYTES ? lines : lines.slice(0, Math.max(0, cut))),
    RECIPIENT_COUNT: String(recipients.length),
    HELO: clean(helo),
    SMTP_LOGIN: clean(client.login ?? ""),
    MESSAGE_BYTES: String(bytes),
    QFRONT_SESSION: String(session),
  };
}

async function* withReceived(
  message: Message,
  received: string,
): AsyncGenerator<Uint8Array> {
  if (received !== "") yield bytesOf(received);
  yield* message.read();
}

/** The first line, for a reply. */
const firstLine = (text: string): string => text.trimStart().split("\n", 1)[0]?.trim() ?? "";

/** What the end of the program means. */
export function opinionOfEnd(end: FilterEnd, onTrouble: "pass" | "defer"): Opinion {
  const text = firstLine(end.errors);
  switch (end.code) {
    case 0:
      return { verdict: NONE, finding: "exit 0" };
    case 100: {
      const verdict = against(CONTENT_REPLIES.filter_refused, "filter", "exit 100", { text });
      return { verdict, finding: "exit 100" };
    }
    case 111: {
      const verdict = against(CONTENT_REPLIES.filter_deferred, "filter", "exit 111", { text });
      return { verdict, finding: "exit 111" };
    }
    default:
      return troubleOpinion(end.trouble || `exit ${end.code}`, onTrouble);
  }
}

function troubleOpinion(reason: string, onTrouble: "pass" | "defer"): Opinion {
  if (onTrouble === "pass") return { verdict: NONE, finding: `no answer: ${reason}` };
  return { verdict: against(CONTENT_REPLIES.filter_trouble, "filter: trouble", reason) };
}

/** The check. */
export function filterCheck(mode: "shadow" | "on", terms: FilterTerms): ContentCheck {
  const { command, seconds, onTrouble, slots, tracer } = terms;
  return {
    name: "filter",
    mode,
    sparesTrusted: false,
    async examine(message, envelope) {
      if (!await slots.take(seconds * 1000)) {
        return troubleOpinion(`All places were taken for ${seconds} seconds`, onTrouble);
      }
      try {
        const received = envelope.received ?? "";
        const env = { ...terms.env, ...filterEnv(envelope, message.bytes) };
        const read = () => withReceived(message, received);
        const end = await runFilter(command, env, read, seconds * 1000);
        tell(tracer, envelope.session, command.program, end);
        return opinionOfEnd(end, onTrouble);
      } finally {
        slots.give();
      }
    },
  };
}

function tell(tracer: Tracer, session: number, program: string, end: FilterEnd): void {
  const output = end.output.trim().replace(/\s*\n\s*/g, " / ");
  if (end.code === 0 || end.code === 100 || end.code === 111) {
    const fields = { program, end: `exit ${end.code}`, output };
    return tracer.emit(session, CONTENT_EVENTS.filterEnd, fields);
  }
  const words = [
    end.trouble || `exit ${end.code}, which is none of 0, 100, 111`,
    end.errors.trim(),
  ];
  const reason = `${program}: ${words.filter((w) => w !== "").join(": ")}`;
  tracer.emit(session, CONTENT_EVENTS.checkTrouble, { check: "filter", reason });
}
