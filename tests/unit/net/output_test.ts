import { assertEquals } from "@std/assert";
import { ReplyBuffer } from "../../../net/output.ts";
import { toBytes, toText } from "./toy.ts";

const idle = () => Promise.resolve();

Deno.test("ReplyBuffer: bytes and text are gathered in order, one char a byte", () => {
  const out = new ReplyBuffer(idle);
  out.text("250 ");
  out.bytes(toBytes("ok "));
  out.text("\u00e9\u00ff\r\n");
  assertEquals(toText(out.peek()), "250 ok \u00e9\u00ff\r\n");
  assertEquals(out.pending, 11);
});

Deno.test("ReplyBuffer: grows beyond its first storage without losing a byte", () => {
  const out = new ReplyBuffer(idle);
  let want = "";
  for (let i = 0; i < 3000; i++) {
    const part = `${i} line\r\n`;
    want += part;
    if (i % 2 === 0) out.text(part);
    else out.bytes(toBytes(part));
  }
  out.bytes(new Uint8Array(200_000).fill(46));
  assertEquals(out.pending, want.length + 200_000);
  assertEquals(toText(out.peek()).slice(0, want.length), want);
});

Deno.test("ReplyBuffer: a partial write leaves the rest", () => {
  const out = new ReplyBuffer(idle);
  out.text("abcdef");
  out.clear(2);
  assertEquals(toText(out.peek()), "cdef");
  out.text("gh");
  out.clear(6);
  assertEquals(out.pending, 0);
});

Deno.test("ReplyBuffer: storage reused by another one does not show old bytes", () => {
  const first = new ReplyBuffer(idle);
  first.text("secret of the first");
  first.clear(first.pending);
  const second = new ReplyBuffer(idle);
  second.text("x");
  assertEquals(toText(second.peek()), "x");
  first.text("y");
  assertEquals(toText(second.peek()), "x");
  assertEquals(toText(first.peek()), "y");
});

Deno.test("ReplyBuffer.drain: asks the driver to write", async () => {
  let asked = 0;
  const out = new ReplyBuffer(() => {
    asked++;
    return Promise.resolve();
  });
  await out.drain();
  assertEquals(asked, 1);
});
