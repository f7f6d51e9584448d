import { assertEquals } from "@std/assert";
import { formatIndex, parseIndex, sizeFromName } from "../../../pop3/size_index.ts";

const ENTRIES = [
  { base: "1.a", mtime: 1, raw: 10, sent: 12 },
  { base: "2 with blanks ü", mtime: 2, raw: 10, sent: -1 },
];

Deno.test("parseIndex: reads what formatIndex wrote", () => {
  const text = formatIndex([...ENTRIES, { base: "line\nend", mtime: 3, raw: 1, sent: 1 }])!;
  const expected = ENTRIES.map(({ base, ...known }) => [base, known] as const);
  assertEquals([...parseIndex(text)!], expected);
});

Deno.test("parseIndex: another format is none, a broken line is skipped", () => {
  assertEquals(parseIndex("qfront-sizes 2\n1 1 1 a\n"), null);
  const text = "qfront-sizes 1\nx\n1 10 9 small\n1 10 23 large\n1 10 22 most\n1 10 10 cut";
  assertEquals([...parseIndex(text)!.keys()], ["most"]);
});

Deno.test("sizeFromName: W= as Maildir++ writes it, if it can be true", () => {
  assertEquals(sizeFromName("1.a,S=10,W=12", 10), 12);
  assertEquals(sizeFromName("1.a,W=12,S=10", 10), 12);
  assertEquals(sizeFromName("1.a,S=10", 10), -1);
  assertEquals(sizeFromName("1.a,W=9", 10), -1);
  assertEquals(sizeFromName("1.a,W=23", 10), -1);
  assertEquals(sizeFromName("1.a,W=12x", 10), -1);
});
