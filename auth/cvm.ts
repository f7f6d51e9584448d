/**
 * Logins judged by CVM modules (credential validation modules, protocol 2), as mailfront's own
 * services ask them.
 *
 * Several modules are a chain: the next is asked when one rejects and does not say that the login
 * is in its scope. Trouble with a module ends the chain: whether a later one would have known
 * better can't be told.
 */
import {
  CVM_ACCEPTED,
  CVM_CREDENTIAL,
  CVM_FACT,
  CVM_PROTOCOL,
  CVM_REJECTED,
  type CvmItem,
  cvmItem,
  cvmNumber,
  type CvmPacket,
  decodeCvm,
  encodeCvm,
} from "./cvm_codec.ts";
import { askModule, type CvmAddress, cvmAddressText, type CvmCarriage } from "./cvm_transport.ts";
import { type Gate, GateFullError } from "./gate.ts";
import { fromBytes } from "./bytes.ts";
import type { AuthAnswer, Authenticator, SessionEnv } from "./types.ts";

export interface CvmOptions {
  readonly addresses: readonly CvmAddress[];
  /** Sent as credential 4 (CVM_LOOKUP_SECRET); null: none. */
  readonly secret: string | null;
  readonly timeoutSeconds: number;
  /** For programs. */
  readonly gate: Gate;
  readonly env: SessionEnv;
}

/** What the codes 1 to 7 stand for. */
const TROUBLE: Readonly<Record<number, string>> = {
  1: "general error",
  2: "bad or missing configuration",
  3: "invalid data from the module",
  4: "credentials that it needs are missing",
  5: "input or output failed",
  6: "nothing useful was returned",
  7: "required facts are missing",
};

function credentials(login: string, password: string, secret: string | null): CvmItem[] {
  const at = login.lastIndexOf("@");
  const items: CvmItem[] = [[CVM_CREDENTIAL.account, at < 0 ? login : login.slice(0, at)]];
  if (at >= 0) items.push([CVM_CREDENTIAL.domain, login.slice(at + 1)]);
  items.push([CVM_CREDENTIAL.password, password]);
  if (secret !== null) items.push([CVM_CREDENTIAL.secret, secret]);
  return items;
}

/**
 * The account from a response's facts. A virtual user's mail belongs to a system user: facts 9
 * (user), 2 and 3 say which. The mailbox is where the mail is, when the module names one.
 */
function accountOf(login: string, packet: CvmPacket): AuthAnswer {
  const text = (tag: number) => cvmItem(packet, tag) || null;
  const uid = cvmNumber(packet, CVM_FACT.uid);
  const gid = cvmNumber(packet, CVM_FACT.gid);
  const home = text(CVM_FACT.directory);
  if (uid === 0) {
    return { kind: "undecided", reason: "The module names uid 0, and nothing is served as root" };
  }
  return {
    kind: "ok",
    account: {
      login,
      user: text(CVM_FACT.systemUser) ?? (uid === null ? text(CVM_FACT.username) : null),
      uid,
      gid,
      home: home?.startsWith("/") ? home : null,
      maildir: text(CVM_FACT.mailbox),
    },
  };
}

type ModuleAnswer = { readonly packet: CvmPacket } | { readonly reason: string };

async function ask(
  address: CvmAddress,
  items: readonly CvmItem[],
  options: CvmOptions,
  env: SessionEnv,
): Promise<ModuleAnswer> {
  const random = address.kind === "udp"
    ? fromBytes(crypto.getRandomValues(new Uint8Array(16)))
    : "";
  const request = encodeCvm({ first: CVM_PROTOCOL, random, items });
  if (request === null) return { packet: { first: CVM_REJECTED, random, items: [] } };
  const carriage: CvmCarriage = {
    timeoutSeconds: options.timeoutSeconds,
    gate: options.gate,
    env: { ...options.env, ...env },
    answers: (bytes) => decodeCvm(bytes)?.random === random,
  };
  const answer = await askModule(address, request, carriage);
  request.fill(0);
  if (typeof answer === "string") return { reason: answer };
  const packet = decodeCvm(answer);
  return packet === null || packet.random !== random
    ? { reason: "The answer is no CVM response" }
    : { packet };
}

/** An authenticator that asks CVM modules. */
export function openCvm(options: CvmOptions): Authenticator {
  const trouble = (address: CvmAddress, reason: string): AuthAnswer => ({
    kind: "undecided",
    reason: `CVM module "${cvmAddressText(address)}" can't tell (${reason})`,
  });
  const askAll = async (
    login: string,
    password: string,
    env: SessionEnv,
  ): Promise<AuthAnswer> => {
    const items = credentials(login, password, options.secret);
    for (const address of options.addresses) {
      const answer = await ask(address, items, options, env);
      if ("reason" in answer) return trouble(address, answer.reason);
      const { packet } = answer;
      if (packet.first === CVM_ACCEPTED) return accountOf(login, packet);
      if (packet.first !== CVM_REJECTED) {
        const code = packet.first & 0x7f;
        return trouble(address, `error ${packet.first}, ${TROUBLE[code] ?? "unknown"}`);
      }
      if (cvmItem(packet, CVM_FACT.outOfScope) === "0") break;
    }
    return { kind: "refused" };
  };
  return {
    async checkPassword(login, password, env = {}) {
      if (login === "" || password === "") return { kind: "refused" };
      try {
        return await askAll(login, password, env);
      } catch (error) {
        if (error instanceof GateFullError) return { kind: "undecided", reason: error.message };
        throw error;
      }
    },
  };
}
