import { assertEquals, assertRejects } from "@std/assert";
import { FrameWriter } from "../../../keeper/writer.ts";

const bytes = (...numbers: number[]) => Uint8Array.from(numbers);

Deno.test("FrameWriter: what is sent in one turn leaves at once, with one write that waits for nothing", async () => {
  const written: number[][] = [];
  const writer = new FrameWriter(
    () => Promise.reject(new Error("This waits")),
    (store, length) => written.push([...store.subarray(0, length)]) && length,
  );
  const sent = writer.send(bytes(1, 2));
  assertEquals([writer.send(bytes(3)) === sent, writer.pending], [true, 3]);
  await sent;
  await writer.send(bytes(4));
  assertEquals([written, writer.pending], [[[1, 2, 3], [4]], 0]);
});

Deno.test("FrameWriter: what does not leave at once is waited for, and later frames with it", async () => {
  const written: number[][] = [];
  const room = Promise.withResolvers<void>();
  const writer = new FrameWriter(
    async (rest) => {
      await room.promise;
      written.push([...rest]);
    },
    (store, length) => written.push([...store.subarray(0, length - 1)]) && length - 1,
  );
  const first = writer.send(bytes(1, 2, 3));
  await Promise.resolve().then(() => {});
  const second = writer.send(bytes(4, 5));
  assertEquals(written, [[1, 2]]);
  room.resolve();
  await first;
  await second;
  assertEquals(written, [[1, 2], [3], [4], [5]]);
});

Deno.test("FrameWriter: large frames go one by one and are not copied", async () => {
  const written: Uint8Array[] = [];
  const writer = new FrameWriter(
    (frame) => Promise.resolve(void written.push(frame)),
    () => {
      throw new Error("Not with these");
    },
  );
  const frames = [new Uint8Array(65536), bytes(1)];
  await Promise.all(frames.map((frame) => writer.send(frame)));
  assertEquals(written.map((frame, i) => frame === frames[i]), [true, true]);
});

Deno.test("FrameWriter: a batch that can't be written fails, whoever's frames are in it", async () => {
  const writer = new FrameWriter(() => Promise.resolve(), () => {
    throw new Deno.errors.BrokenPipe("Nobody reads");
  });
  const both = [writer.send(bytes(1)), writer.send(bytes(2))];
  for (const sent of both) await assertRejects(() => sent, Deno.errors.BrokenPipe);
});
