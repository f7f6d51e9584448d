/** Mail data: dots, line ends, hops, sizes; whatever the chunks. */
import { assert, assertEquals } from "@std/assert";
import { PIECE_BYTES, startMailData, takeData } from "../../../smtp/data.ts";
import { bytesOf, latin1 } from "../../../smtp/text.ts";

interface Taken {
  readonly text: string;
  readonly end: string;
  readonly rest: string;
  readonly hops: number;
  readonly bytes: number;
}

/** Takes `input` in pieces that end at `cuts`. */
function take(input: string, tolerant = false, cuts: readonly number[] = []): Taken {
  const data = startMailData(tolerant);
  const out = new Uint8Array(PIECE_BYTES + 8);
  const bytes = bytesOf(input);
  let text = "";
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    const chunk = bytes.slice(from, cut);
    let at = 0;
    while (at < chunk.length && data.end === "open") {
      const filled = takeData(data, chunk, at, out);
      text += latin1(out, 0, filled);
      at = data.next;
    }
    if (data.end !== "open") {
      const rest = latin1(bytes, from + at, bytes.length);
      return { text, end: data.end, rest, hops: data.hops, bytes: data.bytes };
    }
    from = cut;
  }
  return { text, end: data.end, rest: "", hops: data.hops, bytes: data.bytes };
}

/** Input to what comes out, before the final dot; each in the header and in the body. */
const PLAIN: readonly (readonly [string, string])[] = [
  ["", ""],
  ["x\r\n", "x\n"],
  ["\r\nx\r\n", "\nx\n"],
  ["..\r\n...\r\n.x\r\n..x\r\n. \r\n", ".\n..\nx\n.x\n \n"],
  ["x.\r\n", "x.\n"],
  [".\r\r\n", ".\r\n"],
  [".\r.\r\n", ".\r.\n"],
  ["a\r\r\r\n", "a\r\r\n"],
  ["\rx\r\n", "\rx\n"],
  ["a\r.\r\n", "a\r.\n"],
  ["a\0b\xff\r\n", "a\0b\xff\n"],
];

Deno.test("takeData: dots are unstuffed, CR LF becomes LF, a bare CR stays", () => {
  for (const [input, expected] of PLAIN) {
    assertEquals(take(`${input}.\r\nQUIT\r\n`), {
      text: expected,
      end: "complete",
      rest: "QUIT\r\n",
      hops: 0,
      bytes: expected.length,
    });
    assertEquals(take(`a: b\r\n\r\n${input}.\r\nQUIT\r\n`).text, `a: b\n\n${expected}`);
  }
});

Deno.test("takeData: what comes out does not depend on the chunks", () => {
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor(seed / 65536) % below;
  };
  const words = ["\r", "\n", "\r\n", "\r\n", ".", "x", "Received", "delivered-to: x", "\r\n\r\n"];
  for (let round = 0; round < 3000; round++) {
    let input = "";
    for (let n = random(14); n >= 0; n--) input += words[random(words.length)]!;
    input += "\r\n.\r\nQUIT";
    const cuts = [random(input.length), random(input.length), random(input.length)];
    const tolerant = random(2) === 1;
    const whole = take(input, tolerant);
    assertEquals(take(input, tolerant, cuts.sort((a, b) => a - b)), whole, JSON.stringify(input));
    assertEquals(take(input, tolerant, [...input].map((_, i) => i)), whole, JSON.stringify(input));
    if (tolerant) continue;
    // The body's fast way and the header's byte by byte must be of one mind.
    const body = take(`\r\n${input}`);
    assertEquals([body.text, body.end, body.rest], [`\n${whole.text}`, whole.end, whole.rest]);
  }
});

Deno.test("takeData: chunks larger than a piece are taken piece by piece", () => {
  const line = "x".repeat(70) + "\r\n";
  const input = "a: b\r\n\r\n" + line.repeat(3000) + ".\r\nQUIT";
  const taken = take(input);
  assertEquals(taken.text, "a: b\n\n" + ("x".repeat(70) + "\n").repeat(3000));
  assertEquals([taken.end, taken.rest, taken.bytes], ["complete", "QUIT", taken.text.length]);
});

