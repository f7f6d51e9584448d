import { assert, assertEquals, assertThrows } from "@std/assert";
import { joinLine, offerLine } from "../../../keeper/line.ts";
import { pollCalls } from "../../../net/poll_calls.ts";
import { poller } from "../../../net/poller.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
pollCalls();

Deno.test("offerLine: never in a directory where others can move what is ours", async () => {
  const open = Deno.makeTempDirSync();
  const own = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(open, 0o777);
    const offer = offerLine([`${own}/missing`, open, own]);
    assert(offer.path.startsWith(`${own}/qfront-keeper-`));
    const directory = offer.path.slice(0, -"/line".length);
    assertEquals((Deno.statSync(directory).mode ?? 0) & 0o777, 0o700);
    offer.withdraw();
    assertThrows(() => offerLine([open]), Error, `in "${open}" others can move what is ours`);
    assertEquals([...Deno.readDirSync(open), ...Deno.readDirSync(own)], []);
  } finally {
    Deno.removeSync(open, { recursive: true });
    Deno.removeSync(own, { recursive: true });
    await poller()?.settled();
  }
});

Deno.test("offerLine: one may join, and then the name is gone", async () => {
  const offer = offerLine();
  const joined = await joinLine(offer.path);
  const line = await offer.take(new Promise(() => {}));
  assertThrows(() => Deno.statSync(offer.path), Deno.errors.NotFound);
  await joined.write(new Uint8Array([7]));
  await joined.end();
  const pieces: number[] = [];
  for await (const piece of line.input) pieces.push(...piece);
  assertEquals(pieces, [7]);
  line.close();
  joined.close();
  await poller()?.settled();
});
