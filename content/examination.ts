/**
 * One message that is looked into: kept while it comes in, examined when it is complete, handed to
 * the queue as it is to be then - or not.
 *
 * While it waits it is 64 KiB in memory and a nameless file (queue/spool.ts); what can't be kept or
 * read again is put off, never lost. The queue is only opened for a message that is accepted: one
 * that is refused costs no qmail-queue program and leaves nothing behind.
 */
import { openSpool, type Spool } from "../queue/spool.ts";
import type { Delivery, QueueOutcome } from "../queue/types.ts";
import type { CountSink } from "../policy/counts.ts";
import type { AgainstVerdict } from "../policy/types.ts";
import type { Judgement } from "../policy/mod.ts";
import { tellJudgement } from "../policy/tell.ts";
import { CONTENT_EVENTS } from "../trace/events_content.ts";
import type { Tracer } from "../trace/tracer.ts";
import { bytesOf } from "./binary.ts";
import { decisionField, decisionRecord, isDecision } from "./decision.ts";
import { examine, type Examined } from "./examine.ts";
import { type Header, writtenField } from "./header.ts";
import { type KeptMessage, openMessage } from "./message.ts";
import type { Quarantine } from "./quarantine.ts";
import type { ContentCheck, Envelope, HeaderField } from "./types.ts";

/** How checks and their consequences are set. */
export interface ContentTerms {
  readonly softReject: boolean;
  readonly hasDecisionHeader: boolean;
  /** null: no copies are kept. */
  readonly quarantine: Quarantine | null;
  readonly keepsRefused: boolean;
  readonly tracer: Tracer;
  readonly counts: CountSink;
}

/** The queue's answer, or that a check is against the message. */
export type ExaminedOutcome = QueueOutcome | {
  readonly kind: "against";
  readonly verdict: AgainstVerdict;
};

/** A delivery whose end may also be that a check is against the message. */
export interface ExaminedDelivery extends Omit<Delivery, "commit"> {
  commit(): Promise<ExaminedOutcome>;
}

/** What is handed over when the message is accepted. */
export interface HandOver {
  /** `received` stands here too, for those who are asked outside. */
  readonly envelope: Envelope & { readonly received: string };
  open(): Delivery | Promise<Delivery>;
}

/** One message. After `finish` or `abort` it takes no more calls. */
export interface Examination {
  /** Keeps a copy of `chunk`; a promise means "wait before the next". Never rejects. */
  write(chunk: Uint8Array): void | Promise<void>;
  /** The message is complete. Never rejects. */
  finish(handOver: HandOver): Promise<ExaminedOutcome>;
  /** The message will never be complete: nothing stays of it. */
  abort(): void;
}

/** A message for `checks`. `spool`: where it is kept already; closed at the end. */
export function startExamination(
  checks: readonly ContentCheck[],
  terms: ContentTerms,
  spool: Spool = openSpool(),
): Examination {
  return {
    write: (chunk) => spool.write(chunk),
    abort: () => spool.close(),
    async finish(handOver) {
      try {
        return await finish(checks, terms, spool, handOver);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { kind: "deferred", code: "4.3.0", reason };
      } finally {
        spool.close();
      }
    },
  };
}

async function finish(
  checks: readonly ContentCheck[],
  terms: ContentTerms,
  spool: Spool,
  handOver: HandOver,
): Promise<ExaminedOutcome> {
  if (spool.trouble !== null) return { kind: "deferred", code: "4.3.0", reason: spool.trouble };
  const kept = await openMessage(spool);
  const { envelope } = handOver;
  const examined = await examine(checks, kept.message, envelope, terms.softReject);
  tell(terms, examined, envelope);
  await keepCopies(terms, examined, kept, envelope);
  const { verdict } = examined.judgement;
  switch (verdict.kind) {
    case "none":
    case "accept":
      return await pass(terms, examined, kept, handOver);
    case "defer":
    case "refuse":
      return { kind: "against", verdict };
  }
}

