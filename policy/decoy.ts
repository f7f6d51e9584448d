/**
 * control/trapto: recipients that nobody has, put where only guessers and harvesters find them.
 * RCPT says yes, the client's network is marked for a ban, and nothing is ever delivered there.
 */
import { lowerAscii, mayBeOneOf } from "./addresses.ts";
import { accepting, NONE } from "./replies.ts";
import type { Check } from "./types.ts";

/** Reads the entries: addresses. */
export function readDecoys(entries: readonly string[]): ReadonlySet<string> {
  return new Set(entries.map((entry) => lowerAscii(entry.trim())));
}

/**
 * Accepts for good; who sees a verdict of this check marks the client and leaves the recipient out
 * of the envelope.
 */
export function decoy(decoys: ReadonlySet<string>): Check<"rcpt"> {
  const mayBe = mayBeOneOf(decoys);
  return {
    name: "decoy",
    stage: "rcpt",
    spares: ["trusted", "loopback", "forwarder", "recipient"],
    judge({ recipient, client }) {
      if (!mayBe(recipient)) return NONE;
      const key = lowerAscii(recipient);
      if (!decoys.has(key)) return NONE;
      const reason =
        `${client.ip} knows "${recipient}" of control/trapto, which nobody was ever told`;
      return accepting(`decoy: ${key}`, reason, true);
    },
  };
}
