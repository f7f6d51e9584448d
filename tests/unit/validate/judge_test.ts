import { assertEquals } from "@std/assert";
import { judgeRecipient, type RecipientQuestion, splitAddress } from "../../../validate/judge.ts";
import type {
  LookupResult,
  LookupService,
  Outcome,
  RcptHostsAnswer,
  Route,
} from "../../../validate/types.ts";

interface Case {
  readonly hosts?: RcptHostsAnswer;
  readonly verdict?: Outcome;
  readonly route?: Route;
  readonly relay?: string | null;
  readonly validate?: boolean;
  readonly address?: string;
}

/** The verdict, and what was asked: "hosts ADDRESS", "lookup ADDRESS". */
async function judge(given: Case, late: boolean): Promise<{ kind: string; asked: string[] }> {
  const asked: string[] = [];
  const { verdict = "deliverable", route = "local", address = "a@x" } = given;
  const lookup: LookupService = {
    lookup(of, explain) {
      asked.push(`lookup ${of}${explain === true ? " in steps" : ""}`);
      const result: LookupResult = { address: of, route, verdict, reason: "because" };
      return late ? Promise.resolve(result) : result;
    },
    rcptHosts(of) {
      asked.push(`hosts ${of}`);
      return given.hosts ?? "allowed";
    },
  };
  const question: RecipientQuestion = {
    lookup,
    address,
    relayClient: given.relay ?? null,
    validate: given.validate ?? true,
    explain: false,
  };
  const judged = judgeRecipient(question);
  if (!late) assertEquals(judged instanceof Promise, false, "known at once, but a promise");
  const { kind, recipient } = await judged;
  assertEquals(recipient, address + (given.relay ?? ""));
  return { kind, asked };
}

const H = "hosts a@x";
const L = "lookup a@x";

const CASES: readonly (readonly [string, Case, string, readonly string[]])[] = [
  ["allowed and deliverable", {}, "accepted", [H, L]],
  ["discarded mail is taken", { verdict: "discarded" }, "accepted", [H, L]],
  ["secondary MX", { verdict: "remote", route: "remote" }, "accepted", [H, L]],
  ["no mailbox", { verdict: "no-mailbox" }, "invalid", [H, L]],
  ["bounced by its dot-qmail file", { verdict: "bounced" }, "invalid", [H, L]],
  ["deferred", { verdict: "deferred" }, "undecided", [H, L]],
  ["validate off", { validate: false, verdict: "no-mailbox" }, "accepted", [H]],
  ["refused by rcpthosts", { hosts: "refused" }, "relay_refused", [H]],
  ["refused, validate off", { hosts: "refused", validate: false }, "relay_refused", [H]],
  ["rcpthosts unreadable", { hosts: "undecided" }, "unusable", [H]],
  ["no rcpthosts, ours", { hosts: "missing" }, "accepted", [H, L]],
  [
    "no rcpthosts, remote",
    {
      hosts: "missing",
      route: "remote",
      verdict: "remote",
    },
    "relay_refused",
    [H, L],
  ],
  [
    "no rcpthosts, remote, validate off",
    {
      hosts: "missing",
      route: "remote",
      verdict: "remote",
      validate: false,
    },
    "relay_refused",
    [H, L],
  ],
  [
    "no rcpthosts, route not known, validate off",
    {
      hosts: "missing",
      route: "error",
      verdict: "deferred",
      validate: false,
    },
    "undecided",
    [H, L],
  ],
  [
    "no rcpthosts, no mailbox, validate off",
    {
      hosts: "missing",
      verdict: "no-mailbox",
      validate: false,
    },
    "accepted",
    [H, L],
  ],
  ["relay client, remote", { relay: "", verdict: "remote", route: "remote" }, "accepted", [L]],
  ["relay client, appended", { relay: "@gate" }, "accepted", ["lookup a@x@gate"]],
  ["relay client, unknown", { relay: "", verdict: "no-mailbox" }, "invalid", [L]],
  ["relay client, validate off", { relay: "@gate", validate: false }, "accepted", []],
  ["no address", { address: "" }, "no_address", ["hosts "]],
  ["no address, validate off", { address: "", validate: false }, "accepted", ["hosts "]],
  ["no address, appended", { address: "", relay: "@gate" }, "accepted", ["lookup @gate"]],
];

for (const [name, given, kind, asked] of CASES) {
  Deno.test(`judgeRecipient: ${name} is ${kind}`, async () => {
    for (const late of [false, true]) assertEquals(await judge(given, late), { kind, asked });
  });
}

Deno.test("judgeRecipient: hands on the look-up's result, its reason, and the wish for steps", () => {
  const result: LookupResult = {
    address: "a@x",
    route: "local",
    verdict: "deferred",
    reason: "Home is not readable",
  };
  let wanted: boolean | undefined;
  const verdict = judgeRecipient({
    lookup: {
      lookup: (_, explain) => {
        wanted = explain;
        return result;
      },
      rcptHosts: () => "allowed",
    },
    address: "a@x",
    relayClient: null,
    validate: true,
    explain: true,
  });
  assertEquals(verdict, {
    kind: "undecided",
    recipient: "a@x",
    result,
    reason: "Home is not readable",
  });
  assertEquals(wanted, true);
});

Deno.test("splitAddress: parts at the last @", () => {
  assertEquals(splitAddress("a@b@c"), { user: "a@b", domain: "c" });
  assertEquals(splitAddress("joe"), { user: "joe", domain: "" });
});
