import { assertEquals } from "@std/assert";
import { mayBeOneOf } from "../../../policy/addresses.ts";
import { readAlwaysAccept } from "../../../policy/always_accept.ts";
import { badMailFrom, readBadMailFrom } from "../../../policy/bad_mail_from.ts";
import { badRcptTo, readBadRcptTo } from "../../../policy/bad_rcpt_to.ts";
import {
  qualifyAddress,
  readSenderDomains,
  recipientFqdn,
  senderFqdn,
} from "../../../policy/check_fqdn.ts";
import { decoy, readDecoys } from "../../../policy/decoy.ts";
import { judge } from "../../../policy/mod.ts";
import { nullSenderOnce, nullSenderToList } from "../../../policy/null_sender.ts";
import { ownSender } from "../../../policy/own_sender.ts";
import { rejectIfAny } from "../../../policy/reject_if_any.ts";
import { NOTHING_KNOWN } from "../../../policy/types.ts";
import { type AllFacts, facts, NOBODY, policyOf, shown } from "./kit.ts";

const BAD = readBadMailFrom([
  "Evil@Example.net",
  "@host.example.org",
  ".example.com",
  "@ours.example+",
  "good@x.example.com?",
  "@nodns.example-",
  "@nodomain.example~",
]);

Deno.test("badMailFrom: address, @host exact, .domain below, suffixes + and ?", () => {
  const on = (sender: string, trusted = false) =>
    shown(
      badMailFrom(BAD).judge(facts({ sender, client: { isRelayClient: trusted } }), NOTHING_KNOWN),
    );
  const refused = (key: string) => `553 bad_sender (badmailfrom: ${key})`;
  assertEquals(on("evil@example.NET"), refused("evil@example.net"));
  assertEquals(on("other@example.net"), "none");
  assertEquals(on("a@host.example.org"), refused("@host.example.org"));
  assertEquals(on("a@sub.host.example.org"), "none");
  assertEquals(on("a@sub.example.com"), refused(".example.com"));
  assertEquals(on("a@deep.sub.example.com"), refused(".example.com"));
  assertEquals(on("a@example.com"), "none", "the domain itself is another entry");
  assertEquals(on("good@x.example.com"), "none", "taken out by ?");
  assertEquals(on("a@ours.example"), refused("@ours.example"));
  assertEquals(on("a@ours.example", true), "none", "+ spares relay clients");
  assertEquals(on("evil@example.net", true), refused("evil@example.net"), "as qmail-smtpd");
  assertEquals(on("a@nodns.example"), "none");
  assertEquals(on(""), "none");
  assertEquals(BAD.notes.length, 2);
});

Deno.test("mayBeOneOf: never denies an entry, in any case, nor a local part that ends in @", () => {
  const mayBe = mayBeOneOf(["postmaster@", "Joe@Example.org", "nodomain", "\xe9t\xe9@x.example"]);
  const entries = ["postmaster", "POSTMASTER@any.example", "joe@EXAMPLE.org", "JOE@example.ORG"];
  for (const address of [...entries, "NoDomain", "\xe9t\xe9@x.example", "\xe9T\xe9@x.example"]) {
    assertEquals(mayBe(address), true, address);
  }
  for (
    const address of ["", "x", "joel@example.org", "zoe@example.org", "postmistress@x.example"]
  ) {
    assertEquals(mayBe(address), false, address);
  }
});

Deno.test("ownSender: our domain from outside; relay, login, loopback, forwarders are spared", () => {
  const policy = policyOf([ownSender((domain) => domain === "example.com")]);
  const on = (sender: string, client: Partial<AllFacts["client"]> = {}) => {
    const judged = judge("rcpt", facts({ sender, client }), policy, NOBODY);
    return judged instanceof Promise ? "late" : shown(judged.verdict);
  };
  assertEquals(on("ann@EXAMPLE.com"), "550 own_sender (own_sender: example.com)");
  assertEquals(on("ann@example.org"), "none");
  assertEquals(on(""), "none");
  for (
    const client of [
      { isRelayClient: true },
      { login: "ann" },
      { isLoopback: true },
      { isForwarder: true },
    ]
  ) assertEquals(on("ann@example.com", client), "none");
});

Deno.test("badRcptTo: address and @host, with a text of their own where there is one", () => {
  const entries = [
    "Old@example.com",
    "@gone.example  moved to example.org",
    "  ",
    ".below.example",
  ];
  const list = readBadRcptTo(entries);
  const on = (recipient: string) => badRcptTo(list).judge(facts({ recipient }), NOTHING_KNOWN);
  assertEquals(shown(on("old@Example.com")), "553 bad_recipient (badrcptto: old@example.com)");
  assertEquals(shown(on("x@gone.example")), "553 bad_recipient (badrcptto: @gone.example)");
  assertEquals(shown(on("x@sub.gone.example")), "none");
  assertEquals(shown(on("x@a.below.example")), "none", "only badmailfrom knows suffixes");
  const verdict = on("x@gone.example");
  assertEquals(verdict.kind === "refuse" && verdict.reply.text, "moved to example.org");
});

