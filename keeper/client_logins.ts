/**
 * Logins that the keeper judges; a right one gives a token, which its maildrop is opened with. Passwords, and the
 * responses of mechanisms that send none, go there; no secret comes back.
 */
import type { RemoteSecrets, SaslExchange, SaslStep } from "../auth/mod.ts";
import type {
  Account,
  AuthAnswer,
  Authenticator,
  SecretAnswer,
  SessionEnv,
} from "../auth/types.ts";
import type { Asking, Reply } from "./connection.ts";
import type { Header } from "./frames.ts";
import type { Proofs } from "./proofs.ts";
import { Trouble } from "./protocol.ts";

/** Longer logins and passwords are nobody's. */
const MAX_LOGIN_CHARS = 4096;
/** What is stored may change; the forms it has are asked for again after this. */
const FORMS_MS = 1000;

function readAnswer(reply: Reply, proofs: Proofs): AuthAnswer {
  const kind = reply.text("kind");
  if (kind === "refused") return { kind };
  if (kind !== "ok") return { kind: "undecided", reason: reply.text("reason") };
  const account = reply.header["account"] as Account;
  const opened = reply.header["opened"] as Header | undefined;
  proofs.add(account, opened === undefined ? { token: reply.text("token") } : { opened });
  return { kind, account };
}

/** The keeper's answer; without it, undecided. */
async function judged(asked: Promise<Reply>, proofs: Proofs): Promise<AuthAnswer> {
  try {
    return readAnswer(await asked, proofs);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return { kind: "undecided", reason: error.message };
  }
}

const isTooLong = (...words: readonly string[]): boolean =>
  words.some((word) => word.length > MAX_LOGIN_CHARS);

/** Passwords checked by the keeper. */
export function openKeeperAuth(keeper: Asking, proofs: Proofs): Authenticator {
  return {
    checkPassword(login, password, env, opensFor = 0) {
      if (isTooLong(login, password)) return { kind: "refused" };
      const values = { login, password, env, opensFor };
      return judged(keeper.ask("login", "login", values), proofs);
    },
  };
}

/** Challenge-response pairs handed by the keeper to a program that may know the secret. Never rejects. */
export function openKeeperResponses(keeper: Asking, proofs: Proofs) {
  return (login: string, response: string, stamp: string, env: SessionEnv = {}) => {
    if (isTooLong(login, response, stamp)) {
      return Promise.resolve<AuthAnswer>({ kind: "refused" });
    }
    const values = { login, response, stamp, env };
    return judged(keeper.ask("login", "login.response", values), proofs);
  };
}

function readStep(reply: Reply, proofs: Proofs): SaslStep {
  const step = reply.text("step");
  if (step === "challenge") return { kind: step, data: reply.text("data") };
  if (step === "malformed") return { kind: step, reason: reply.text("reason") };
  return { kind: "done", login: reply.text("login"), answer: readAnswer(reply, proofs) };
}

function openExchange(
  keeper: Asking,
  proofs: Proofs,
  mechanism: string,
  hostname: string,
): SaslExchange {
  let exchange = 0;
  const take = async (asked: Promise<Reply>): Promise<SaslStep> => {
    try {
      const reply = await asked;
      if ("exchange" in reply.header) exchange = reply.number("exchange");
      return readStep(reply, proofs);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      return { kind: "done", login: "", answer: { kind: "undecided", reason: error.message } };
    }
  };
  return {
    start(initial) {
      const values = { mechanism, hostname, hasInitial: initial !== null, initial: initial ?? "" };
      return take(keeper.ask("login", "sasl.begin", values));
    },
    receive: (data) => take(keeper.ask("login", "sasl.next", { exchange, data })),
  };
}

/** Is there such a login? Neither its secret nor a token for its maildrop comes back. */
async function known(keeper: Asking, login: string): Promise<SecretAnswer> {
  if (isTooLong(login)) return { kind: "unknown" };
  try {
    const reply = await keeper.ask("login", "login.known", { login });
    if (!reply.flag("known")) return { kind: "unknown" };
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return { kind: "undecided", reason: error.message };
  }
  const account = { login, user: null, uid: null, gid: null, home: null, maildir: null };
  return { kind: "secret", account, clear: null, scram: null };
}

/** Secrets that stay with the keeper. `now` in milliseconds. */
export function openKeeperSecrets(
  keeper: Asking,
  proofs: Proofs,
  now: () => number = () => performance.now(),
): RemoteSecrets {
  let forms = { clear: false, scram: false };
  let askedAt = -Infinity;
  const askForms = () => {
    if (now() - askedAt < FORMS_MS) return;
    askedAt = now();
    keeper.ask("login", "login.forms").then((reply) => {
      forms = { clear: reply.flag("clear"), scram: reply.flag("scram") };
      // A keeper that is gone leaves what was known: the exchange will say so.
    }, () => undefined);
  };
  askForms();
  return {
    secretOf: (login) => known(keeper, login),
    forms() {
      askForms();
      return forms;
    },
    fakeScram: () => ({ salt: "", iterations: 0 }),
    exchange: (mechanism, hostname) => openExchange(keeper, proofs, mechanism, hostname),
    apop(login, digest, stamp) {
      if (isTooLong(login, digest, stamp)) return Promise.resolve({ kind: "refused" });
      return judged(keeper.ask("login", "login.apop", { login, digest, stamp }), proofs);
    },
  };
}
