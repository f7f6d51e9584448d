import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createMaildropCache } from "../../../pop3/maildrop_cache.ts";
import { LOCAL_FILES, type MaildropFiles } from "../../../pop3/maildrop_files.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { buildMaildir, cacheFor, type Entry, messages, talk, tree, withFolder } from "./kit.ts";

/** Names the calls of a file access. */
function watched(): { files: MaildropFiles; take: () => string[] } {
  const calls: string[] = [];
  const note =
    <A extends unknown[], R>(name: string, call: (...args: A) => R) => (...args: A): R => {
      calls.push(name);
      return call(...args);
    };
  const files: MaildropFiles = {
    ...LOCAL_FILES,
    stamp: note("stamp", LOCAL_FILES.stamp),
    names: note("names", LOCAL_FILES.names),
    facts: note("facts", LOCAL_FILES.facts),
    open: note("open", LOCAL_FILES.open),
    readWhole: note("open", LOCAL_FILES.readWhole!),
    readIndex: note("readIndex", LOCAL_FILES.readIndex),
    writeIndex: note("writeIndex", LOCAL_FILES.writeIndex),
  };
  return { files, take: () => calls.splice(0) };
}

const TWO = { "cur/1.a:2,": "one\n", "cur/2.b:2,S": "two\n" };

function settle(path: string): void {
  for (const dir of ["new", "cur"]) Deno.utimeSync(`${path}/${dir}`, 1.6e9, 1.6e9);
}

Deno.test("open: a login to an unchanged Maildir costs two stats", () =>
  withFolder(async (path) => {
    buildMaildir(path, messages(TWO));
    settle(path);
    const { files, take } = watched();
    const cache = cacheFor({ files });
    const first = await talk({ path, cache }, "STAT\r\nUIDL\r\nLIST\r\n");
    take();
    assertEquals(await talk({ path, cache }, "STAT\r\nUIDL\r\nLIST\r\n"), first);
    assertEquals(take(), ["stamp", "stamp"]);
  }));

Deno.test("open: new mail is seen; what is known of the others is not asked again", () =>
  withFolder(async (path) => {
    buildMaildir(path, messages(TWO));
    settle(path);
    const { files, take } = watched();
    const cache = cacheFor({ files });
    await talk({ path, cache }, "STAT\r\n");
    Deno.writeTextFileSync(`${path}/new/3.c`, "three\n");
    take();
    assertStringIncludes(await talk({ path, cache }, "STAT\r\n"), "+OK 3 17\r\n");
    const calls = take();
    assertEquals(calls.filter((call) => call === "facts").length, 1);
    assertEquals(calls.filter((call) => call === "open").length, 1);
  }));

Deno.test("open: a listing taken close to the directory's time is not trusted", () =>
  withFolder(async (path) => {
    buildMaildir(path, messages(TWO));
    const changed = 1_700_000_000_000;
    for (const dir of ["new", "cur"]) {
      Deno.utimeSync(`${path}/${dir}`, changed / 1e3, changed / 1e3);
    }
    for (const [after, trusted] of [[0, false], [2000, false], [2001, true]] as const) {
      const { files, take } = watched();
      const cache = cacheFor({ files, clock: () => changed + after });
      await talk({ path, cache });
      take();
      await talk({ path, cache });
      assertEquals(take().includes("names"), !trusted, `${after} ms`);
    }
  }));

Deno.test("open: a message of the future shows up in its second", () =>
  withFolder(async (path) => {
    const later: Entry = { path: "cur/9.z:2,", type: "file", content: "z\n", mtime: 2_000_000_000 };
    buildMaildir(path, [...messages(TWO), later]);
    settle(path);
    let now = 1_999_999_999_999;
    const cache = cacheFor({ clock: () => now });
    assertStringIncludes(await talk({ path, cache }, "STAT\r\n"), "+OK 2 ");
    now++;
    assertStringIncludes(await talk({ path, cache }, "STAT\r\n"), "+OK 3 ");
  }));