Deno.test("rejectIfAny: only the kinds that are asked for, in this transaction", () => {
  const on = (refused: Partial<AllFacts["refused"]>) =>
    shown(
      rejectIfAny(["badrcptto", "relay"]).judge(
        facts({ refused: { badrcptto: 0, relay: 0, invalid: 0, ...refused } }),
        NOTHING_KNOWN,
      ),
    );
  assertEquals(on({ badrcptto: 1 }), "553 any_bad_recipient (reject_if_any: badrcptto)");
  assertEquals(on({ relay: 2 }), "553 any_bad_recipient (reject_if_any: relay)");
  assertEquals(on({ invalid: 9 }), "none");
  assertEquals(on({}), "none");
});

Deno.test("senderFqdn: no domain, no dot, a domain not allowed; null sender and literals pass", () => {
  const on = (sender: string, domains = "") =>
    shown(senderFqdn(readSenderDomains(domains)).judge(facts({ sender }), NOTHING_KNOWN));
  assertEquals(on("joe"), "554 sender_no_domain (check_fqdn: sender)");
  assertEquals(on("@example.org"), "554 sender_no_domain (check_fqdn: sender)");
  assertEquals(on("joe.smith@example"), "554 sender_not_full (check_fqdn: sender)");
  assertEquals(on("joe@example.org"), "none");
  assertEquals(on("joe@[IPv6:::1]"), "none");
  assertEquals(on(""), "none");
  assertEquals(on("joe@Example.org", "example.com:example.org"), "none");
  assertEquals(
    on("joe@example.net", "example.com:example.org"),
    "554 sender_domain_closed (check_fqdn: SENDER_DOMAINS)",
  );
});

Deno.test("recipientFqdn: empty, no domain, no dot; postmaster alone passes", () => {
  const on = (recipient: string) =>
    shown(recipientFqdn().judge(facts({ recipient }), NOTHING_KNOWN));
  assertEquals(on(""), "554 recipient_empty (check_fqdn: recipient)");
  assertEquals(on("ann"), "554 recipient_no_domain (check_fqdn: recipient)");
  assertEquals(on("ann@example"), "554 recipient_not_full (check_fqdn: recipient)");
  assertEquals(on("PostMaster"), "none");
  assertEquals(on("ann@example.com"), "none");
});

Deno.test("qualifyAddress: DEFAULTHOST and DEFAULTDOMAIN fill in what is missing", () => {
  const both = { DEFAULTHOST: "mail", DEFAULTDOMAIN: "example.com" };
  assertEquals(qualifyAddress("ann", both), "ann@mail.example.com");
  assertEquals(qualifyAddress("ann@pc", both), "ann@pc.example.com");
  assertEquals(qualifyAddress("ann@pc.example.org", both), "ann@pc.example.org");
  assertEquals(qualifyAddress("ann@[IPv6:::1]", both), "ann@[IPv6:::1]");
  assertEquals(qualifyAddress("", both), "");
  assertEquals(qualifyAddress("ann", {}), "ann");
  assertEquals(qualifyAddress("ann", { DEFAULTHOST: "example.org" }), "ann@example.org");
});

Deno.test("nullSenderOnce: the second recipient of a message without sender", () => {
  const on = (sender: string, accepted: number) =>
    shown(nullSenderOnce().judge(facts({ sender, accepted }), NOTHING_KNOWN));
  assertEquals(on("", 0), "none");
  assertEquals(on("", 1), "550 bounce_recipients (null_sender: one recipient)");
  assertEquals(on("joe@example.org", 1), "none");
});

Deno.test("nullSenderToList: posting addresses that the look-up or the file names", () => {
  const on = (sender: string, recipient: string, isListPosting: boolean) =>
    shown(
      nullSenderToList(new Set(["list@example.com"])).judge(
        facts({ sender, recipient, isListPosting }),
        NOTHING_KNOWN,
      ),
    );
  assertEquals(on("", "List@example.com", false), "550 bounce_to_list (null_sender: list)");
  assertEquals(on("", "other@example.com", true), "550 bounce_to_list (null_sender: list)");
  assertEquals(on("", "list-return-1@example.com", false), "none");
  assertEquals(on("joe@example.org", "list@example.com", true), "none");
});

Deno.test("readAlwaysAccept: a local part at every domain, or a whole address", () => {
  const has = readAlwaysAccept(["postmaster@", "Abuse@", "help@example.com"]);
  const given = ["PostMaster@example.com", "postmaster", "abuse@x.org", "help@Example.com"];
  assertEquals(given.map(has), [true, true, true, true]);
  assertEquals(["help@x.org", "postmasters@x.org"].map(has), [false, false]);
});

Deno.test("decoy: accepted for good, so that the guesser believes it", () => {
  const decoys = readDecoys(["Info1@example.com"]);
  const on = (recipient: string) => shown(decoy(decoys).judge(facts({ recipient }), NOTHING_KNOWN));
  assertEquals(on("info1@EXAMPLE.com"), "accept! decoy: info1@example.com");
  assertEquals(on("info2@example.com"), "none");
  const given = facts({ recipient: "info1@example.com", client: { isForwarder: true } });
  const judged = judge("rcpt", given, policyOf([decoy(decoys)]), NOBODY);
  const forwarded = judged instanceof Promise ? "late" : shown(judged.verdict);
  assertEquals(forwarded, "none", "who forwards for us is not taken for a guesser");
});
