/**
 * The seam between a message on its way in and what wants to look into it: signatures, patterns,
 * header rules, spamd, filter programs.
 *
 * A message that anybody wants to look into is kept (queue/spool.ts) until its end; then each check
 * examines it in the one order of policy/mod.ts, and what remains goes to the queue: our own fields,
 * then the message without the fields that were struck out. Where nobody wants to look, messages
 * stream through and nothing here is touched.
 */
import type { ReverseResult } from "../dns/reverse.ts";
import type { SpfVerdict } from "../policy/spf.ts";
import type { CheckName, ClientFacts, Verdict } from "../policy/types.ts";

/** One header field as it stands in the message. Binary strings: one char a byte. */
export interface HeaderField {
  /** As written, without the colon. */
  readonly name: string;
  /** The whole field, folding and final line end (LF) included. */
  readonly raw: string;
  /** What follows the colon, unfolded: line ends are gone, the white space behind them stays. */
  readonly value: string;
}

/** The message as it came: LF line ends, no dot-stuffing, without any field of ours. */
export interface Message {
  /** The fields in their order; those beyond the first 256 KiB of header are not seen. */
  readonly fields: readonly HeaderField[];
  /** Size in bytes, header included. */
  readonly bytes: number;
  /** Received and Delivered-To fields, the larger of both numbers. */
  readonly hops: number;
  /** There are more fields than `fields` has: the header is larger than what is looked at. */
  readonly isHeaderCut?: boolean;
  /** From its first byte, in pieces that are valid until the next one is asked for; as often as wanted. */
  read(): AsyncIterable<Uint8Array>;
}

/** What SPF said of the sender of this message. */
export interface SpfFinding {
  readonly result: SpfVerdict;
  /** Whose record it was: the sender's domain, or the name of HELO for a null sender. */
  readonly domain: string;
}

/** Who sends it to whom. Addresses are binary strings. */
export interface Envelope {
  /** Number of the session, for the trace. */
  readonly session: number;
  readonly client: ClientFacts;
  /** "" when none was said. */
  readonly helo: string;
  /** "" for a null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** All recipients are such that always get their mail: no verdict against is applied. */
  readonly isAlwaysAccepted: boolean;
  /** Our own name, for Authentication-Results. */
  readonly hostname: string;
  /** null: SPF was not asked. */
  readonly spf: SpfFinding | null;
  /** Absent or null: reverse DNS was not asked. */
  readonly reverse?: ReverseResult | null;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** The session's environment, for programs that are started. */
  readonly env: Readonly<Record<string, string>>;
  /** Our own Received field with its LF, which those get too who are asked outside; absent: none. */
  readonly received?: string;
  /** Rules of earlier stages that were in shadow, as "rule:code" or "rule:accepted". */
  readonly shadows?: readonly string[];
}

/** What a check found. */
export interface Opinion {
  readonly verdict: Verdict;
  /** Fields to be put on top, each "Name: value" with folding but without its last line end. */
  readonly addFields?: readonly string[];
  /** Fields to be struck out, such as forged results. */
  readonly strikes?: (field: HeaderField) => boolean;
  /** A new value for a field that is there, such as a tagged subject; null keeps it. */
  readonly rewrites?: (field: HeaderField) => string | null;
  /** Keep a copy of the message in the quarantine, and why: one sentence. */
  readonly quarantine?: string;
  /** What was seen, for the trace; "" or absent: nothing. */
  readonly finding?: string;
  /** What did something to the message short of a verdict, such as "header_rules: line 3". */
  readonly rule?: string;
}

/**
 * One check. It never rejects: what it could not find out is an opinion too (none, or 451, as its
 * setting says).
 */
export interface ContentCheck {
  readonly name: CheckName;
  readonly mode: "shadow" | "on";
  /** Relay clients and who logged in are not examined. */
  readonly sparesTrusted: boolean;
  /** `earlier`: what the checks before this one found, by name. */
  examine(
    message: Message,
    envelope: Envelope,
    earlier: ReadonlyMap<CheckName, Opinion>,
  ): Opinion | Promise<Opinion>;
}
