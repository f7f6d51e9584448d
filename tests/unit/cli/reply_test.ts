/** The reply catalogue. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../../cli/command.ts";
import { answer } from "../../../cli/reply.ts";
import {
  entryIds,
  entryOf,
  knownReplies,
  repliesOf,
  seenBySender,
} from "../../../cli/reply_catalogue.ts";
import { CONTENT_REPLIES, POLICY_REPLIES } from "../../../policy/replies.ts";
import { REPLIES as POP3_REPLIES } from "../../../pop3/replies.ts";
import { REPLIES as QMTP_REPLIES } from "../../../qmtp/replies.ts";
import { settingNamed } from "../../../settings/names.ts";
import { REPLIES as SMTP_REPLIES } from "../../../smtp/replies.ts";

Deno.test("knownReplies: every reply of every service has an entry, and every entry a reply", () => {
  const ids = new Set(knownReplies().map(({ id }) => id));
  assertEquals([...ids].filter((id) => entryOf(id) === null), []);
  assertEquals(entryIds().filter((id) => !ids.has(id)), []);
});

Deno.test("knownReplies: the replies of every table that a service has are there", () => {
  const ids = new Set(knownReplies().map(({ id }) => id));
  const tables = [SMTP_REPLIES, POLICY_REPLIES, CONTENT_REPLIES, QMTP_REPLIES, POP3_REPLIES];
  for (const { id } of tables.flatMap((table) => Object.values<{ id: string }>(table))) {
    assert(ids.has(id), id);
  }
});

Deno.test("entryOf: settings that an entry speaks of are settings", () => {
  const wrong = entryIds().flatMap((id) => {
    const words = (entryOf(id)?.made ?? "").matchAll(/\b[a-z0-9]+(?:_[a-z0-9]+)+\b/g);
    return [...words].filter(([word]) => settingNamed(word) === null).map(([word]) =>
      `${id}: ${word}`
    );
  });
  assertEquals(wrong, []);
});

Deno.test("entryOf: who refuses says why", () => {
  const silent = knownReplies().filter(({ id }) => entryOf(id)?.meaning === "");
  assertEquals(silent, []);
});

Deno.test("repliesOf: by id, by code, by enhanced status code, by both", () => {
  assertEquals(repliesOf("unknown_recipient").map(({ service }) => service), ["smtp", "qmtp"]);
  assert(repliesOf("451").every(({ code }) => code.startsWith("451")));
  assert(repliesOf("5.1.1").some(({ id }) => id === "unknown_recipient"));
  assertEquals(repliesOf("550 5.1.1").map(({ id }) => id), ["unknown_recipient"]);
  assertEquals(repliesOf("auth.failed").map(({ id }) => id), ["pop3.auth.failed"]);
  assertEquals(repliesOf(""), []);
});

Deno.test("seenBySender: 4xx and Z are tried again, 5xx and D bounce", () => {
  const of = (id: string) => repliesOf(id).map(seenBySender);
  assert(of("unknown_recipient").every((text) => text.includes("bounce")));
  assert(of("undecided").every((text) => text.includes("tries again")));
  assert(of("pop3.auth.failed").every((text) => text.includes("shows it")));
});

Deno.test("answer: a screen for one, a line each for all, JSON, and a sentence for what is none", () => {
  const text = answer("greylisted", false);
  assertStringIncludes(text, "451 4.7.1 greylisted, try again later");
  assertStringIncludes(text, "made by: settings greylist");
  assertEquals(answer(undefined, false).split("\n").length, knownReplies().length);
  assertEquals(JSON.parse(answer("greylisted", true))[0].id, "greylisted");
  assertThrows(() => answer("999", false), UsageError, 'No reply has the id or code "999"');
});
