import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { NotQueued } from "../../../queue/types.ts";
import {
  aboutRecipient,
  answerText,
  netstringOf,
  REPLIES,
  replyOfOutcome,
} from "../../../qmtp/replies.ts";

const DOCS = new URL("../../../docs/qmtp.md", import.meta.url).pathname;

for (const [id, reply] of Object.entries(REPLIES)) {
  Deno.test(`REPLIES: ${id} has its id, and a code that fits its letter`, () => {
    assertEquals(reply.id, id);
    assertMatch(reply.code, reply.letter === "D" ? /^5\.\d\.\d$/ : /^4\.\d\.\d$/);
    assertMatch(answerText(reply), /^[DZ][\x20-\x7e]+ \(#[45]\.\d\.\d\)$/);
    assertEquals(netstringOf(reply), `${answerText(reply).length}:${answerText(reply)},`);
  });
}

Deno.test("docs/qmtp.md: has the answers to recipients", () => {
  const page = Deno.readTextFileSync(DOCS);
  const { unknown_recipient, relay_refused, bad_recipient, bad_sender, too_big } = REPLIES;
  const { undecided, no_delivery, too_many_recipients } = REPLIES;
  for (
    const reply of [
      unknown_recipient,
      relay_refused,
      bad_recipient,
      bad_sender,
      too_big,
      undecided,
      no_delivery,
      too_many_recipients,
    ]
  ) assertStringIncludes(page, `\`${answerText(reply)}\``);
});

Deno.test("replyOfOutcome: K has the time and the id, Z and D the code and what clients may hear", () => {
  assertEquals(answerText(replyOfOutcome({ kind: "queued", id: "qp 7" }, 99, 5)), "Kok 99 qp 7");
  const answer = (outcome: NotQueued) => answerText(replyOfOutcome(outcome, 1, 5));
  const full = { kind: "deferred", code: "4.3.1", reason: "Full" } as const;
  assertEquals(answer({ ...full, isPublic: true }), "ZFull (#4.3.1)");
  assertEquals(
    answer(full),
    "Zmessage can't be taken now, try again later (session 5) (#4.3.1)",
  );
  const refused = { kind: "refused", code: "5.7.1", reason: "a\nb\x7f" } as const;
  assertEquals(answer({ ...refused, isPublic: true }), "Da?b? (#5.7.1)");
  assertEquals(answer(refused), "Dmessage refused (session 5) (#5.7.1)");
});

Deno.test("aboutRecipient: a long or hostile name makes no long or broken answer", () => {
  const text = answerText(aboutRecipient(REPLIES.unknown_recipient, `\r\n\0${"x".repeat(999)}`));
  assertStringIncludes(text, "name: ???xxx");
  assert(text.length < 512, `${text.length}`);
});
