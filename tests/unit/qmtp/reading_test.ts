import { assertEquals } from "@std/assert";
import { enter, type Grammar, isBetween, readNext, startReading } from "../../../qmtp/reading.ts";
import { ns, packageOf, requestOf } from "./kit.ts";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Reads `input` in chunks of `size` bytes and says what was met, contents put together. */
function read(grammar: Grammar, input: string, size = input.length): string[] {
  const reading = startReading(grammar);
  const met: string[] = [];
  let content = "";
  for (let at = 0; at < input.length; at += size) {
    const chunk = bytesOf(input.slice(at, at + size));
    reading.next = 0;
    for (let what = readNext(reading, chunk); what !== "more"; what = readNext(reading, chunk)) {
      if (what === "fault") return [...met, reading.fault];
      if (what === "begin" && ["request", "recipients"].includes(reading.field)) enter(reading);
      if (what === "content") {
        content += String.fromCharCode(...chunk.subarray(reading.start, reading.next));
      }
      if (what !== "end") continue;
      met.push(`${reading.ended} ${content}`);
      content = "";
    }
  }
  if (!isBetween(reading)) met.push("open");
  return met;
}

const QMTP = ["message \nm", "sender s", "recipient a", "recipient ", "recipients "];
const QMQP = ["message m", "sender ", "recipient a", "recipient b", "request "];

Deno.test("readNext: a package and a request, in chunks of every size", () => {
  const pack = packageOf("\nm", "s", ["a", ""]);
  const request = requestOf("m", "", ["a", "b"]);
  for (let size = 1; size <= pack.length; size++) {
    assertEquals(read("qmtp", pack, size), QMTP);
    assertEquals(read("qmtp", pack + pack, size), [...QMTP, ...QMTP]);
    assertEquals(read("qmqp", request, size), QMQP);
  }
});

Deno.test("readNext: empty contents, an empty list, and no recipients", () => {
  assertEquals(read("qmtp", "0:,0:,0:,"), ["message ", "sender ", "recipients "]);
  assertEquals(read("qmqp", ns(ns("") + ns(""))), ["message ", "sender ", "request "]);
});

Deno.test("readNext: leading zeros are digits, and a length has at most 10 of them", () => {
  assertEquals(read("qmtp", "0000000001:x,"), ["message x", "open"]);
  assertEquals(read("qmtp", "00000000001:x,"), ["the message's length has more than 10 digits"]);
});

for (
  const [input, fault] of [
    [":x,", "the message has no length"],
    ["x:", "the message's length is no number"],
    ["1 :", "the message's length is no number"],
    ["-1:", "the message's length is no number"],
    ["/", "the message's length is no number"],
    ["1:xx", "no comma behind the message"],
    ["1:x,1:s;", "no comma behind the sender"],
  ] as const
) {
  Deno.test(`readNext: ${JSON.stringify(input)} is no package`, () => {
    assertEquals(read("qmtp", input).at(-1), fault);
    assertEquals(read("qmtp", input, 1).at(-1), fault);
  });
}

Deno.test("readNext: recipients fill their list, to the byte", () => {
  const head = "1:x,1:s,";
  assertEquals(read("qmtp", `${head}4:1:a,,`).at(-1), "recipients ");
  assertEquals(
    read("qmtp", `${head}3:1:a,,`).at(-1),
    "the recipient is longer than its netstring",
  );
  assertEquals(
    read("qmtp", `${head}5:1:a,,`).at(-1),
    "the recipient's length is no number",
  );
  assertEquals(read("qmtp", `${head}1:12`).at(-1), "no room for the recipient in its netstring");
  assertEquals(
    read("qmtp", `${head}1:0:`).at(-1),
    "no room for the recipient in its netstring",
  );
});

Deno.test("readNext: what a request holds fills it, to the byte", () => {
  assertEquals(read("qmqp", "8:1:x,1:s,,").at(-1), "request ");
  assertEquals(
    read("qmqp", "7:1:x,1:s,,").at(-1),
    "the sender is longer than its netstring",
  );
  assertEquals(read("qmqp", "9:1:x,1:s,,").at(-1), "the recipient's length is no number");
  assertEquals(read("qmqp", "4:1:x,1").at(-1), "no room for the sender in its netstring");
  assertEquals(read("qmqp", "3:1:x,,").at(-1), "the message is longer than its netstring");
  assertEquals(read("qmqp", "0:,").at(-1), "no room for the message in its netstring");
});

Deno.test("isBetween: only where nothing of a package has come", () => {
  const pack = packageOf("\nm", "s", ["a"]);
  for (let bytes = 1; bytes < pack.length; bytes++) {
    assertEquals(read("qmtp", pack.slice(0, bytes)).at(-1), "open", `${bytes} bytes`);
  }
  assertEquals(read("qmtp", pack).at(-1), "recipients ");
});
