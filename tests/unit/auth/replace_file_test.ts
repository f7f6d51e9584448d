import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type FileSteps, looksOf, replaceFile, withLock } from "../../../auth/replace_file.ts";

function withDirectory(work: (directory: string) => void | Promise<void>) {
  return async () => {
    const directory = Deno.makeTempDirSync();
    try {
      await work(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const names = (directory: string) => [...Deno.readDirSync(directory)].map((e) => e.name).sort();

const STEPS: FileSteps = {
  write: (file, data) => void file.writeSync(data),
  sync: (file) => file.syncSync(),
  rename: (from, to) => Deno.renameSync(from, to),
};

Deno.test("replaceFile: new content, mode and owner as they were", () =>
  withDirectory((directory) => {
    const path = `${directory}/f`;
    Deno.writeTextFileSync(path, "old");
    Deno.chmodSync(path, 0o640);
    const before = Deno.statSync(path);
    replaceFile(path, bytes("new"), looksOf(path));
    const after = Deno.statSync(path);
    assertEquals(Deno.readTextFileSync(path), "new");
    assertEquals([after.mode! & 0o777, after.uid, after.gid], [0o640, before.uid, before.gid]);
    assertEquals(names(directory), ["f"]);
  })());

Deno.test("replaceFile: a file that was not there is for its owner alone", () =>
  withDirectory((directory) => {
    replaceFile(`${directory}/f`, bytes("new"), null);
    assertEquals(Deno.statSync(`${directory}/f`).mode! & 0o777, 0o600);
  })());

Deno.test({
  name: "replaceFile: another's file stays another's",
  ignore: Deno.uid() !== 0,
  fn: withDirectory((directory) => {
    const path = `${directory}/f`;
    Deno.writeTextFileSync(path, "old");
    Deno.chownSync(path, 65534, 65534);
    Deno.chmodSync(path, 0o600);
    replaceFile(path, bytes("new"), looksOf(path));
    const { uid, gid, mode } = Deno.statSync(path);
    assertEquals([uid, gid, mode! & 0o777], [65534, 65534, 0o600]);
  }),
});

Deno.test("replaceFile: a failure at any step before the end leaves the old file and nothing else", () =>
  withDirectory((directory) => {
    const path = `${directory}/f`;
    Deno.writeTextFileSync(path, "old");
    for (const step of ["write", "sync", "rename"] as const) {
      const failing: FileSteps = {
        ...STEPS,
        [step]: () => {
          throw new Error(`${step} failed`);
        },
      };
      assertThrows(() => replaceFile(path, bytes("new"), null, failing), Error, `${step} failed`);
      assertEquals(Deno.readTextFileSync(path), "old", step);
      assertEquals(names(directory), ["f"], step);
    }
  })());

Deno.test("replaceFile: syncs the file before the rename and the directory after it", () =>
  withDirectory((directory) => {
    const order: string[] = [];
    replaceFile(`${directory}/f`, bytes("new"), null, {
      write: (file, data) => {
        order.push("write");
        STEPS.write(file, data);
      },
      sync: (file) => {
        order.push(file.statSync().isDirectory ? "sync directory" : "sync file");
        STEPS.sync(file);
      },
      rename: (from, to) => {
        order.push("rename");
        STEPS.rename(from, to);
      },
    });
    assertEquals(order, ["write", "sync file", "rename", "sync directory"]);
  })());

Deno.test("replaceFile: the file behind a symbolic link is replaced, the link stays", () =>
  withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/real`, "old");
    Deno.symlinkSync("real", `${directory}/link`);
    replaceFile(`${directory}/link`, bytes("new"), null);
    assertEquals(Deno.readLinkSync(`${directory}/link`), "real");
    assertEquals(Deno.readTextFileSync(`${directory}/real`), "new");
  })());

Deno.test("withLock: one editor after the other", () =>
  withDirectory(async (directory) => {
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const first = withLock(`${directory}/lock`, null, async () => {
      order.push("first in");
      started.resolve();
      await promise;
      order.push("first out");
    });
    await started.promise;
    const second = withLock(`${directory}/lock`, null, () => {
      order.push("second in");
    });
    resolve();
    await Promise.all([first, second]);
    assertEquals(order, ["first in", "first out", "second in"]);
  })());

Deno.test("withLock: is given back after a failure", () =>
  withDirectory(async (directory) => {
    const failing = () =>
      withLock(`${directory}/lock`, null, () => Promise.reject(new Error("no")));
    await assertRejects(failing, Error, "no");
    assertEquals(await withLock(`${directory}/lock`, null, () => 7), 7);
  })());
