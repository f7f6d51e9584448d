import { assertEquals } from "@std/assert";
import { latin1 } from "../../../pop3/replies.ts";
import { endsOpen, growth, newWireState, toWire, wireBytes } from "../../../pop3/wire.ts";

/** `text` in wire form, given in pieces of `size` bytes. */
function wire(text: string, size: number, bodyLines = -1): string {
  const state = newWireState(bodyLines);
  const bytes = latin1(text);
  const to = new Uint8Array(wireBytes(size));
  let out = "";
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    out += String.fromCharCode(...to.subarray(0, toWire(state, piece, piece.length, to)));
  }
  return endsOpen(state) ? `${out}\r\n` : out;
}

const FORMS: readonly [string, string][] = [
  ["", ""],
  ["\n", "\r\n"],
  [".", "..\r\n"],
  [".\n", "..\r\n"],
  ["..\n.x\n", "...\r\n..x\r\n"],
  ["a.b\n.\n", "a.b\r\n..\r\n"],
  ["a\r\nb\r\n", "a\r\nb\r\n"],
  ["a\r\n.\r\n", "a\r\n..\r\n"],
  ["a\rb\n\rc\n", "a\rb\r\n\rc\r\n"],
  ["\r.\n", "\r.\r\n"],
  ["a\r", "a\r\r\n"],
  ["no end", "no end\r\n"],
  ["\0\n\xff\n", "\0\r\n\xff\r\n"],
];

Deno.test("toWire: line ends, dots and missing last line ends, whatever the pieces", () => {
  for (const [from, to] of FORMS) {
    for (let size = 1; size <= from.length + 1; size++) {
      assertEquals(wire(from, size), to, JSON.stringify({ from, size }));
    }
  }
});

Deno.test("toWire: a piece can't grow beyond wireBytes", () => {
  const state = newWireState(-1);
  const from = latin1(".\n".repeat(500));
  assertEquals(toWire(state, from, from.length, new Uint8Array(5000)) <= wireBytes(1000), true);
});

const MAIL = "Subject: x\nTo: y\n\none\n.two\n\nthree\n";

Deno.test("toWire: TOP sends the header, its blank line and k lines, whatever the pieces", () => {
  const header = "Subject: x\r\nTo: y\r\n\r\n";
  const body = ["one\r\n", "..two\r\n", "\r\n", "three\r\n"];
  for (let k = 0; k <= 6; k++) {
    for (let size = 1; size <= MAIL.length; size++) {
      const expected = header + body.slice(0, k).join("");
      assertEquals(wire(MAIL, size, k), expected, JSON.stringify({ k, size }));
      assertEquals(wire(MAIL.replaceAll("\n", "\r\n"), size, k), expected, "stored with CRLF");
    }
  }
});

Deno.test("toWire: TOP of a message without body or without header", () => {
  assertEquals(wire("Subject: x\n", 64, 0), "Subject: x\r\n");
  assertEquals(wire("Subject: x", 64, 3), "Subject: x\r\n");
  assertEquals(wire("\nbody1\nbody2\n", 64, 1), "\r\nbody1\r\n");
  assertEquals(wire("", 64, 1), "");
});

Deno.test("growth: equals what toWire adds, stuffed dots apart", () => {
  for (const [from, to] of FORMS) {
    const bytes = latin1(from);
    let last = 10;
    let grown = bytes.length;
    for (let i = 0; i < bytes.length; i++) {
      grown += growth(bytes.subarray(i, i + 1), 1, last);
      last = bytes[i]!;
    }
    const unstuffed = to.replace(/(^|\r\n)\.\./g, "$1.");
    assertEquals(grown + (last === 10 ? 0 : 2), unstuffed.length, JSON.stringify(from));
  }
});
