/** What the SASL mechanisms have in common: what they are given, and the steps they take. */
import { fromBytes, toBase64 } from "./bytes.ts";
import type { AuthAnswer, Authenticator, SecretSource, SessionEnv } from "./types.ts";

/** What an exchange has to work with. */
export interface SaslContext {
  readonly authenticator: Authenticator;
  /** null: nothing is stored that challenge-response mechanisms could use. */
  readonly secrets: SecretSource | null;
  /** The login a client certificate has proven; null: none. */
  readonly external: string | null;
  /** Our name, for the CRAM-MD5 challenge. */
  readonly hostname: string;
  /** Environment for external programs. */
  readonly env?: SessionEnv;
  /** Random text of at least 16 characters, all printable ASCII without blank and comma. */
  nonce(): string;
  /** Seconds since 1970. */
  now(): number;
}

/** What comes next. Data are binary strings, not yet in base64. */
export type SaslStep =
  | { readonly kind: "challenge"; readonly data: string }
  /** `login`: what the client called itself, for the trace; "" when it never said. */
  | { readonly kind: "done"; readonly login: string; readonly answer: AuthAnswer }
  /** The client broke the mechanism's syntax. `reason`: a sentence without final period. */
  | { readonly kind: "malformed"; readonly reason: string };

/** One exchange in hand. */
export interface SaslExchange {
  /** Begins; `initial`: the client's initial response, null when it sent none. */
  start(initial: string | null): SaslStep | Promise<SaslStep>;
  /** The client's answer to the last challenge. */
  receive(data: string): SaslStep | Promise<SaslStep>;
}

/** Mechanisms that need a stored secret. */
export type SecretMechanism = "CRAM-MD5" | "SCRAM-SHA-256";

/** Secrets in another process, which keeps them: exchanges and digests are judged there. */
export interface RemoteSecrets extends SecretSource {
  exchange(mechanism: SecretMechanism, hostname: string): SaslExchange;
  /** Judges APOP's digest. Never rejects. */
  apop(login: string, digest: string, stamp: string): Promise<AuthAnswer>;
}

export const isRemote = (secrets: SecretSource): secrets is RemoteSecrets => "exchange" in secrets;

/** A step that says: the client broke the syntax. */
export const malformed = (reason: string): SaslStep => ({ kind: "malformed", reason });

/** A step that says: wrong, or unknown, nobody learns which. */
export const refused = (login: string): SaslStep => ({
  kind: "done",
  login,
  answer: { kind: "refused" },
});

/** A nonce as {@linkcode SaslContext} wants it: 144 random bits in base64. */
export const randomNonce = (): string =>
  toBase64(fromBytes(crypto.getRandomValues(new Uint8Array(18))));
