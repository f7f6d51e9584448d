import { assertEquals } from "@std/assert";
import { type EventBatch, EventGatherer, WatchBuffer, Watchers } from "../../../ctl/watchers.ts";
import type { WatchEvent } from "../../../ctl/types.ts";

const event = (session: number): WatchEvent => ({ atMs: 0, session, id: "test", text: "text" });

Deno.test("WatchBuffer: a slow reader loses events and is told how many, behind those it got", async () => {
  const buffer = new WatchBuffer(2);
  for (let i = 1; i <= 5; i++) buffer.put(event(i), 0);
  assertEquals(await buffer.take(), [{ event: event(1) }, { event: event(2) }, { lost: 3 }]);
  buffer.put(event(6), 0);
  assertEquals(await buffer.take(), [{ event: event(6) }]);
});

Deno.test("WatchBuffer: what was lost elsewhere stands before the event behind it", async () => {
  const buffer = new WatchBuffer();
  buffer.put(event(1), 7);
  assertEquals(await buffer.take(), [{ lost: 7 }, { event: event(1) }]);
});

Deno.test("WatchBuffer: take waits for an event, and ends when it is closed", async () => {
  const buffer = new WatchBuffer();
  const waiting = buffer.take();
  buffer.put(event(1), 0);
  assertEquals(await waiting, [{ event: event(1) }]);
  const last = buffer.take();
  buffer.close();
  assertEquals(await last, null);
});

Deno.test("Watchers: on with the first, off with the last, each once", () => {
  const turns: boolean[] = [];
  const watchers = new Watchers((isOn) => turns.push(isOn));
  const heard: number[] = [];
  const stopA = watchers.add(({ session }) => heard.push(session));
  const stopB = watchers.add(({ session }) => heard.push(-session));
  watchers.tell(event(1));
  stopA();
  stopA();
  watchers.tell(event(2));
  stopB();
  watchers.tell(event(3));
  assertEquals(heard, [1, -1, -2]);
  assertEquals(turns, [true, false]);
});

Deno.test("EventGatherer: sends what came together as one, and says what was too much", () => {
  const batches: EventBatch[] = [];
  const gatherer = new EventGatherer((batch) => batches.push(batch));
  for (let i = 0; i < 510; i++) gatherer.put(event(i));
  gatherer.flush();
  gatherer.flush();
  assertEquals(batches.map(({ events, lost }) => [events.length, lost]), [[500, 10]]);
});
