/** For the tests of content/: messages in memory, envelopes, a site, a delivery that remembers. */
import { binaryOf, bytesOf } from "../../../content/binary.ts";
import {
  type Content,
  type ContentSettings,
  type ContentSite,
  openContent,
} from "../../../content/config.ts";
import type { ExaminedOutcome } from "../../../content/examination.ts";
import { hopsOf, parseHeader } from "../../../content/header.ts";
import type { ContentCheck, Envelope, Message, Opinion } from "../../../content/types.ts";
import { NO_COUNTS } from "../../../policy/counts.ts";
import type { ClientFacts } from "../../../policy/types.ts";
import type { Delivery, QueueOutcome } from "../../../queue/types.ts";
import { CONTENT_SETTINGS, FILTER_SETTINGS } from "../../../settings/content.ts";
import { createMemoryTracer, type MemoryTracer } from "../../../trace/memory.ts";

export const NOW = Date.UTC(2026, 10, 20, 13, 27, 48);
export const RECEIVED = "Received: from client (192.0.2.7)\n  by mail with SMTP; date\n";

/** A message, in pieces of `pieceBytes`. */
export function messageOf(text: string, pieceBytes = 65536): Message {
  const { fields, isCut } = parseHeader(text.slice(0, 262_144), text.length <= 262_144);
  return {
    fields,
    bytes: text.length,
    hops: hopsOf(fields),
    isHeaderCut: isCut,
    async *read() {
      for (let at = 0; at < text.length; at += pieceBytes) {
        yield await Promise.resolve(bytesOf(text.slice(at, at + pieceBytes)));
      }
    },
  };
}

export const CLIENT: ClientFacts = {
  ip: "192.0.2.7",
  network: "192.0.2.0/24",
  isLoopback: false,
  isRelayClient: false,
  login: null,
  isForwarder: false,
  env: {},
};

export function envelopeOf(more: Partial<Envelope> = {}): Envelope & { received: string } {
  return {
    session: 7,
    client: CLIENT,
    helo: "client.example",
    sender: "friend@example.net",
    recipients: ["joe@example.org"],
    isAlwaysAccepted: false,
    hostname: "mail.example.org",
    spf: null,
    nowMs: NOW,
    env: {},
    received: RECEIVED,
    ...more,
  };
}

export const defaults = (): ContentSettings =>
  Object.fromEntries(
    Object.entries({ ...CONTENT_SETTINGS, ...FILTER_SETTINGS }).map(([k, s]) => [k, s.default]),
  ) as ContentSettings;

export interface Setup {
  readonly settings?: Partial<ContentSettings>;
  /** Control files, and files by absolute name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly site?: Partial<ContentSite>;
  readonly env?: Readonly<Record<string, string>>;
  readonly envelope?: Partial<Envelope>;
  readonly outcome?: QueueOutcome;
  readonly pieceBytes?: number;
}

export interface Ran {
  readonly outcome: ExaminedOutcome;
  /** What the queue got; null: it was never opened. */
  readonly queued: string | null;
  readonly committed: boolean;
  readonly tracer: MemoryTracer;
}

export function contentOf(setup: Setup, tracer = createMemoryTracer()): Content | null {
  return openContent({ ...defaults(), ...setup.settings }, {
    text: (name) => setup.files?.[name] ?? null,
    qmailDir: "/var/qmail",
    programDir: "/",
    root: "",
    host: "mail.example.org",
    env: {},
    softReject: false,
    tracer,
    counts: NO_COUNTS,
    others: [],
    ...setup.site,
  });
}

/** A message all the way; throws when nobody wants to look into it. */
export async function run(text: string, setup: Setup = {}): Promise<Ran> {
  const tracer = createMemoryTracer();
  const envelope = envelopeOf(setup.envelope);
  const session = contentOf(setup, tracer)?.open(setup.env ?? {});
  const examination = session?.begin(envelope.client) ?? null;
  if (examination === null) throw new Error("Nobody looks into it");
  const most = setup.pieceBytes ?? 65536;
  for (let at = 0; at < text.length; at += most) {
    // A copy that is wiped afterwards: nothing may be kept of it.
    const chunk = bytesOf(text.slice(at, at + most));
    await examination.write(chunk);
    chunk.fill(0x58);
  }
  let queued: string | null = null;
  let committed = false;
  const open = (): Delivery => {
    queued = "";
    return {
      write: (chunk) => {
        queued += binaryOf(chunk);
      },
      commit() {
        committed = true;
        return Promise.resolve(setup.outcome ?? { kind: "queued", id: "qp 1" });
      },
      abort: () => {},
    };
  };
  const outcome = await examination.finish({ envelope, open });
  return { outcome, queued, committed, tracer };
}

/** "queued", "554 header_bcc", "deferred". */
export function shown({ outcome }: Ran): string {
  return outcome.kind === "against"
    ? `${outcome.verdict.reply.code} ${outcome.verdict.reply.id}`
    : outcome.kind;
}

/** A check's verdict: "none", or code and id of its reply. */
export function verdictOf({ verdict }: Opinion): string {
  switch (verdict.kind) {
    case "none":
    case "accept":
      return verdict.kind;
    case "defer":
    case "refuse":
      return `${verdict.reply.code} ${verdict.reply.id}`;
  }
}

/** What a check says of a message. */
export async function opinion(
  check: ContentCheck | undefined,
  text: string,
  more: Partial<Envelope> = {},
): Promise<Opinion> {
  if (check === undefined) throw new Error("There is no such check");
  return await check.examine(messageOf(text), envelopeOf(more), new Map());
}
