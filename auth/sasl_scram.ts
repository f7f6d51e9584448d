/**
 * SCRAM-SHA-256, the server's side (RFC 5802 section 5, RFC 7677): the password never crosses the
 * wire, and what is stored can't be used to log in elsewhere.
 *
 * No channel binding: SCRAM-SHA-256-PLUS is not offered, and a client that insists on it is told
 * so. An unknown login gets a salt that stays the same and fails at the proof; a derivation from a
 * clear secret is done for every login where one login needs it.
 */
import { equalSecrets, fromBase64, fromBytes, toBase64, toBytes } from "./bytes.ts";
import {
  malformed,
  refused,
  type SaslContext,
  type SaslExchange,
  type SaslStep,
} from "./sasl_types.ts";
import { deriveScram, hmac, sha256 } from "./scram_keys.ts";
import type { ScramKeys, SecretAnswer, SecretSource } from "./types.ts";

/** What the client's first message says. */
interface ClientFirst {
  readonly gs2Header: string;
  readonly bare: string;
  readonly login: string;
  readonly nonce: string;
}

/** "=2C" and "=3D" stand for comma and equals sign; null when something else follows "=". */
function decodeName(text: string): string | null {
  return /=(?!2C|3D)/.test(text) ? null : text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

const PRINTABLE_NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;

function readClientFirst(data: string): ClientFirst | SaslStep {
  const m = /^((p=[^,]*|[ny]),(?:a=([^,]*))?,)(n=([^,]*),r=([^,]*)(?:,[\s\S]*)?)$/.exec(data);
  if (m === null) return malformed("The first SCRAM message has not the form n,,n=LOGIN,r=NONCE");
  if (m[2]?.startsWith("p=")) return malformed("Channel binding is not supported");
  const login = decodeName(m[5] ?? "");
  const authorize = decodeName(m[3] ?? "");
  const nonce = m[6] ?? "";
  if (login === null || login === "" || authorize === null) {
    return malformed("The login in the first SCRAM message is not encoded as it must be");
  }
  if (!PRINTABLE_NONCE.test(nonce)) {
    return malformed("The nonce in the first SCRAM message is empty");
  }
  // Nobody may act for somebody else.
  if (authorize !== "" && authorize !== login) return refused(login);
  return { gs2Header: m[1] ?? "", bare: m[4] ?? "", login, nonce };
}

/** What the server knows after the first message. */
interface Known {
  readonly first: ClientFirst;
  readonly found: SecretAnswer;
  readonly salt: string;
  readonly iterations: number;
  readonly nonce: string;
  readonly serverFirst: string;
}

async function know(
  context: SaslContext,
  secrets: SecretSource,
  first: ClientFirst,
): Promise<Known> {
  const found = await secrets.secretOf(first.login);
  const scram = found.kind === "secret" ? found.scram : null;
  const { salt, iterations } = scram ?? secrets.fakeScram(first.login);
  const nonce = first.nonce + context.nonce();
  const serverFirst = `r=${nonce},s=${toBase64(salt)},i=${iterations}`;
  return { first, found, salt, iterations, nonce, serverFirst };
}

const NO_SECRET = "no such login";

/** The keys to compare with; for a login without any, keys that nothing fits. */
async function keysOf(known: Known, deriving: boolean): Promise<ScramKeys> {
  const stored = known.found.kind === "secret" ? known.found : null;
  const derived = deriving
    ? await deriveScram(stored?.clear ?? NO_SECRET, known.salt, known.iterations)
    : null;
  const none = "\0".repeat(32);
  return stored?.scram ?? derived ??
    { iterations: known.iterations, salt: known.salt, storedKey: none, serverKey: none };
}

const xor = (a: string, b: string): string => {
  const other = toBytes(b);
  return fromBytes(toBytes(a).map((byte, i) => byte ^ (other[i] ?? 0)));
};

/** The server's last message when the proof fits; null when it does not. */
function verify(keys: ScramKeys, authMessage: string, proof: string): string | null {
  const clientKey = xor(proof, hmac(keys.storedKey, authMessage));
  const fits = equalSecrets(sha256(clientKey), keys.storedKey);
  const serverFinal = `v=${toBase64(hmac(keys.serverKey, authMessage))}`;
  return fits ? serverFinal : null;
}

/** The last step: an empty answer to the server's proof. */
type Finish = (data: string) => SaslStep;

async function judge(
  known: Known,
  deriving: boolean,
  data: string,
): Promise<{ step: SaslStep; finish: Finish | null }> {
  const end = (step: SaslStep) => ({ step, finish: null });
  const m = /^(c=([^,]*),r=([^,]*)(?:,[\s\S]*)?),p=([^,]*)$/.exec(data);
  if (m === null) {
    return end(malformed("The last SCRAM message has not the form c=...,r=NONCE,p=PROOF"));
  }
  const proof = fromBase64(m[4] ?? "");
  if (proof?.length !== 32) return end(malformed("The SCRAM proof is not 32 bytes in base64"));
  if (fromBase64(m[2] ?? "") !== known.first.gs2Header || m[3] !== known.nonce) {
    return end(malformed("The last SCRAM message does not continue the first"));
  }
  const { found, first } = known;
  if (found.kind === "undecided") return end({ kind: "done", login: first.login, answer: found });
  const keys = await keysOf(known, deriving);
  const serverFinal = verify(keys, `${first.bare},${known.serverFirst},${m[1]}`, proof);
  const usable = found.kind === "secret" && (found.scram !== null || found.clear !== null);
  if (serverFinal === null || !usable) return end(refused(first.login));
  const answer = { kind: "ok", account: found.account } as const;
  const finish: Finish = (rest) =>
    rest === ""
      ? { kind: "done", login: first.login, answer }
      : malformed("Nothing may follow the server's proof");
  return { step: { kind: "challenge", data: serverFinal }, finish };
}

/** An exchange of SCRAM-SHA-256. */
export function scramSha256(context: SaslContext, secrets: SecretSource): SaslExchange {
  const deriving = secrets.forms().clear;
  let known: Known | null = null;
  let finish: Finish | null = null;
  const receive = async (data: string): Promise<SaslStep> => {
    if (finish !== null) return finish(data);
    if (known !== null) {
      const judged = await judge(known, deriving, data);
      finish = judged.finish;
      return judged.step;
    }
    const first = readClientFirst(data);
    if ("kind" in first) return first;
    known = await know(context, secrets, first);
    return { kind: "challenge", data: known.serverFirst };
  };
  return {
    start: (initial) => initial === null ? { kind: "challenge", data: "" } : receive(initial),
    receive,
  };
}
