import { assertEquals } from "@std/assert";
import { decodeLineEnds } from "../../../qmtp/line_ends.ts";

function decode(input: string, size: number): string {
  const ends = { held: false };
  const out = new Uint8Array(size + 1);
  let text = "";
  for (let at = 0; at < input.length; at += size) {
    const chunk = Uint8Array.from(input.slice(at, at + size), (c) => c.charCodeAt(0));
    const filled = decodeLineEnds(ends, chunk, 0, chunk.length, out);
    text += String.fromCharCode(...out.subarray(0, filled));
  }
  return text + (ends.held ? "(CR held)" : "");
}

for (
  const [input, output] of [
    ["a\r\nb\r\n", "a\nb\n"],
    ["a\nb\n", "a\nb\n"],
    ["a\rb", "a\rb"],
    ["\r\r\n\r\r", "\r\n\r(CR held)"],
    ["a\r", "a(CR held)"],
    ["\r\n\r\n", "\n\n"],
    ["\n\r", "\n(CR held)"],
    [".\r\n..\r\n", ".\n..\n"],
    ["\0\xff\r\0", "\0\xff\r\0"],
  ] as const
) {
  Deno.test(`decodeLineEnds: ${JSON.stringify(input)}, cut anywhere`, () => {
    for (let size = 1; size <= input.length; size++) assertEquals(decode(input, size), output);
  });
}
