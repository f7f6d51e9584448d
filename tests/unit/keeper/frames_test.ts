import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  binaryOf,
  bytesOf,
  encodeFrame,
  FrameError,
  FrameReader,
  type Header,
  MAX_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
} from "../../../keeper/frames.ts";

const HEADER: Header = { q: 7, op: "look", address: 'j\xf6e\0\r\n"@example.org', word: "\u20ac" };
const PAYLOAD = Uint8Array.from({ length: 300 }, (_, i) => i % 256);

/** Bytes with these two lengths in front. */
function raw(header: number, payload: number, rest = ""): Uint8Array {
  const bytes = new Uint8Array(8 + rest.length);
  new DataView(bytes.buffer).setUint32(0, header);
  new DataView(bytes.buffer).setUint32(4, payload);
  bytes.set(bytesOf(rest), 8);
  return bytes;
}

Deno.test("FrameReader: two frames are the same wherever they are cut in two", () => {
  const whole = new Uint8Array([...encodeFrame(HEADER, PAYLOAD), ...encodeFrame({ q: 8 })]);
  for (let cut = 0; cut <= whole.length; cut++) {
    const reader = new FrameReader();
    const frames = [...reader.push(whole.subarray(0, cut)), ...reader.push(whole.subarray(cut))];
    assertEquals(frames.length, 2, `cut at ${cut}`);
    assertEquals(frames[0]?.header, HEADER, `cut at ${cut}`);
    assertEquals(frames[0]?.payload, PAYLOAD, `cut at ${cut}`);
    assertEquals(frames[1]?.header, { q: 8 }, `cut at ${cut}`);
    assertEquals(frames[1]?.payload.length, 0, `cut at ${cut}`);
    assert(!reader.isOpen);
  }
});

Deno.test("FrameReader: byte by byte, and open until the last one", () => {
  const reader = new FrameReader();
  const whole = encodeFrame(HEADER, PAYLOAD);
  const frames = [...whole].flatMap((byte, i) => {
    const found = reader.push(Uint8Array.of(byte));
    assertEquals(reader.isOpen, i < whole.length - 1);
    return found;
  });
  assertEquals(frames.length, 1);
  assertEquals(frames[0]?.header, HEADER);
});

Deno.test("FrameReader: an empty chunk is nothing", () => {
  assertEquals(new FrameReader().push(new Uint8Array(0)), []);
});

Deno.test("FrameReader: lengths at their limits are taken, one more is not", () => {
  const frame = encodeFrame(
    { a: "x".repeat(MAX_HEADER_BYTES - 8) },
    new Uint8Array(MAX_PAYLOAD_BYTES),
  );
  assertEquals(new FrameReader().push(frame).length, 1);
  assertEquals(new FrameReader().push(raw(MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES)), []);
  for (
    const [header, payload] of [[MAX_HEADER_BYTES + 1, 0], [2, MAX_PAYLOAD_BYTES + 1], [0, 0], [
      0xffffffff,
      0xffffffff,
    ]]
  ) {
    assertThrows(() => new FrameReader().push(raw(header!, payload!)), FrameError, `${header}`);
  }
});

Deno.test("FrameReader: a header that is no object of JSON is refused", () => {
  for (const text of ["{x", "[]", '"text"', "17", "null", "  "]) {
    assertThrows(() => new FrameReader().push(raw(text.length, 0, text)), FrameError);
  }
});

Deno.test("encodeFrame: refuses what the other side would refuse", () => {
  assertThrows(() => encodeFrame({ a: "x".repeat(MAX_HEADER_BYTES) }), FrameError);
  assertThrows(() => encodeFrame({}, new Uint8Array(MAX_PAYLOAD_BYTES + 1)), FrameError);
});

Deno.test("bytesOf, binaryOf: every byte comes back", () => {
  const all = Uint8Array.from({ length: 20_000 }, (_, i) => i % 256);
  assertEquals(bytesOf(binaryOf(all)), all);
});
