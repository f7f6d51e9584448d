/**
 * spamd: SpamAssassin's score of a message tags it, or refuses it.
 *
 * The score counts, not spamd's own limit: spamd_tag_score and spamd_refuse_score do. Fields are
 * ours (X-Spam-Flag, X-Spam-Score, X-Spam-Level, X-Spam-Status), and forged ones are struck out of
 * every message that is asked about. Larger messages than spamd_max_bytes are not. Down or slow: the
 * next server, then on_spamd_trouble; mail is never lost and never refused for it.
 */
import { against, CONTENT_REPLIES, NONE } from "../policy/replies.ts";
import type { Slots } from "../queue/slots.ts";
import { CONTENT_EVENTS } from "../trace/events_content.ts";
import type { Tracer } from "../trace/tracer.ts";
import { bytesOf } from "./binary.ts";
import { prefixSubject } from "./header_rules.ts";
import {
  askSpamd,
  type SpamdAnswer,
  type SpamdQuestion,
  type SpamdServer,
} from "./spamd_client.ts";
import type { ContentCheck, Envelope, HeaderField, Message, Opinion } from "./types.ts";

export interface SpamdTerms {
  readonly servers: readonly SpamdServer[];
  readonly user: string;
  readonly seconds: number;
  readonly maxBytes: number;
  /** From which score on; 0: never. */
  readonly tagScore: number;
  readonly refuseScore: number;
  /** Put before the subject of tagged messages; "" for nothing. */
  readonly subject: string;
  readonly onTrouble: "pass" | "defer";
  readonly slots: Slots;
  readonly tracer: Tracer;
  /** Milliseconds, for servers that failed; they only go forward. */
  readonly clock?: () => number;
}

/** How long a server that failed is asked last. */
const AVOID_MS = 30_000;

const FORGED = /^x-spam-/i;

/** Is it a field that only spamd's answer may put there? */
export const isSpamField = (field: HeaderField): boolean => FORGED.test(field.name);

/** What an answer comes to. */
export function opinionOfAnswer(
  answer: SpamdAnswer,
  terms: Pick<SpamdTerms, "tagScore" | "refuseScore" | "subject">,
): Opinion {
  const { score, symbols } = answer;
  const { tagScore, refuseScore, subject } = terms;
  const shown = score.toFixed(1);
  const finding = `score ${shown} ${symbols.slice(0, 20).join(" ")}`.trimEnd();
  if (refuseScore !== 0 && score >= refuseScore) {
    const reason = `Score ${shown} is ${refuseScore} or more`;
    return { verdict: against(CONTENT_REPLIES.spam, "spamd", reason), finding };
  }
  const isTagged = tagScore !== 0 && score >= tagScore;
  const stars = "*".repeat(Math.max(0, Math.min(50, Math.floor(score))));
  const tests = symbols.length === 0 ? "none" : symbols.slice(0, 100).join(",\n ");
  const status = `X-Spam-Status: ${isTagged ? "Yes" : "No"}, score=${shown}\n tests=${tests}`;
  return {
    verdict: NONE,
    finding,
    strikes: isSpamField,
    addFields: [
      ...(isTagged ? ["X-Spam-Flag: YES"] : []),
      `X-Spam-Score: ${shown}`,
      ...(stars === "" ? [] : [`X-Spam-Level: ${stars}`]),
      status,
    ],
    ...(isTagged ? { rule: "spamd: tagged" } : {}),
    ...(isTagged && subject !== "" ? { rewrites: prefixSubject(subject) } : {}),
  };
}

function questionOf(terms: SpamdTerms, message: Message, envelope: Envelope): SpamdQuestion {
  const top = bytesOf(envelope.received ?? "");
  return {
    user: terms.user,
    bytes: top.length + message.bytes,
    async *read() {
      if (top.length > 0) yield top;
      yield* message.read();
    },
  };
}

/** The check. */
export function spamdCheck(mode: "shadow" | "on", terms: SpamdTerms): ContentCheck {
  const { servers, tracer, slots, onTrouble } = terms;
  const clock = terms.clock ?? (() => performance.now());
  const failed = new Map<string, number>();

  /** Those that did not fail of late come first. */
  function inTurn(): readonly SpamdServer[] {
    const now = clock();
    const isAvoided = ({ name }: SpamdServer) => (failed.get(name) ?? -Infinity) > now - AVOID_MS;
    return [...servers.filter((s) => !isAvoided(s)), ...servers.filter(isAvoided)];
  }

  async function ask(message: Message, envelope: Envelope): Promise<SpamdAnswer | string> {
    const question = questionOf(terms, message, envelope);
    const until = clock() + terms.seconds * 1000;
    const turn = inTurn();
    let why = "there is no server";
    for (const [i, server] of turn.entries()) {
      // Each has its share of the time that is left.
      const share = (until - clock()) / (turn.length - i);
      if (share <= 0) break;
      try {
        const answer = await askSpamd(server, question, share);
        failed.delete(server.name);
        return answer;
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
        failed.set(server.name, clock());
        const fields = { server: server.name, reason: why };
        tracer.emit(envelope.session, CONTENT_EVENTS.spamdTrouble, fields);
      }
    }
    return why;
  }

  function troubled(reason: string): Opinion {
    const finding = `no answer: ${reason}`;
    const strikes = isSpamField;
    if (onTrouble === "pass") return { verdict: NONE, finding, strikes };
    return { verdict: against(CONTENT_REPLIES.spamd_trouble, "spamd: trouble", reason), finding };
  }

  return {
    name: "spamd",
    mode,
    sparesTrusted: true,
    async examine(message, envelope) {
      if (message.bytes > terms.maxBytes) {
        return {
          verdict: NONE,
          strikes: isSpamField,
          finding: `not asked, more than ${terms.maxBytes} bytes`,
        };
      }
      if (!await slots.take(terms.seconds * 1000)) {
        return troubled(`all places were taken for ${terms.seconds} seconds`);
      }
      try {
        const answer = await ask(message, envelope);
        return typeof answer === "string" ? troubled(answer) : opinionOfAnswer(answer, terms);
      } finally {
        slots.give();
      }
    },
  };
}
