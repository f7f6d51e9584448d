import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeDifference, hintFor } from "../../transcript/describe.ts";
import type { Difference } from "../../transcript/difference.ts";
import { mailDataLines } from "../../transcript/mail_data.ts";
import { parseTranscript } from "../../transcript/format.ts";
import { startMailData, takeData } from "../../smtp/data.ts";

const differ = (expected: string, got: string, before: string[] = []): Difference => ({
  line: 3,
  expected,
  got,
  came: "line",
  before,
});

Deno.test("hintFor: the common cases have one, others none", () => {
  const rcpt = ["S: 250 ok", "C: RCPT TO:<joe@example.org>"];
  const cases: [Difference, string | null][] = [
    [differ("250 *", "550 5.1.1 no mailbox", rcpt), "qfront lookup joe@example.org"],
    [differ("550 *", "250 2.1.5 ok", rcpt), "the recipient is taken"],
    [differ("250 *", "550 5.1.1 no mailbox", ["C: MAIL FROM:<>", ...rcpt.slice(1)]), null],
    [differ("250 *", "451 4.3.0 later", rcpt), "4xx"],
    [differ("250 *", "421 4.7.0 too many", rcpt), "421"],
    [differ("250 ok", "250-first"), "several lines"],
    [differ("nothing more", "250 x"), "says more than is expected"],
    [differ("the end of the session", "250 x"), "the session goes on"],
    [differ("250 ok", "250 no"), null],
    [{ ...differ("250 *", "nothing", ["S: 354 go ahead"]), came: "nothing" }, "C: ."],
    [{ ...differ("250 *", "nothing"), came: "nothing" }, "--wait"],
    [{ ...differ("250 *", "the end", ["S: 421 4.7.0 x"]), came: "end" }, "421 ends a session"],
    [{ ...differ("250 *", "a line that ends in LF alone: x"), came: "other" }, "CR LF"],
  ];
  for (const [difference, words] of cases) {
    const hint = hintFor(difference);
    if (words === null) assertEquals(hint, null);
    else assertStringIncludes(hint ?? "", words);
  }
  const quoted = differ("250 *", "550 5.1.1 no", ["C: RCPT TO:<a'b@example.org>"]);
  assertStringIncludes(hintFor(quoted) ?? "", `'a'\\''b@example.org'`);
});

Deno.test("describeDifference: a mark stands where two lines with the same code part", () => {
  const lines = (expected: string, got: string) =>
    describeDifference("f", differ(expected, got)).split("\n");
  assertEquals(
    lines("250 mail.example.org", "250 mail.example.net").at(-1),
    `${" ".repeat(12 + 17)}^`,
  );
  assertEquals(lines("250 *", "550 5.7.1 no").length, 3);
  assertEquals(lines("250 o*", "250 x").at(-1), `${" ".repeat(16)}^`);
});

Deno.test("mailDataLines: as many bytes as asked for, whatever the number, and hops where they are wanted", () => {
  for (const bytes of [0, 1, 2, 8, 9, 10, 71, 72, 73, 90, 5000, 100_000]) {
    for (const hops of [false, true]) {
      const { steps } = parseTranscript(mailDataLines(bytes, hops).join("\n"));
      const sent = steps.map((step) => step.kind === "send" ? step.bytes : "").join("");
      const chunk = Uint8Array.from(sent, (c) => c.charCodeAt(0));
      const data = startMailData(false);
      const out = new Uint8Array(chunk.length + 10);
      for (let at = 0; at < chunk.length && data.end === "open"; at = data.next) {
        takeData(data, chunk, at, out);
      }
      assertEquals([data.end, data.bytes], ["complete", bytes]);
      if (hops) assertEquals(data.hops, Math.floor(bytes / 9));
    }
  }
});
