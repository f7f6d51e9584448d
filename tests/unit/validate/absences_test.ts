import { assertEquals } from "@std/assert";
import { rememberAbsences } from "../../../validate/absences.ts";
import type { Failed, Found } from "../../../validate/sight.ts";

const DAY = 86_400_000;

const homeAt = (mtime: number, more = {}): Found => ({
  ok: true,
  path: "/home/joe",
  stat: { mode: 0o40755, uid: 1, gid: 1, size: 1, dev: 1, ino: 1, mtime, ctime: mtime, ...more },
});

const absent = (at: string, errno = "ENOENT"): Failed => ({ ok: false, errno, at, hidden: false });

Deno.test("rememberAbsences: an absence holds while the home is the same", () => {
  const absences = rememberAbsences(() => null);
  const old = Date.now() - DAY;
  const home = homeAt(old);
  absences.note(home, ".qmail", absent("/home/joe/.qmail"));
  absences.note(home, ".qmail-default", absent("/home/joe/.qmail-default"));
  assertEquals(absences.has(home, ".qmail"), true);
  assertEquals(absences.has(home, ".qmail-default"), true);
  assertEquals(absences.has(home, ".qmail-x-default"), false);
  assertEquals(absences.has({ ...home, path: "/home/jane" }, ".qmail"), false);
  for (
    const changed of [homeAt(old + 1), homeAt(old, { ino: 2 }), homeAt(old, { ctime: old + 1 })]
  ) {
    assertEquals(absences.has(changed, ".qmail"), false);
  }
});

Deno.test("rememberAbsences: a home that changed just now is not trusted", () => {
  const absences = rememberAbsences(() => null);
  for (const changed of [0, 500, 900]) {
    const home = homeAt(Date.now() - changed);
    absences.note(home, ".qmail", absent("/home/joe/.qmail"));
    assertEquals(absences.has(home, ".qmail"), false);
  }
});

Deno.test("rememberAbsences: dangling links, other errors, strangers' names and paths are not kept", () => {
  const absences = rememberAbsences(() => null);
  const home = homeAt(Date.now() - DAY);
  absences.note(home, ".qmail", absent("/elsewhere/target"));
  absences.note(home, ".qmaildefault", absent("/home/joe/.qmaildefault", "ELOOP"));
  absences.note(home, ".qmail-x", absent("/home/joe/.qmail-x"));
  absences.note(home, ".qmail-a/default", absent("/home/joe/.qmail-a/default"));
  for (const name of [".qmail", ".qmaildefault", ".qmail-x", ".qmail-a/default"]) {
    assertEquals(absences.has(home, name), false);
  }
});

/** Asks `absences` for so many names that nobody has. */
function guess(absences: ReturnType<typeof rememberAbsences>, home: Found, count: number): void {
  for (let i = 0; i < count; i++) {
    absences.note(home, `.qmail-guess${i}`, absent(`/home/joe/.qmail-guess${i}`));
  }
}

Deno.test("rememberAbsences: a home that is asked for many names is listed once, until it changes", () => {
  let listings = 0;
  const absences = rememberAbsences(() => {
    listings++;
    return new Set([".qmail-news"]);
  });
  const home = homeAt(Date.now() - DAY);
  guess(absences, home, 2);
  assertEquals([listings, absences.has(home, ".qmail-other")], [0, false]);
  guess(absences, home, 5);
  assertEquals(listings, 1);
  assertEquals(absences.has(home, ".qmail-other"), true);
  assertEquals(absences.has(home, ".qmail-news"), false);
  const changed = homeAt(Date.now() - DAY + 1);
  assertEquals(absences.has(changed, ".qmail-other"), false);
});

Deno.test("rememberAbsences: a listing answers neither for names beyond ASCII nor for paths", () => {
  const absences = rememberAbsences(() => new Set());
  const home = homeAt(Date.now() - DAY);
  guess(absences, home, 3);
  assertEquals(absences.has(home, ".qmail-plain"), true);
  assertEquals(absences.has(home, ".qmail-\xfc"), false);
  assertEquals(absences.has(home, ".qmail-a/b"), false);
});

Deno.test("rememberAbsences: a home that can't be listed is asked for each name", () => {
  const absences = rememberAbsences(() => null);
  const home = homeAt(Date.now() - DAY);
  guess(absences, home, 10);
  assertEquals(absences.has(home, ".qmail-guess0"), false);
});

Deno.test("hasNoneOf: only what a listing rules out for the extension and all of its defaults", () => {
  const listings: Record<string, string[]> = {
    "/plain": [".qmail", ".qmail-postmaster", ".qmail-a:b"],
    "/default": [".qmail-default"],
    "/list": [".qmail-list-default"],
  };
  const absences = rememberAbsences((home) => new Set(listings[home.path]));
  const listedAs = (path: string): Found => {
    const home = { ...homeAt(Date.now() - DAY), path };
    for (let i = 0; i < 5; i++) {
      absences.note(home, `.qmail-guess${i}`, absent(`${path}/.qmail-guess${i}`));
    }
    return home;
  };
  const plain = listedAs("/plain");
  assertEquals(absences.hasNoneOf(plain, "-", "nobody"), true);
  assertEquals(absences.hasNoneOf(plain, "-", "no-body"), true);
  for (const there of ["postmaster", "a:b"]) {
    assertEquals(absences.hasNoneOf(plain, "-", there), false);
  }
  // What a listing can't show, or is not asked about like this.
  for (const unsure of ["caf\xe9", "a/b"]) {
    assertEquals(absences.hasNoneOf(plain, "-", unsure), false);
  }
  for (const dash of ["", "+", "--"]) {
    assertEquals(absences.hasNoneOf(plain, dash, "nobody"), false);
  }
  assertEquals(absences.hasNoneOf(listedAs("/default"), "-", "nobody"), false);
  const list = listedAs("/list");
  assertEquals(absences.hasNoneOf(list, "-", "nobody"), true);
  assertEquals(absences.hasNoneOf(list, "-", "list-x"), false);
  const changed = { ...plain, stat: { ...plain.stat, mtime: plain.stat.mtime + 1 } };
  assertEquals(absences.hasNoneOf(changed, "-", "nobody"), false);
  assertEquals(absences.hasNoneOf(homeAt(Date.now() - DAY), "-", "nobody"), false);
});
