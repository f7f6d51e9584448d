/**
 * Which recipients a verdict in shadow was about. The trace tells verdicts within a session, at a stage; an attempt is told
 * when nothing more can come of it, long after. Here the two meet.
 *
 * A verdict at connect or HELO is about all recipients of the session, at MAIL or on the message about those of the message, at
 * RCPT about the recipient named last.
 */
import type { Attempt } from "../report/facts.ts";
import { LruMap } from "../report/lru.ts";
import type { TraceRecord } from "../report/record.ts";

/** A verdict that was not applied. */
export interface ShadowVerdict {
  readonly stage: string;
  readonly rule: string;
  readonly reply: string;
}

const MOST_SESSIONS = 20_000;
const MOST_VERDICTS = 500;

interface Scope {
  readonly all: ShadowVerdict[];
  readonly byRecipient: Map<string, ShadowVerdict[]>;
}

interface Session {
  readonly whole: ShadowVerdict[];
  message: Scope;
  /** Of messages without a number of qmail-queue, and of what was not accepted. */
  readonly told: Scope[];
  last: string;
}

const emptyScope = (): Scope => ({ all: [], byRecipient: new Map() });
const isEmpty = ({ all, byRecipient }: Scope): boolean => all.length + byRecipient.size === 0;

/** Verdicts of sessions, until somebody asks whom they were about. */
export class ShadowJoin {
  readonly #sessions = new LruMap<number, Session>(MOST_SESSIONS);
  readonly #mails = new LruMap<string, Scope>(MOST_SESSIONS);

  /** A session of this number begins: what was known of an older one is forgotten. */
  begin(session: number): void {
    this.#sessions.take(session);
  }

  /** A line of a session; the verdict that it tells, null for none. */
  take({ session: number, event, fields }: TraceRecord): ShadowVerdict | null {
    if (event === "policy.shadow") return this.#verdict(number, fields);
    if (number === 0) return null;
    const what = event.slice(event.indexOf(".") + 1);
    if (what === "rcpt") {
      const { user = "", domain = "" } = fields;
      const known = this.#sessions.get(number);
      const last = domain === "" ? user : `${user}@${domain}`;
      if (known !== undefined) known.last = last;
      else this.#sessions.set(number, { ...newSession(), last });
    } else if (what === "message.accepted" || what === "message.refused") {
      this.#endMessage(number, /^qp (\d+)$/.exec(fields["id"] ?? "")?.[1]);
    }
    return null;
  }

  /** The verdicts that were about this attempt. */
  of({ session, qp, recipient }: Attempt): readonly ShadowVerdict[] {
    if (session === null) return [];
    const mail = qp === null ? undefined : this.#mails.get(`${session} ${qp}`);
    if (mail !== undefined) return [...mail.all, ...(mail.byRecipient.get(recipient) ?? [])];
    const known = this.#sessions.get(session);
    if (known === undefined || qp !== null) return [];
    for (const { all, byRecipient } of [...known.told, known.message]) {
      const own = byRecipient.get(recipient);
      if (own !== undefined) return [...known.whole, ...all, ...own];
    }
    return [...known.whole, ...(known.told.at(-1) ?? known.message).all];
  }

  #verdict(number: number, fields: TraceRecord["fields"]): ShadowVerdict {
    const { stage = "", rule = "", reply = "" } = fields;
    const verdict: ShadowVerdict = { stage, rule, reply };
    const known = this.#sessions.get(number) ?? newSession();
    this.#sessions.set(number, known);
    if (stage === "connect" || stage === "helo") push(known.whole, verdict);
    else if (stage === "rcpt" || stage === "rcpt_valid") {
      const own = known.message.byRecipient.get(known.last) ?? [];
      push(own, verdict);
      if (known.message.byRecipient.size < MOST_VERDICTS) {
        known.message.byRecipient.set(known.last, own);
      }
    } else push(known.message.all, verdict);
    return verdict;
  }

  #endMessage(number: number, qp: string | undefined): void {
    const known = this.#sessions.get(number);
    if (known === undefined) return;
    const { message, whole } = known;
    known.message = emptyScope();
    if (isEmpty(message) && whole.length === 0) return;
    if (qp === undefined) {
      if (known.told.length < MOST_VERDICTS) known.told.push(message);
      return;
    }
    this.#mails.set(`${number} ${qp}`, { ...message, all: [...whole, ...message.all] });
  }
}

const newSession = (): Session => ({ whole: [], message: emptyScope(), told: [], last: "" });

function push(all: ShadowVerdict[], verdict: ShadowVerdict): void {
  if (all.length < MOST_VERDICTS) all.push(verdict);
}
