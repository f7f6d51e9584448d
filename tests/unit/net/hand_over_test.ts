import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeDescriptor, FileReceiver, FileSender } from "../../../net/hand_over.ts";
import { pollCalls } from "../../../net/poll_calls.ts";
import { openBelow } from "./open_files.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
const calls = pollCalls();
const ignore = calls === null;

const O_RDONLY = 0, O_WRONLY = 1, O_APPEND = 0o2000;
const libc = ignore ? null : Deno.dlopen("libc.so.6", {
  open: { parameters: ["buffer", "i32"], result: "i32" },
});
const openFile = (path: string, flags: number): number =>
  libc?.symbols.open(new TextEncoder().encode(`${path}\0`), flags) ?? -1;

function withEnds(work: (receiver: FileReceiver, sender: FileSender, dir: string) => void): void {
  const dir = Deno.makeTempDirSync();
  try {
    const receiver = FileReceiver.open(`${dir}/files`);
    const sender = FileSender.join(`${dir}/files`);
    assert(receiver !== null && sender !== null);
    work(receiver, sender, dir);
    sender.close();
    receiver.close();
    assertEquals(openBelow(dir), 0);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test({
  name:
    "FileSender: a file that was handed over is the same file, and open for what it was opened for",
  ignore,
  fn: () =>
    withEnds((receiver, sender, dir) => {
      Deno.writeTextFileSync(`${dir}/mail`, "head\n");
      const own = openFile(`${dir}/mail`, O_WRONLY | O_APPEND);
      assert(sender.send(7, own));
      closeDescriptor(own);
      const came = receiver.take(7);
      assert(came !== null && came >= 0);
      const text = new TextEncoder().encode("body\n");
      assertEquals(calls?.write(came, text, text.length), text.length);
      assertEquals(calls?.read(came, new Uint8Array(9), 9), -1);
      closeDescriptor(came);
      assertEquals(Deno.readTextFileSync(`${dir}/mail`), "head\nbody\n");
    }),
});

Deno.test({
  name: "FileReceiver: files are found by their numbers, in any order, and each once",
  ignore,
  fn: () =>
    withEnds((receiver, sender, dir) => {
      const numbers = [1, 2 ** 40, 3];
      for (const number of numbers) {
        Deno.writeTextFileSync(`${dir}/${number}`, `${number}`);
        const own = openFile(`${dir}/${number}`, O_RDONLY);
        assert(sender.send(number, own));
        closeDescriptor(own);
      }
      for (const number of numbers.toReversed()) {
        const came = receiver.take(number);
        assert(came !== null);
        assertEquals(Deno.readTextFileSync(`/proc/self/fd/${came}`), `${number}`);
        closeDescriptor(came);
        assertEquals(receiver.take(number), null);
      }
      assertEquals(receiver.take(4), null);
    }),
});

Deno.test({
  name: "FileReceiver: what nobody took is closed with it",
  ignore,
  fn: () =>
    withEnds((receiver, sender, dir) => {
      const own = openFile(dir, O_RDONLY);
      assert(sender.send(1, own) && sender.send(2, own));
      closeDescriptor(own);
      assertEquals(receiver.take(3), null);
    }),
});

Deno.test({
  name: "FileSender: a receiver that is behind, or gone, is told by false",
  ignore,
  fn: () =>
    withEnds((receiver, sender, dir) => {
      const own = openFile(dir, O_RDONLY);
      let sent = 0;
      while (sender.send(sent, own)) sent++;
      assert(sent > 0);
      closeDescriptor(own);
      for (let i = 0; i < sent; i++) closeDescriptor(receiver.take(i) ?? -1);
      assertEquals(sender.send(1, 9999), false);
    }),
});

Deno.test({
  name: "FileSender: nobody there, or a path too long",
  ignore,
  fn() {
    assertThrows(() => FileSender.join("/nowhere/at/all"), Deno.errors.NotFound);
    assertEquals(FileReceiver.open(`/${"x".repeat(200)}`), null);
  },
});

Deno.test({
  name: "FileReceiver, FileSender: closed twice, they close nothing of anybody else's",
  ignore,
  fn() {
    const dir = Deno.makeTempDirSync();
    const receiver = FileReceiver.open(`${dir}/files`);
    const sender = FileSender.join(`${dir}/files`);
    assert(receiver !== null && sender !== null);
    receiver.close();
    sender.close();
    // These get the numbers that have become free.
    const others = [openFile(dir, O_RDONLY), openFile(dir, O_RDONLY)];
    receiver.close();
    sender.close();
    assertEquals(receiver.take(1), null);
    assertEquals(openBelow(dir), 2);
    for (const fd of others) closeDescriptor(fd);
    Deno.removeSync(dir, { recursive: true });
  },
});
