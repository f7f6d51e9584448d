/**
 * May this recipient be had? The one rule for every way in, short of protocol: relay client or rcpthosts, then - where
 * qmail's own servers would say yes to anything - the look-up.
 *
 * Pure: it counts nothing, traces nothing and answers nobody; what a verdict means for a session is the protocol's
 * affair. An answer that is known at once comes as a value, not a promise.
 *
 * DIFFERS: a missing rcpthosts makes qmail-smtpd an open relay. Here it means: what the look-up calls local or virtual,
 * and nothing else.
 */
import { answerOf, type LookupResult, type LookupService } from "./types.ts";

/** What is to be judged. Addresses are binary strings. */
export interface RecipientQuestion {
  readonly lookup: LookupService;
  readonly address: string;
  /** RELAYCLIENT: what is appended to the address of a relay client; null: a stranger. */
  readonly relayClient: string | null;
  /** Look every recipient up; false accepts as qmail does. */
  readonly validate: boolean;
  /** The look-up's steps are wanted, for the trace. */
  readonly explain: boolean;
}

/** Every verdict says which address was looked up (RELAYCLIENT appended) and what was found; null: nothing was asked. */
interface Judged {
  readonly recipient: string;
  readonly result: LookupResult | null;
}

/** What became of it. */
export type RecipientVerdict =
  & Judged
  & (
    /** `recipient` is what goes into the envelope. */
    | { readonly kind: "accepted" }
    /** qmail would not deliver to it. */
    | { readonly kind: "invalid" }
    /** There is no address at all. */
    | { readonly kind: "no_address" }
    /** Not ours, and the client is none whose mail is sent on. */
    | { readonly kind: "relay_refused" }
    /** Can't be known now. `reason`: a sentence. */
    | { readonly kind: "undecided"; readonly reason: string }
    /** rcpthosts can't be read: nobody can be served. */
    | { readonly kind: "unusable" }
  );

/** Judges a recipient. */
export function judgeRecipient(
  question: RecipientQuestion,
): RecipientVerdict | Promise<RecipientVerdict> {
  const { address, relayClient, validate } = question;
  if (relayClient !== null) {
    const recipient = address + relayClient;
    return validate ? lookUp(question, recipient, false) : verdict("accepted", recipient);
  }
  switch (question.lookup.rcptHosts(address)) {
    case "refused":
      return verdict("relay_refused", address);
    case "undecided":
      return verdict("unusable", address);
    case "missing":
      return lookUp(question, address, true);
    case "allowed":
      return validate ? lookUp(question, address, false) : verdict("accepted", address);
  }
}

type Plain = Exclude<RecipientVerdict["kind"], "undecided">;

function verdict(
  kind: Plain,
  recipient: string,
  result: LookupResult | null = null,
): RecipientVerdict {
  return { kind, recipient, result };
}

/** Asks the look-up; `mustBeOurs`: remote addresses are relay attempts. */
function lookUp(
  question: RecipientQuestion,
  recipient: string,
  mustBeOurs: boolean,
): RecipientVerdict | Promise<RecipientVerdict> {
  // DIFFERS: qmail takes a recipient without an address, and the message is delivered to nobody without a word.
  if (recipient === "" && question.validate) return verdict("no_address", recipient);
  const result = question.lookup.lookup(recipient, question.explain);
  // Once for each recipient of every session: "in" costs less than "instanceof".
  if ("verdict" in result) return conclude(question.validate, recipient, result, mustBeOurs);
  return result.then((late) => conclude(question.validate, recipient, late, mustBeOurs));
}

function conclude(
  validate: boolean,
  recipient: string,
  result: LookupResult,
  mustBeOurs: boolean,
): RecipientVerdict {
  if (mustBeOurs && result.route === "remote") return verdict("relay_refused", recipient, result);
  // Without rcpthosts nothing else says whether it is ours: not known is not yes, looked up or not.
  if (mustBeOurs && result.route === "error") return undecided(recipient, result);
  if (!validate) return verdict("accepted", recipient, result);
  switch (answerOf(result)) {
    case "deliverable":
      return verdict("accepted", recipient, result);
    case "undeliverable":
      return verdict("invalid", recipient, result);
    case "undecided":
      return undecided(recipient, result);
  }
}

function undecided(recipient: string, result: LookupResult): RecipientVerdict {
  return { kind: "undecided", recipient, result, reason: result.reason };
}

/** Local part and domain of a recipient, parted at the last "@", as the trace shows them. */
export function splitAddress(address: string): { readonly user: string; readonly domain: string } {
  const at = address.lastIndexOf("@");
  return at < 0
    ? { user: address, domain: "" }
    : { user: address.slice(0, at), domain: address.slice(at + 1) };
}
