/**
 * What front and keeper say to each other: operations, limits, and how a header's values are looked at.
 *
 * Every question is one frame with a number (q) and gets one answer with the same number, in any order. That bounds what either side
 * keeps: at most LANES' questions are under way. A notice has no number and gets none; what it says is done before the next frame. No operation takes a path, a uid or a command: the keeper derives them itself.
 */
import { FrameError, type Header } from "./frames.ts";

/** Both sides must be of one version: they are one binary. */
export const VERSION = 1;

/** Questions of one kind under way; the others wait in the front. */
export const LANES = { look: 64, login: 32, drop: 64, mail: 96 } as const;
export type Lane = keyof typeof LANES;

/** What is only said: it has no number and gets no answer. */
export const NOTICES = ["drop.close", "drop.shut"] as const;
export type Notice = typeof NOTICES[number];

/** Questions that the keeper works on; it reads no further until one is answered. */
export const MAX_AT_WORK = 256;

/** Pieces of a message on their way into a delivery, before the front must wait. */
export const WRITE_WINDOW = 4;

/** Sender and recipients of one message, as JSON. */
export const MAX_ENVELOPE_BYTES = 4 * 1024 * 1024;

/** All envelopes in hand together. */
export const MAX_ENVELOPES_BYTES = 64 * 1024 * 1024;

/** How long a login may wait for its maildrop, and how many may. */
export const TOKEN_SECONDS = 60;
export const MAX_TOKENS = 10_000;

/** A question that breaks the protocol: the keeper ends. The message is a sentence. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** Why a question has no answer, in the words of a maildrop's errors. */
export type TroubleKind = "temporary" | "permanent" | "in_use" | "gone";

/** A question that can't be answered; the answer carries kind and sentence. */
export class Trouble extends Error {
  override name = "Trouble";
  readonly kind: TroubleKind;

  constructor(kind: TroubleKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** True for errors that end the keeper. */
export const isBreach = (error: unknown): error is Error =>
  error instanceof ProtocolError || error instanceof FrameError;

/** The values of a header, looked at one by one. All methods throw a ProtocolError when a value is of another kind. */
export interface Values {
  text(name: string): string;
  /** Strings; absent: none. */
  list(name: string): readonly string[];
  /** A whole number from 0. */
  number(name: string): number;
  /** The same; absent: 0. */
  numberOrNone(name: string): number;
  flag(name: string): boolean;
  /** An object of strings; absent: empty. */
  texts(name: string): Readonly<Record<string, string>>;
}

/** A header looked at. A class, because one is made for each frame. */
export class HeaderValues implements Values {
  readonly header: Header;

  constructor(header: Header) {
    this.header = header;
  }

  text(name: string): string {
    const value = this.header[name];
    return typeof value === "string" ? value : wrong(name);
  }

  list(name: string): readonly string[] {
    const value = this.header[name] ?? [];
    return Array.isArray(value) && value.every((v): v is string => typeof v === "string")
      ? value
      : wrong(name);
  }

  number(name: string): number {
    const value = this.header[name];
    return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : wrong(name);
  }

  numberOrNone(name: string): number {
    return this.header[name] === undefined ? 0 : this.number(name);
  }

  flag(name: string): boolean {
    const value = this.header[name];
    return typeof value === "boolean" ? value : wrong(name);
  }

  texts(name: string): Readonly<Record<string, string>> {
    const value = this.header[name] ?? {};
    if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong(name);
    const entries = Object.entries(value);
    return entries.every(([, v]) => typeof v === "string")
      ? Object.fromEntries(entries) as Record<string, string>
      : wrong(name);
  }
}

function wrong(name: string): never {
  throw new ProtocolError(`A question has no proper "${name}"`);
}

export const valuesOf = (header: Header): Values => new HeaderValues(header);
