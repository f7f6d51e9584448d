import { assertEquals, assertThrows } from "@std/assert";
import {
  CachedCdb,
  CdbError,
  cdbHash,
  CdbReader,
  fromLatin1,
  latin1,
  makeCdb,
} from "../../../cdb/mod.ts";

Deno.test("cdbHash: the hash of the format's description", () => {
  assertEquals(cdbHash(""), 5381);
  assertEquals(cdbHash("a"), (5381 * 33) ^ 97);
  assertEquals(cdbHash("abcdef", 3), cdbHash("abc"));
});

Deno.test("CdbReader: finds what the maker put in, bytes of all values included", () => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
  const entries: [string, string][] = [["", "empty"], [all, "key"], ["data", all], ["none", ""]];
  for (let i = 0; i < 2000; i++) entries.push([`name${i}`, `value ${i}`]);
  const cdb = new CdbReader(makeCdb(entries));
  for (const [key, data] of entries) assertEquals(cdb.find(key), data);
  assertEquals(cdb.find("name2000"), null);
  assertEquals([...cdb.entries()], entries);
});

Deno.test("CdbReader.find: of two records with one key the first wins", () => {
  assertEquals(new CdbReader(makeCdb([["k", "1"], ["k", "2"]])).find("k"), "1");
});

Deno.test("CdbReader.find: takes a prefix of its argument as key", () => {
  assertEquals(new CdbReader(makeCdb([["jo", "yes"]])).find("joe", 2), "yes");
});

Deno.test("CdbReader.find: an empty or short file is an error, not an absent key", () => {
  for (const size of [0, 7, 2047]) {
    const cdb = new CdbReader(new Uint8Array(size).fill(0xff));
    assertThrows(() => cdb.find("x"), CdbError);
  }
});

Deno.test("CdbReader.find: 2048 zeros are a database without records", () => {
  assertEquals(new CdbReader(new Uint8Array(2048)).find("x"), null);
});

Deno.test("CdbReader.find: text instead of a database is an error", () => {
  const text = fromLatin1("not a cdb file at all, just text. ".repeat(100));
  assertThrows(() => new CdbReader(text).find("x"), CdbError);
});

Deno.test("CdbReader.find: a database cut in its tables or records is an error", () => {
  const whole = makeCdb([["key", "data"]]);
  assertThrows(() => new CdbReader(whole.slice(0, whole.length - 1)).find("key"), CdbError);
  const bad = whole.slice();
  new DataView(bad.buffer).setUint32(2048 + 4, 10_000, true);
  assertThrows(() => new CdbReader(bad).find("key"), CdbError);
});

Deno.test("latin1: every byte comes back, also beyond one chunk", () => {
  const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i & 255);
  assertEquals(fromLatin1(latin1(bytes)), bytes);
});

Deno.test("CachedCdb.open: absent, made, replaced, removed are seen at once", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const path = `${dir}/x.cdb`;
    const cached = new CachedCdb(path);
    assertEquals(cached.open(), null);
    Deno.writeFileSync(path, makeCdb([["a", "1"]]));
    assertEquals(cached.open()?.find("a"), "1");
    Deno.writeFileSync(path, makeCdb([["a", "2"]]));
    assertEquals(cached.open()?.find("a"), "2");
    Deno.writeFileSync(`${path}.tmp`, makeCdb([["a", "3"]]));
    Deno.renameSync(`${path}.tmp`, path);
    assertEquals(cached.open()?.find("a"), "3");
    Deno.removeSync(path);
    assertEquals(cached.open(), null);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("CachedCdb.open: with a time to keep, what it was is known that long; that it is not there is not kept", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const path = `${dir}/x.cdb`;
    let now = 0;
    const cached = new CachedCdb(path, 5, () => now);
    assertEquals(cached.open(), null);
    Deno.writeFileSync(path, makeCdb([["a", "1"]]));
    assertEquals(cached.open()?.find("a"), "1");
    Deno.writeFileSync(path, makeCdb([["a", "2"]]));
    now = 4;
    assertEquals(cached.open()?.find("a"), "1");
    now = 5;
    assertEquals(cached.open()?.find("a"), "2");
    Deno.removeSync(path);
    now = 9;
    assertEquals(cached.open()?.find("a"), "2");
    now = 10;
    assertEquals(cached.open(), null);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("CachedCdb.open: a directory is an error", () => {
  const dir = Deno.makeTempDirSync();
  try {
    assertThrows(() => new CachedCdb(dir).open());
  } finally {
    Deno.removeSync(dir);
  }
});
