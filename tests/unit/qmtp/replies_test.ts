import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
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

Deno.test("replyOfOutcome: K has the time and the id, Z and D the reason and its code", () => {
  assertEquals(answerText(replyOfOutcome({ kind: "queued", id: "qp 7" }, 99)), "Kok 99 qp 7");
  const trouble = { code: "4.3.1", reason: "Full" } as const;
  assertEquals(
    answerText(replyOfOutcome({ kind: "deferred", ...trouble }, 1)),
    "ZFull (#4.3.1)",
  );
  assertEquals(
    answerText(replyOfOutcome({ kind: "refused", code: "5.7.1", reason: "a\nb\x7f" }, 1)),
    "Da?b? (#5.7.1)",
  );
});

Deno.test("aboutRecipient: a long or hostile name makes no long or broken answer", () => {
  const text = answerText(aboutRecipient(REPLIES.unknown_recipient, `\r\n\0${"x".repeat(999)}`));
  assertStringIncludes(text, "name: ???xxx");
  assert(text.length < 512, `${text.length}`);
});
