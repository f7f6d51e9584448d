import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { locateMaildir } from "../../../pop3/locate.ts";
import { MaildropError } from "../../../pop3/maildrop.ts";
import type { LookupResult, Outcome } from "../../../validate/types.ts";
import { JOE } from "./kit.ts";

function found(verdict: Outcome, home?: string): LookupResult {
  const base = { address: "joe", route: "local", verdict, reason: "so it is", steps: [] } as const;
  return home === undefined ? base : { ...base, home };
}

const never = {
  lookup(): never {
    throw new Error("the look-up was asked");
  },
};

Deno.test("locateMaildir: home and Maildir of the user file", () => {
  assertEquals(locateMaildir(JOE, never, ""), "/home/joe/Maildir");
  assertEquals(locateMaildir({ ...JOE, maildir: "./Mail/" }, never, "/r"), "/r/home/joe/./Mail");
  assertEquals(locateMaildir({ ...JOE, home: null, maildir: "/var/x/" }, never, "/r"), "/r/var/x");
});

Deno.test("locateMaildir: binary names are UTF-8, others are refused", () => {
  assertEquals(locateMaildir({ ...JOE, home: "/h/j\xc3\xb6e" }, never, ""), "/h/jöe/Maildir");
  assertThrows(
    () => locateMaildir({ ...JOE, home: "/h/j\xf6e" }, never, ""),
    MaildropError,
    "UTF-8",
  );
});

Deno.test("locateMaildir: without a home the login's address is looked up", async () => {
  const account = { ...JOE, home: null };
  const answers = (result: LookupResult) => ({ lookup: () => result });
  assertEquals(
    locateMaildir(account, answers(found("deliverable", "/home/j")), ""),
    "/home/j/Maildir",
  );
  const later = { lookup: () => Promise.resolve(found("deliverable", "/home/j")) };
  assertEquals(await locateMaildir(account, later, ""), "/home/j/Maildir");
  for (
    const [result, kind] of [
      [found("no-mailbox"), "permanent"],
      [found("remote"), "permanent"],
      [found("deferred"), "temporary"],
    ] as const
  ) {
    const error = assertThrows(() => locateMaildir(account, answers(result), ""), MaildropError);
    assertEquals(error.kind, kind, result.verdict);
  }
  const undecided = { lookup: () => Promise.resolve(found("deferred")) };
  await assertRejects(async () => await locateMaildir(account, undecided, ""), MaildropError);
});