function tell(terms: ContentTerms, examined: Examined, envelope: Envelope): void {
  const { tracer } = terms;
  const { session, client, sender } = envelope;
  const { ip } = client;
  count(terms.counts, examined.judgement);
  for (const fields of examined.troubles) tracer.emit(session, CONTENT_EVENTS.checkTrouble, fields);
  tellJudgement(tracer, session, "data_end", ip, examined.judgement);
  if (tracer.level < CONTENT_EVENTS.decision.level) return;
  for (const { verdict } of examined.overruled) {
    const { rule, reason, reply } = verdict;
    const fields = { ip, rule, reply: `${reply.code} ${reply.id}`, reason };
    tracer.emit(session, CONTENT_EVENTS.overruled, fields);
  }
  const record = decisionRecord(examined, envelope);
  tracer.emit(session, CONTENT_EVENTS.decision, { ip, sender, record });
}

function count(counts: CountSink, { verdict, check, softened, shadows }: Judgement): void {
  for (const shadow of shadows) counts.count(shadow.check, "shadow");
  if (check === null || verdict.kind === "none") return;
  counts.count(check, verdict.kind === "accept" ? "accepted" : "applied");
  if (softened) counts.count(check, "softened");
}

/** Why a copy is to be kept; "" for none. */
function whyKept(terms: ContentTerms, examined: Examined): string {
  const { verdict } = examined.judgement;
  const isAgainst = verdict.kind === "refuse" || verdict.kind === "defer";
  const refused = terms.keepsRefused && isAgainst ? [`${verdict.rule}: ${verdict.reason}`] : [];
  return [...examined.quarantine, ...refused].join("; ");
}

async function keepCopies(
  terms: ContentTerms,
  examined: Examined,
  { message }: KeptMessage,
  envelope: Envelope,
): Promise<void> {
  const { quarantine, tracer } = terms;
  const reason = whyKept(terms, examined);
  if (quarantine === null || reason === "") return;
  const { session, sender, recipients, nowMs, received = "" } = envelope;
  const copy = {
    ...{ session, sender, recipients, nowMs, received, reason },
    ip: envelope.client.ip,
    fields: message.fields,
    read: () => message.read(),
  };
  try {
    const file = await quarantine.keep(copy);
    tracer.emit(session, CONTENT_EVENTS.quarantined, { file, sender, reason });
  } catch (error) {
    const trouble = error instanceof Error ? error.message : String(error);
    const fields = { directory: quarantine.directory, reason: trouble };
    tracer.emit(session, CONTENT_EVENTS.quarantineTrouble, fields);
  }
}

/** Gives the message to the queue. Rejects when it can't be read again; then the delivery is given up. */
async function pass(
  terms: ContentTerms,
  examined: Examined,
  { message, header }: KeptMessage,
  handOver: HandOver,
): Promise<QueueOutcome> {
  const { envelope } = handOver;
  const delivery = await handOver.open();
  try {
    await delivery.write(bytesOf(topOf(terms, examined, header, envelope)));
    let skip = header.bytes;
    for await (const piece of message.read()) {
      const rest = piece.subarray(Math.min(skip, piece.length));
      skip -= piece.length - rest.length;
      if (rest.length > 0) await delivery.write(rest);
    }
  } catch (error) {
    await delivery.abort();
    throw error;
  }
  return await delivery.commit();
}

/** Our fields, Received, and what is left of the message's own. */
function topOf(
  terms: ContentTerms,
  examined: Examined,
  header: Header,
  envelope: Envelope,
): string {
  const { strikes, rewrites, addFields } = examined;
  const decision = terms.hasDecisionHeader ? [decisionField(examined, envelope)] : [];
  const struck = terms.hasDecisionHeader ? [...strikes, isDecision] : strikes;
  const top = [...decision, ...addFields].map(writtenField).join("") + (envelope.received ?? "");
  if (struck.length === 0 && rewrites.length === 0) {
    return top + header.fields.map(({ raw }) => raw).join("");
  }
  return top + header.fields.filter((field) => !struck.some((strike) => strike(field)))
    .map((field) => rewritten(field, rewrites)).join("");
}

/** The first that has a new value for a field gives it. */
function rewritten(
  field: HeaderField,
  rewrites: readonly ((field: HeaderField) => string | null)[],
): string {
  for (const rewrite of rewrites) {
    const value = rewrite(field);
    if (value !== null) {
      return writtenField(`${field.name}:${/^[ \t]/.test(value) ? "" : " "}${value}`);
    }
  }
  return field.raw;
}