Deno.test("open: kept listings stay within their bound", () =>
  withFolder(async (folder) => {
    const { files, take } = watched();
    const cache = createMaildropCache({
      files,
      sizes: "exact",
      maxMessages: 8,
      tracer: NO_TRACE,
      clock: Date.now,
    });
    const paths = ["a", "b", "c"].map((name) => `${folder}/${name}`);
    for (const path of paths) {
      buildMaildir(path, messages(TWO));
      settle(path);
      await talk({ path, cache });
    }
    take();
    await talk({ path: paths[2]!, cache });
    assertEquals(take().includes("names"), false, "the latest is kept");
    await talk({ path: paths[0]!, cache });
    assertEquals(take().includes("names"), true, "the oldest is not");
  }));

/** A Maildir large enough for an index. */
function buildLarge(path: string): void {
  const contents: Record<string, string> = {};
  for (let i = 0; i < 1200; i++) contents[`cur/${100000 + i}.m:2,`] = "x\ny\n";
  buildMaildir(path, messages(contents));
  settle(path);
}

Deno.test("size index: a new process reads no message and asks for no facts", () =>
  withFolder(async (path) => {
    buildLarge(path);
    const first = await talk({ path }, "STAT\r\nLIST\r\n");
    assertStringIncludes(first, "+OK 1200 7200\r\n");
    assert(Deno.statSync(`${path}/qfront-sizes`).isFile);
    assertEquals(tree(path).filter((name) => name.startsWith("tmp/")), []);
    const { files, take } = watched();
    assertEquals(await talk({ path, files }, "STAT\r\nLIST\r\n"), first);
    const calls = take();
    for (const costly of ["open", "facts", "writeIndex"]) {
      assertEquals(calls.includes(costly), false, costly);
    }
  }));

Deno.test("open: a large Maildir is read in slices, one reading serves two logins", () =>
  withFolder(async (path) => {
    buildLarge(path);
    const { files, take } = watched();
    const large = (dir: string) => ({ ...files.stamp(dir), size: 1 << 20 });
    const cache = cacheFor({ files: { ...files, stamp: large } });
    const both = [cache.open(path, 1), cache.open(path, 2)];
    assert(both.every((maildrop) => maildrop instanceof Promise));
    const [one, two] = await Promise.all(both);
    assertEquals(one!.listing, two!.listing);
    assertEquals(one!.listing.messages.length, 1200);
    assertEquals(take().filter((call) => call === "facts").length, 1200);
  }));

Deno.test("size index: nonsense in it, or no right to write it, changes nothing", () =>
  withFolder(async (path) => {
    buildLarge(path);
    const first = await talk({ path }, "STAT\r\nUIDL\r\nLIST\r\n");
    for (const text of ["", "else\n", "qfront-sizes 1\n1 2 3\nx\n1000000000 4 9999 100000.m\n"]) {
      Deno.writeTextFileSync(`${path}/qfront-sizes`, text);
      assertEquals(await talk({ path }, "STAT\r\nUIDL\r\nLIST\r\n"), first, text);
    }
    Deno.removeSync(`${path}/qfront-sizes`);
    const writeIndex = () => {
      throw new Deno.errors.PermissionDenied("not yours");
    };
    const files = { ...LOCAL_FILES, writeIndex };
    assertEquals(await talk({ path, files }, "STAT\r\nUIDL\r\nLIST\r\n"), first);
  }));

Deno.test("size index: `stat` sizes are not remembered as counted ones", () =>
  withFolder(async (path) => {
    buildLarge(path);
    assertStringIncludes(await talk({ path, sizes: "stat" }, "STAT\r\n"), "+OK 1200 4800\r\n");
    assertStringIncludes(await talk({ path }, "STAT\r\n"), "+OK 1200 7200\r\n");
  }));

Deno.test("tmp: files of 36 hours without access go, younger ones and dot files stay", () =>
  withFolder(async (path) => {
    const file = (name: string, atime_now_offset: number): Entry => (
      { path: `tmp/${name}`, type: "file", content: "", mtime_now_offset: -10, atime_now_offset }
    );
    const files = [file("old", -129700), file("young", -129500), file(".old", -1000000)];
    buildMaildir(path, [...messages({}), ...files]);
    await talk({ path });
    assertEquals(tree(path), ["tmp/.old", "tmp/young"]);
  }));
