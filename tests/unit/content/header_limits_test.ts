import { assertEquals } from "@std/assert";
import { countAddresses, headerLimits } from "../../../content/header_limits.ts";
import { opinion, verdictOf } from "./kit.ts";

const COUNTS: readonly (readonly [string, number])[] = [
  ["", 0],
  [" ", 0],
  ["a@b", 1],
  [" a@b, c@d", 2],
  ["a@b,,c@d,", 2],
  ['"last, first" <a@b>, c@d', 2],
  ["a@b (x, y, (z, \\)) w), c@d", 2],
  ["<@a,@b:c@d>, e@f", 2],
  ["undisclosed-recipients:;", 0],
  ["friends: a@b, c@d; e@f", 3],
  ["a@[192.0.2.1], b@c", 2],
  ['"never ends, a@b, c@d', 1],
];
for (const [value, count] of COUNTS) {
  Deno.test(`countAddresses: ${JSON.stringify(value)} has ${count}`, () =>
    assertEquals(countAddresses(value), count));
}

const check = headerLimits("on", { maxRecipients: 3, refusesBcc: true, maxBytes: 100 });
const VERDICTS: Readonly<Record<string, readonly [string, string]>> = {
  "N recipients": ["To: a@b, c@d\nCc: e@f\n\n", "none"],
  "N+1 recipients": ["To: a@b, c@d\nCC: e@f, g@h\n\n", "554 header_recipients"],
  "an address in Bcc": ["Bcc: a@b\n\n", "554 header_bcc"],
  "an empty Bcc": ["Bcc: \n\n", "none"],
  "a header of N bytes": [`X: ${"y".repeat(96)}\n\n`, "none"],
  "a header of N+1 bytes": [`X: ${"y".repeat(97)}\n\n`, "554 header_size"],
  "recipients in the body": [`\nTo: ${"a@b, ".repeat(100)}\n`, "none"],
};
for (const [what, [text, wanted]] of Object.entries(VERDICTS)) {
  Deno.test(`headerLimits: ${what}: ${wanted}`, async () =>
    assertEquals(verdictOf(await opinion(check, text)), wanted));
}

Deno.test("headerLimits: a header that was cut is too large, whatever was seen of it", async () => {
  const large = headerLimits("on", { maxRecipients: 0, refusesBcc: false, maxBytes: 262_144 });
  const text = `X: ${"y".repeat(300_000)}\n\n`;
  assertEquals(verdictOf(await opinion(large, text)), "554 header_size");
});

Deno.test("headerLimits: limits of 0 are none", async () => {
  const none = headerLimits("on", { maxRecipients: 0, refusesBcc: false, maxBytes: 0 });
  const text = `Bcc: ${"a@b, ".repeat(1000)}\n\n`;
  assertEquals(verdictOf(await opinion(none, text)), "none");
});
