import { assert, assertEquals } from "@std/assert";
import { patternsCheck } from "../../../content/patterns.ts";
import { parsePatterns } from "../../../content/patterns_parse.ts";
import { messageOf, opinion, run, shown, verdictOf } from "./kit.ts";

const check = (file: string, lineBytes = 256, text = "") =>
  patternsCheck("on", { patterns: parsePatterns(file), lineBytes, text });
const HEADER = "Subject: x\n\n";

const VERDICTS: readonly (readonly [file: string, text: string, verdict: string])[] = [
  ["\\TVqQ*", `${HEADER}TVqQAAM\n`, "554 pattern"],
  ["\\TVqQ*", `${HEADER}first\nTVqQAAM\n`, "none"],
  ["\\TVqQ*", `${HEADER}first\n\nTVqQAAM\n`, "554 pattern"],
  ["\\TVqQ*", `${HEADER}first\n\n\n\nTVqQAAM\n`, "554 pattern"],
  ["\\TVqQ*", "TVqQ: x\n\n", "none"],
  ["\\tvqq*", `${HEADER}TVqQAAM\n`, "none"],
  [":Subject: x", HEADER, "554 pattern"],
  [":Subject: x", "A: b\n\nSubject: x\n", "none"],
  [" *evil*", `${HEADER}an evil word\n`, "554 pattern"],
  [" Subject: *", HEADER, "554 pattern"],
  // The first byte is no part of the pattern, whatever it is.
  ["*evil", `${HEADER}evil\n`, "554 pattern"],
  ["*evil", `${HEADER}an evil\n`, "none"],
  // A last line that has no end is none.
  [" evil", `${HEADER}evil`, "none"],
  ["#Subject*", HEADER, "none"],
  ["=text", HEADER, "none"],
  ["", HEADER, "none"],
];
for (const [file, text, wanted] of VERDICTS) {
  Deno.test(`patternsCheck: ${file} on ${JSON.stringify(text)}: ${wanted}`, async () =>
    assertEquals(verdictOf(await opinion(check(file), text)), wanted));
}

async function replyOf(file: string, text = "") {
  const { verdict } = await opinion(check(file, 256, text), `${HEADER}evil\n`);
  assert(verdict.kind === "refuse");
  return verdict.reply.text;
}

Deno.test("patternsCheck: = is the reply of what follows it; PATTERNS_RESP, then the general one", async () => {
  assertEquals(await replyOf("=one\n x\n=two (#5.3.4)  \n evil"), "two (#5.3.4)");
  assertEquals(await replyOf(" evil", "mine"), "mine");
  assertEquals(await replyOf(" evil\n=later"), "This message contains prohibited content");
});

Deno.test("patternsCheck: N bytes of a line are looked at, the byte behind them is not", async () => {
  const line = `${HEADER}0123456789\n`;
  assertEquals(verdictOf(await opinion(check(" *9", 10), line)), "554 pattern");
  assertEquals(verdictOf(await opinion(check(" *9", 9), line)), "none");
  assertEquals(verdictOf(await opinion(check(" *8", 9), line)), "554 pattern");
});

Deno.test("patternsCheck: a pattern across two pieces is seen", async () => {
  const message = messageOf(`${HEADER}a line with evil in it\n`, 3);
  const found = await check(" *evil*").examine(message, {} as never, new Map());
  assertEquals(verdictOf(found), "554 pattern");
});

Deno.test("config/badmimes: finds the beginning of a program, lets an image pass", async () => {
  const file = Deno.readTextFileSync(new URL("../../../config/badmimes", import.meta.url));
  const part = (body: string) =>
    `MIME-Version: 1.0\n\n--b\nContent-Transfer-Encoding: base64\n\n${body}\n--b--\n`;
  const setup = { settings: { patterns: "on" as const }, files: { patterns: file } };
  assertEquals(shown(await run(part("TVqQAAMAAAAEAAAA"), setup)), "554 pattern");
  assertEquals(shown(await run(part("iVBORw0KGgoAAAAN"), setup)), "queued");
});

Deno.test("openContent: PATTERNS names the file, from the qmail directory or absolute", async () => {
  const settings = { patterns: "on" as const };
  const files = { "/var/qmail/control/bad": " evil\n", "/etc/bad": " evil\n" };
  for (const name of ["control/bad", "/etc/bad"]) {
    const ran = await run(`${HEADER}evil\n`, { settings, files, env: { PATTERNS: name } });
    assertEquals(shown(ran), "554 pattern");
  }
});

Deno.test("openContent: PATTERNS_LINEMAX is N; what is no number is passed over", async () => {
  const setup = { settings: { patterns: "on" as const }, files: { patterns: " *9\n" } };
  const text = `${HEADER}0123456789\n`;
  const at = async (PATTERNS_LINEMAX: string) =>
    shown(await run(text, { ...setup, env: { PATTERNS_LINEMAX } }));
  assertEquals(await Promise.all(["9", "10", "x", "0"].map(at)), [
    "queued",
    "554 pattern",
    "554 pattern",
    "554 pattern",
  ]);
});
