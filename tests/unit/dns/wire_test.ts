import { assert, assertEquals } from "@std/assert";
import { decodeMessage, EDNS_BYTES, encodeQuery, escapedName } from "../../../dns/wire.ts";
import { a, mx, nameBytes, readQuery, record, reply, soa, txt, TYPE } from "./kit.ts";

const asked = (name: string, type: number) =>
  ({ id: 4711, name, type, edns: true, via: "udp", port: 1 }) as const;

Deno.test("encodeQuery: one question of class IN, recursion desired, OPT with our size", () => {
  const bytes = encodeQuery(0x1234, "a.example", "MX", true);
  const head = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
  const opt = [0, 0, 41, EDNS_BYTES >> 8, EDNS_BYTES & 255, 0, 0, 0, 0, 0, 0];
  assertEquals([...bytes], [...head, ...nameBytes("a.example"), 0, 15, 0, 1, ...opt]);
  assertEquals(readQuery(bytes, "udp", 1).name, "a.example");
  assertEquals(encodeQuery(1, "", "NS", false).length, 17);
});

Deno.test("decodeMessage: every type that can be asked", () => {
  const host = (name: string) => nameBytes(name);
  const message = decodeMessage(reply(asked("x.org", TYPE.A), {
    answers: [
      a("x.org", 1, "192.0.2.7"),
      record("x.org", TYPE.AAAA, 2, [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1]),
      mx("x.org", 3, 10, "mail.x.org"),
      mx("x.org", 3, 0, ""),
      txt("x.org", 4, "one", "", "\xe4"),
      record("x.org", TYPE.PTR, 5, host("p.x.org")),
      record("x.org", TYPE.NS, 6, host("n.x.org")),
      record("x.org", TYPE.CNAME, 7, host("c.x.org")),
      soa("x.org", 8, 9),
      record("x.org", 99, 1, [1, 2, 3]),
    ],
  }));
  const head = (ttlSeconds: number) => ({ name: "x.org", ttlSeconds });
  assertEquals<unknown>(message?.answers, [
    { type: "A", ...head(1), address: "192.0.2.7" },
    { type: "AAAA", ...head(2), address: "2001:db8::1" },
    { type: "MX", ...head(3), preference: 10, exchange: "mail.x.org" },
    { type: "MX", ...head(3), preference: 0, exchange: "" },
    { type: "TXT", ...head(4), texts: ["one", "", "\xe4"] },
    { type: "PTR", ...head(5), target: "p.x.org" },
    { type: "NS", ...head(6), target: "n.x.org" },
    { type: "CNAME", ...head(7), target: "c.x.org" },
    { type: "SOA", ...head(8), target: "ns.x.org", minimumSeconds: 9 },
  ]);
});

Deno.test("decodeMessage: a TTL with the highest bit is 0; odd bytes in labels are escaped", () => {
  const message = decodeMessage(reply(asked("x", TYPE.A), {
    answers: [[3, 97, 46, 98, 2, 92, 7, 0, 0, 1, 0, 1, 0x80, 0, 0, 1, 0, 4, 1, 2, 3, 4]],
  }));
  assertEquals(message?.answers[0]?.name, "a\\.b.\\\\\\007");
  assertEquals(message?.answers[0]?.ttlSeconds, 0);
  assertEquals(escapedName("a b.c"), "a\\032b.c");
});

/** A header with one answer record, whose bytes follow at offset 12. */
const one = (...bytes: number[]) =>
  new Uint8Array([0, 1, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0, ...bytes]);

Deno.test("decodeMessage: pointers that lead to themselves, forward or in a circle", () => {
  const tail = [0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4];
  assertEquals(decodeMessage(one(0xc0, 12, ...tail)), null, "to itself");
  assertEquals(decodeMessage(one(0xc0, 14, ...tail)), null, "forward");
  assertEquals(decodeMessage(one(1, 97, 0xc0, 12, ...tail)), null, "a circle");
  assertEquals(decodeMessage(one(0xff, 0xff, ...tail)), null, "outside");
  assertEquals(decodeMessage(one(0x80, 1, ...tail)), null, "a label type that is none");
  assert(decodeMessage(one(1, 97, 0, ...tail)) !== null);
});

Deno.test("decodeMessage: lengths that lie", () => {
  const a4 = (length: number) => one(0, 0, 1, 0, 1, 0, 0, 0, 9, 0, length, 1, 2, 3, 4);
  assert(decodeMessage(a4(4)) !== null);
  assertEquals(decodeMessage(a4(3)), null);
  assertEquals(decodeMessage(a4(5)), null);
  const text = (...data: number[]) => one(0, 0, 16, 0, 1, 0, 0, 0, 9, 0, data.length, ...data);
  assertEquals(decodeMessage(text(5, 97)), null, "a string longer than its record");
  const long = one(...Array(5).fill([63, ...Array(63).fill(97)]).flat(), 0, 0, 1);
  assertEquals(decodeMessage(long), null, "a name longer than 255 octets");
});

Deno.test("decodeMessage: every beginning of a message, and every byte of it changed, is survived", () => {
  const bytes = reply(asked("x.org", TYPE.MX), {
    answers: [mx("x.org", 3, 10, "mail.x.org"), txt("x.org", 4, "one")],
    authorities: [soa("x.org", 8, 9)],
  });
  for (let n = 0; n < bytes.length; n++) assertEquals(decodeMessage(bytes.subarray(0, n)), null);
  for (let i = 0; i < bytes.length; i++) {
    for (const value of [0, 1, 63, 64, 0xc0, 0xff]) {
      const changed = bytes.slice();
      changed[i] = value;
      decodeMessage(changed);
    }
  }
});
