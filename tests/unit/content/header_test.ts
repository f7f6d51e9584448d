import { assert, assertEquals } from "@std/assert";
import { bytesOf } from "../../../content/binary.ts";
import {
  fieldOf,
  HEADER_BYTES,
  hopsOf,
  isNamed,
  parseHeader,
  readHeader,
  writtenField,
} from "../../../content/header.ts";

const namesOf = (text: string) => parseHeader(text, true).fields.map(({ name }) => name);

async function* pieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) {
    yield await Promise.resolve(bytesOf(text.slice(at, at + size)));
  }
}

Deno.test("parseHeader: fields in their order, folding kept in raw, undone in value", () => {
  const { fields, bytes, isCut } = parseHeader("A: 1\nB:2\n\t3\n  4\nC :5\n\nbody: no\n", true);
  assertEquals(fields, [
    { name: "A", raw: "A: 1\n", value: " 1" },
    { name: "B", raw: "B:2\n\t3\n  4\n", value: "2\t3  4" },
    { name: "C", raw: "C :5\n", value: "5" },
  ]);
  assertEquals([bytes, isCut], ["A: 1\nB:2\n\t3\n  4\nC :5\n".length, false]);
});

Deno.test("parseHeader: all there is, raw, is what was there", () => {
  for (
    const text of ["", "\n", "\n\n", "a", "a\n", "x: 1", " folded\nx: 1\n\nz", "x: 1\r\n\r\n\n"]
  ) {
    const { fields, bytes } = parseHeader(text, true);
    assertEquals(fields.map(({ raw }) => raw).join(""), text.slice(0, bytes));
  }
});

Deno.test("parseHeader: a line that is no field hides nothing that follows", () => {
  assertEquals(namesOf("From me\nA: 1\nno field\n more\nB: 2\n\nC: 3\n"), ["", "A", "", "B"]);
});

Deno.test("parseHeader: 8-bit bytes and NUL stay as they are", () => {
  const { fields } = parseHeader("Subject: \xff\0\x80\n\n", true);
  assertEquals(fields[0]?.value, " \xff\0\x80");
});

Deno.test("readHeader: the same whatever the pieces are like", async () => {
  const text = "A: 1\nB: 2\n 3\n\nbody\n\nmore\n";
  const whole = parseHeader(text, true);
  for (let size = 1; size <= text.length; size++) {
    assertEquals(await readHeader(pieces(text, size)), whole, `pieces of ${size}`);
  }
});

Deno.test("readHeader: a header of N bytes is whole, one of N+1 is cut before its last field", async () => {
  const blank = "\n";
  const field = (n: number) => `X: ${"y".repeat(n - 4)}\n`;
  const fits = `A: 1\n${field(HEADER_BYTES - 5 - 1)}${blank}`;
  const whole = await readHeader(pieces(`${fits}body\n`, 65536));
  assertEquals([whole.isCut, whole.fields.length, whole.bytes], [false, 2, HEADER_BYTES - 1]);
  const over = `A: 1\n${field(HEADER_BYTES - 5)}${blank}`;
  const cut = await readHeader(pieces(`${over}body\n`, 65536));
  assertEquals([cut.isCut, cut.fields.length, cut.bytes], [true, 1, 5]);
});

Deno.test("readHeader: a field too long to be seen leaves none", async () => {
  const cut = await readHeader(pieces(`X: ${"y".repeat(300_000)}\nBcc: a@b\n\n`, 65536));
  assertEquals([cut.isCut, cut.fields.length, cut.bytes], [true, 0, 0]);
});

Deno.test("hopsOf: Received or Delivered-To, the larger number, whatever their case", () => {
  const { fields } = parseHeader("RECEIVED: a\nreceived: b\nDelivered-To: c\nX: d\n\n", true);
  assertEquals(hopsOf(fields), 2);
});

Deno.test("isNamed: without regard to case, whole names only", () => {
  const field = fieldOf("SUBJECT: x\n");
  assert(isNamed(field, "Subject") && !isNamed(field, "Subj"));
});

Deno.test("writtenField: no line of it begins another field, none is empty", () => {
  assertEquals(writtenField("A: 1"), "A: 1\n");
  assertEquals(writtenField("A: 1\n 2\n"), "A: 1\n 2\n");
  assertEquals(writtenField("A: 1\r\nB: 2\0"), "A: 1\n B: 2\n");
  assertEquals(writtenField("A: 1\n\n\nB: 2"), "A: 1\n B: 2\n");
  assertEquals(writtenField("A: 1\n \n\t\n 2"), "A: 1\n 2\n");
});
