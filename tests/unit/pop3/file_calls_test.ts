import { assert, assertEquals } from "@std/assert";
import { readWholeNow, stampNow } from "../../../pop3/file_calls.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function makeFolder() {
  const path = Deno.makeTempDirSync();
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("readWholeNow: a file that fits exactly is read, one byte more is not", () => {
  using folder = makeFolder();
  const path = `${folder.path}/caf\u00e9 \u20ac:2,S`;
  Deno.writeTextFileSync(path, "12345678");
  const into = new Uint8Array(8);
  assertEquals(readWholeNow(path, into), 8);
  assertEquals(decode(into), "12345678");
  assertEquals(readWholeNow(path, new Uint8Array(7)), -1);
  Deno.writeTextFileSync(path, "");
  assertEquals(readWholeNow(path, into), 0);
});

Deno.test("readWholeNow: what is no regular file, or not there, is asked for otherwise", () => {
  using folder = makeFolder();
  const into = new Uint8Array(100);
  const fifo = `${folder.path}/fifo`;
  assert(new Deno.Command("mkfifo", { args: [fifo] }).outputSync().success);
  const link = `${folder.path}/link`;
  Deno.symlinkSync("/dev/zero", link);
  const names = [folder.path, fifo, link, `${folder.path}/none`, `${fifo}/none`, "", "a\0b"];
  for (const name of names) assertEquals(readWholeNow(name, into), -1, name);
  assertEquals(readWholeNow(`${folder.path}/${"x".repeat(5000)}`, into), -1);
  assertEquals(readWholeNow(`${folder.path}/${"\u20ac".repeat(3000)}`, into), -1);
});

Deno.test("readWholeNow: no descriptor stays open", () => {
  using folder = makeFolder();
  const path = `${folder.path}/m`;
  Deno.writeTextFileSync(path, "text");
  const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = open();
  for (let i = 0; i < 100; i++) {
    readWholeNow(path, new Uint8Array(i % 8));
    readWholeNow(folder.path, new Uint8Array(8));
  }
  // Tests beside this one may open and close a few.
  assert(open() < before + 50);
});

Deno.test("stampNow: what the runtime's stat says, of directories only", () => {
  using folder = makeFolder();
  const info = Deno.statSync(folder.path);
  const { ctimeMs, ...stamp } = stampNow(folder.path)!;
  assertEquals(stamp, {
    dev: info.dev,
    ino: info.ino ?? 0,
    mtimeMs: info.mtime!.getTime(),
    size: info.size,
  });
  // The runtime tells no more than the second.
  assertEquals(Math.floor(ctimeMs / 1000), Math.floor(info.ctime!.getTime() / 1000));
  Deno.writeTextFileSync(`${folder.path}/m`, "");
  assertEquals(stampNow(`${folder.path}/m`), null);
  assertEquals(stampNow(`${folder.path}/none`), null);
  assertEquals(stampNow(folder.path, null), null);
});