Deno.test("takeData: a bare LF is refused, or a line end in a transcript", () => {
  for (const input of ["a\nb\r\n", "\n", ".\n", "x\r\n.\n", "x\n.\r\n", "h: x\r\n\r\na\nb\r\n"]) {
    assertEquals(take(`${input}.\r\n`).end, "bare_lf", JSON.stringify(input));
  }
  const transcript = take("Subject: x\n\n..body\n.\nQUIT\n", true);
  assertEquals([transcript.text, transcript.end, transcript.rest], [
    "Subject: x\n\n.body\n",
    "complete",
    "QUIT\n",
  ]);
});

Deno.test("takeData: hops are header lines that begin with received or delivered", () => {
  const hops = (header: string): number => take(`${header}.\r\n`).hops;
  assertEquals(hops("Received: x\r\nDELIVERED-to: y\r\nrEcEiVeD\r\n"), 3);
  assertEquals(hops("Receive\r\n Received: x\r\nX-Received: x\r\nDelivere\r\n"), 0);
  assertEquals(hops("Subject: x\r\n\r\nReceived: x\r\n"), 0);
  assertEquals(hops("Received: x\r\n \r\nReceived: y\r\n"), 2);
  assertEquals(take("Received: x\n\nReceived: x\n.\n", true).hops, 1);
  assertEquals(take("x\nReceived: x\n.\n", true).hops, 1);
});

Deno.test("takeData: no byte of the input makes more than the buffer holds", () => {
  const out = new Uint8Array(PIECE_BYTES + 8);
  const data = startMailData(false);
  const chunk = bytesOf(".\r".repeat(PIECE_BYTES / 2 + 10));
  let taken = 0;
  for (let at = 0; at < chunk.length; at = data.next) {
    const filled = takeData(data, chunk, at, out);
    assert(filled <= out.length);
    taken += filled;
  }
  assert(taken > 0);
});

Deno.test("takeData: an LF is found wherever it stands in a word, among bytes that are nearly LF", () => {
  const near = "\x0b\x09\x8a\x1a\x00\x80\xff\x0e\x08\x4a";
  for (let length = 0; length < 40; length++) {
    const line = Array.from({ length }, (_, i) => near[(i * 7 + length) % near.length]).join("");
    const whole = take(`A: ${line}\r\n\r\nx${line}\r\ny\r\n.\r\n`);
    assertEquals(whole.text, `A: ${line}\n\nx${line}\ny\n`);
    assertEquals(whole.end, "complete");
    assertEquals(take(`A: x\r\n\r\nx${line}\nb\r\n.\r\n`).end, "bare_lf");
    const ends = Array.from({ length: length + 20 }, (_, i) => i + 1);
    for (const cut of ends) {
      assertEquals(
        take(`A: x\r\n\r\nx${line}\r\nyy\r\n.\r\n`, false, [cut]).text,
        `A: x\n\nx${line}\nyy\n`,
      );
    }
  }
});

Deno.test("takeData: a piece in the middle of a buffer is taken, and no byte behind the room is touched", () => {
  const room = new Uint8Array(PIECE_BYTES + 24).fill(7);
  const input = new Uint8Array(PIECE_BYTES + 100).fill(65);
  for (const [offset, into] of [[1, 3], [5, 8], [7, 16]] as const) {
    const data = startMailData(false);
    const out = room.subarray(into, into + PIECE_BYTES + 8);
    const filled = takeData(data, input.subarray(offset), 0, out);
    assertEquals(filled, PIECE_BYTES);
    assert(out.subarray(0, filled).every((byte) => byte === 65));
    assert(room.subarray(0, into).every((byte) => byte === 7), "before the room");
    assert(room.subarray(into + PIECE_BYTES + 8).every((byte) => byte === 7), "behind the room");
    room.fill(7);
  }
});
