import { assert, assertEquals } from "@std/assert";
import {
  cvmItem,
  cvmNumber,
  type CvmPacket,
  decodeCvm,
  encodeCvm,
} from "../../../auth/cvm_codec.ts";

const bytesOf = (hex: string) => Uint8Array.from(hex.trim().split(/\s+/), (h) => parseInt(h, 16));
const hex = (bytes: Uint8Array | null) =>
  [...bytes ?? []].map((b) => b.toString(16).padStart(2, "0")).join(" ");

const REQUEST: CvmPacket = {
  first: 2,
  random: "\x01\x02\x03\x04\x05\x06\x07\x08",
  items: [[1, "username"], [2, "localhost"], [3, "password"]],
};
const REQUEST_HEX = "02 08 01 02 03 04 05 06 07 08 01 08 75 73 65 72 6e 61 6d 65 " +
  "02 09 6c 6f 63 61 6c 68 6f 73 74 03 08 70 61 73 73 77 6f 72 64 00";

/** What cvm-pwfile 0.97 answered. */
const RESPONSE_HEX = "00 00 01 03 6a 6f 65 02 04 31 30 30 30 03 04 31 30 30 30 04 03 4a 6f 65 " +
  "05 09 2f 68 6f 6d 65 2f 6a 6f 65 06 07 2f 62 69 6e 2f 73 68 00";

Deno.test("encodeCvm: the protocol's example request, byte for byte", () => {
  assertEquals(hex(encodeCvm(REQUEST)), REQUEST_HEX);
  assertEquals(decodeCvm(bytesOf(REQUEST_HEX)), REQUEST);
});

Deno.test("decodeCvm: the answer of a real module", () => {
  const packet = decodeCvm(bytesOf(RESPONSE_HEX));
  assert(packet !== null);
  assertEquals([packet.first, packet.random], [0, ""]);
  assertEquals([cvmItem(packet, 1), cvmNumber(packet, 2), cvmItem(packet, 5)], [
    "joe",
    1000,
    "/home/joe",
  ]);
  assertEquals([cvmItem(packet, 15), cvmNumber(packet, 1)], [null, null]);
  assertEquals(hex(encodeCvm(packet)), RESPONSE_HEX);
});

Deno.test("decodeCvm: a rejection without facts", () => {
  assertEquals(decodeCvm(bytesOf("64 00 00")), { first: 100, random: "", items: [] });
});

Deno.test("decodeCvm: what is cut short or goes on is no packet", () => {
  const whole = bytesOf(RESPONSE_HEX);
  for (let length = 0; length < whole.length; length++) {
    assertEquals(decodeCvm(whole.subarray(0, length)), null, String(length));
  }
  assertEquals(decodeCvm(bytesOf(`${RESPONSE_HEX} 00`)), null);
  assertEquals(decodeCvm(bytesOf("64 ff 00")), null);
});

Deno.test("encodeCvm: 255 bytes a string and 512 in all fit, one more does not", () => {
  const packet = (a: number, b: number): CvmPacket => ({
    first: 2,
    random: "",
    items: [[1, "a".repeat(a)], [3, "b".repeat(b)]],
  });
  assertEquals(encodeCvm(packet(255, 250))?.length, 512);
  assertEquals(encodeCvm(packet(255, 251)), null);
  assertEquals(encodeCvm(packet(256, 1)), null);
});

Deno.test("decodeCvm: any bytes give a packet or null, never an error", () => {
  for (let seed = 1; seed < 500; seed++) {
    let state = seed;
    const bytes = Uint8Array.from(
      { length: seed % 40 },
      () => (state = (state * 48271) % 2147483647) & 7,
    );
    const packet = decodeCvm(bytes);
    if (packet !== null) assertEquals(hex(encodeCvm(packet)), hex(bytes));
  }
});
