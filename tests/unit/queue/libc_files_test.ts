import { assert, assertEquals, assertThrows } from "@std/assert";
import { DENO_FILES, errorText, type FileOps, FILES } from "../../../queue/file_ops.ts";
import { libcFiles } from "../../../queue/libc_files.ts";
import { inTempDir, names } from "./kit.ts";

const WAYS: readonly (readonly [string, FileOps])[] = [["libc", FILES], ["Deno", DENO_FILES]];
const ignore = libcFiles() === null;

/** What `action` throws, as an administrator reads it, and its class. */
function troubleOf(action: () => unknown): string {
  const error = assertThrows(action);
  return `${(error as Error).constructor.name} ${errorText(error)}`;
}

for (const [way, ops] of WAYS) {
  Deno.test(`FILES (${way}): a short file is written whole, mode 0600, under two names, and removed`, () =>
    inTempDir((dir) => {
      const bytes = new Uint8Array(100_000).map((_, i) => i % 251);
      const file = ops.createShort(`${dir}/a`);
      file.write(bytes.subarray(0, 70_001));
      file.write(bytes.subarray(70_001));
      file.write(new Uint8Array(0));
      file.close();
      ops.link(`${dir}/a`, `${dir}/b`);
      ops.remove(`${dir}/a`);
      assertEquals(names(dir), ["b"]);
      assertEquals(Deno.readFileSync(`${dir}/b`), bytes);
      assertEquals((Deno.statSync(`${dir}/b`).mode ?? 0) & 0o777, 0o600);
    }));

  Deno.test(`FILES (${way}): paths with bytes above 127 name the same file as Deno's`, () =>
    inTempDir((dir) => {
      const binary = `${dir}/gr\xc3\xbc\xc3\x9fe`;
      ops.createShort(binary).close();
      assertEquals(names(dir), ["grüße"]);
      ops.remove(binary);
      assertEquals(names(dir), []);
    }));

  Deno.test(`FILES (${way}): a NUL in a path is refused, not cut off`, () =>
    inTempDir((dir) => {
      assertThrows(() => ops.createShort(`${dir}/a\0b`));
      assertEquals(names(dir), []);
    }));
}

Deno.test({
  name: "FILES: errors have the class, code and words of Deno's own",
  ignore,
  fn: () =>
    inTempDir((dir) => {
      Deno.writeTextFileSync(`${dir}/there`, "");
      const long = `${dir}/${"x".repeat(300)}`;
      const tries: readonly ((ops: FileOps) => unknown)[] = [
        (ops) => ops.createShort(`${dir}/there`),
        (ops) => ops.createShort(`${dir}/none/a`),
        (ops) => ops.createShort(`${dir}/there/a`),
        (ops) => ops.createShort(long),
        (ops) => ops.link(`${dir}/there`, `${dir}/there`),
        (ops) => ops.link(`${dir}/none`, `${dir}/b`),
        (ops) => ops.remove(`${dir}/none`),
        (ops) => ops.device(`${dir}/none`),
      ];
      for (const [number, attempt] of tries.entries()) {
        const [libc, deno] = WAYS.map(([, ops]) => troubleOf(() => attempt(ops)));
        assertEquals(libc, deno, `attempt ${number}`);
      }
      assertThrows(() => FILES.createShort(`/${"x/".repeat(3000)}`), Error, "name too long");
    }),
});

Deno.test({
  name: "FILES: two directories of one file system have one device, of two file systems two",
  ignore,
  fn: () =>
    inTempDir((dir) => {
      Deno.mkdirSync(`${dir}/a`);
      assertEquals(FILES.device(dir), FILES.device(`${dir}/a`));
      assert(FILES.device("/proc") !== FILES.device(dir));
    }),
});
