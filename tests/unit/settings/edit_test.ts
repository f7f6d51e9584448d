import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EditError, editSetting } from "../../../settings/edit.ts";
import { parseTraceCfg } from "../../../settings/parse.ts";

const CASES: readonly [name: string, before: string, after: string][] = [
  ["a value", "helo: shadow\n", "helo: on\n"],
  ["a comment behind it", "helo: shadow   # since March\n", "helo: on   # since March\n"],
  ["other spellings", "  HELO=shadow\r\ntrace_level 2\r\n", "  HELO=on\r\ntrace_level 2\r\n"],
  ["blanks for a separator", "helo \t shadow\nspf: on\n", "helo \t on\nspf: on\n"],
  ["quotes", "helo: 'shadow' # x\n", "helo: 'on' # x\n"],
  ["a quoted key", '"helo": "shadow"\n', '"helo": "on"\n'],
  ["no value", "helo:\nspf: on\n", "helo: on\nspf: on\n"],
  ["no value and a comment", "helo: # shadow?\n", "helo: on # shadow?\n"],
  ["a bare key", "helo\n", "helo on\n"],
  ["no end of line", "trace_level: 2\nhelo: shadow", "trace_level: 2\nhelo: on"],
  ["the one that counts of two", "helo: off\nhelo: shadow\n", "helo: off\nhelo: on\n"],
  ["a mark of byte order", "\u00EF\u00BB\u00BFhelo: shadow\n", "\u00EF\u00BB\u00BFhelo: on\n"],
  ["a missing one", "trace_level: 2\n", "trace_level: 2\nhelo: on\n"],
  ["a missing one, CRLF", "trace_level: 2\r\nspf: on", "trace_level: 2\r\nspf: on\r\nhelo: on\r\n"],
  ["an empty file", "", "helo: on\n"],
  [
    "below its commented default",
    "# Who is it\n#helo: off\n\n# SPF\nspf: on\n",
    "# Who is it\n#helo: off\nhelo: on\n\n# SPF\nspf: on\n",
  ],
  [
    "behind values of several lines",
    "smtp_listen:\n  - :25\n  - :26\n",
    "smtp_listen:\n  - :25\n  - :26\nhelo: on\n",
  ],
  [
    "not within a value of several lines",
    "smtp_listen:\n  - :25\n  # helo: off\n  - :26\n",
    "smtp_listen:\n  - :25\n  # helo: off\n  - :26\nhelo: on\n",
  ],
];

for (const [name, before, after] of CASES) {
  Deno.test(`editSetting: changes ${name}, and no other byte`, async () => {
    const edit = await editSetting(before, "helo", "on");
    assertEquals(edit.text, after);
    assertEquals((await parseTraceCfg(edit.text)).values.get("helo")?.text, "on");
    assertEquals(after.split(/\r\n|\n/)[edit.line - 1], edit.after);
  });
}

Deno.test("editSetting: the sample trace.cfg keeps every comment", async () => {
  const text = Deno.readTextFileSync(new URL("../../../config/trace.cfg", import.meta.url));
  const { text: edited, after } = await editSetting(text, "trace_format", "json");
  const lines = edited.split("\n");
  assertEquals(lines.filter((line) => line !== after), text.split("\n"));
  assertEquals(lines[lines.indexOf(after) - 1], "#trace_format: katr");
});

Deno.test("editSetting: what only an editor can change is refused in a sentence", async () => {
  const cases: [string, string][] = [
    ["{helo: shadow, spf: on}\n", "an editor"],
    ["{spf: on}\n", "more than lines"],
    ["helo: >\n  shadow\n", "Line 1"],
    ["??\nhelo: shadow\n", "Line 1 must be mended first"],
  ];
  for (const [text, sentence] of cases) {
    const error = await assertRejects(() => editSetting(text, "helo", "on"), EditError);
    assertStringIncludes(error.message, sentence, text);
  }
});
