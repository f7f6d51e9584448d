import { assertEquals } from "@std/assert";
import { fromLatin1 } from "../../../cdb/bytes.ts";
import { findThroughLibrary } from "../../../validate/getpwnam.ts";
import { openFiles } from "../../../validate/files.ts";
import {
  openPasswd,
  openUsers,
  parsePasswd,
  parsePasswdLine,
  passwdServices,
  searchPasswd,
} from "../../../validate/passwd.ts";
import { OWNER, passwdLine, withSite } from "./small_site.ts";

const uidOf = (field: string) => parsePasswdLine(`u:x:${field}:7::/h:/s`)?.uid ?? null;

Deno.test("parsePasswdLine: ids as glibc's strtoul reads them", () => {
  assertEquals(uidOf("1001"), 1001);
  assertEquals(uidOf("0005"), 5);
  assertEquals(uidOf("+5"), 5);
  assertEquals(uidOf(" \t5"), 5);
  assertEquals(uidOf("4294967295"), 4294967295);
  assertEquals(uidOf("4294967296"), null);
  assertEquals(uidOf("99999999999999999999"), null);
  assertEquals(uidOf("-1"), null);
  assertEquals(uidOf("-0"), 0);
  assertEquals(uidOf("-18446744073709551615"), 1);
  for (const wrong of ["", " ", "5 ", "5x", "0x5", "+-5"]) assertEquals(uidOf(wrong), null);
});

Deno.test("parsePasswdLine: short lines, comments, blanks, NUL and compat lines", () => {
  assertEquals(parsePasswdLine("a:x:5:7")?.home, "");
  assertEquals(parsePasswdLine("a:x:5:6:g:/home")?.home, "/home");
  assertEquals(parsePasswdLine("a:x:5"), null);
  assertEquals(parsePasswdLine(" \fa:x:5:7::/h:")?.name, "a");
  assertEquals(parsePasswdLine("  # a:x:5:7::/h:"), null);
  assertEquals(parsePasswdLine("+a:x:5:7::/h:"), null);
  assertEquals(parsePasswdLine("-a:x:5:7::/h:"), null);
  assertEquals(parsePasswdLine("a:x:5:7::/h\0ome:/s")?.home, "/h");
  assertEquals(parsePasswdLine(""), null);
});

Deno.test("parsePasswd: of two lines with one name the first counts", () => {
  assertEquals(parsePasswd("a:x:1:1::/1:\na:x:2:2::/2:\n").get("a")?.uid, 1);
});

Deno.test("openPasswd: a changed file is seen at the next look-up, a missing one has no users", () => {
  withSite((site) => {
    const users = openPasswd(openFiles(site.root));
    assertEquals(users.find("joe"), { name: "joe", ...OWNER, home: "/home/joe" });
    assertEquals(users.find("new"), null);
    site.write("etc/passwd", passwdLine("new"));
    assertEquals(users.find("new"), null);
    users.begin();
    assertEquals(users.find("new")?.home, "/home/new");
    assertEquals(users.find("joe"), null);
    Deno.removeSync(site.path("etc/passwd"));
    users.begin();
    assertEquals(users.find("new"), null);
  });
});

/** What a search of the text finds. */
const searched = (text: string, name: string) =>
  searchPasswd(fromLatin1(text), new TextDecoder("windows-1252").decode(fromLatin1(text)), name);

Deno.test("searchPasswd: the first line counts, also the last one without newline, never another field", () => {
  const text = "x:a:1:1:b:/x:/s\nab:x:2:2::/ab:\nb:x:3:3::/b1:\nb:x:4:4::/b2:\na:x:5:5::/a";
  for (const name of ["x", "ab", "b", "a"]) {
    assertEquals(searched(text, name), parsePasswd(text).get(name) ?? null);
  }
  assertEquals(searched(text, "b")?.home, "/b1");
  assertEquals(searched(text, "a")?.home, "/a");
  for (const name of ["", "s", "1", "/x", "x:a", "b:x:3", "nobody"]) {
    assertEquals(searched(text, name), null);
  }
});

Deno.test("searchPasswd: a line that does not count gives way to the next of that name", () => {
  const text = "a:x:5\na:x:y:7::/h:\n# a:x:1:1::/c:\n \t a:x:6:7::/h:\n";
  assertEquals(searched(text, "a")?.uid, 6);
  assertEquals(searched(text, " a"), null);
  assertEquals(searched("+a:x:5:7::/h:\n", "+a"), null);
  assertEquals(searched("", "a"), null);
  assertEquals(searched(":x:5:7::/h:", "")?.uid, 5);
});

Deno.test("searchPasswd: what the Map has, for lines of odd bytes", () => {
  const pieces = [
    "a",
    "b",
    ":",
    "x:5:7::/h:",
    "\n",
    " ",
    "\t",
    "#",
    "+",
    "\0",
    "\x80",
    "\x81",
    "\xff",
  ];
  let seed = 1;
  const next = (below: number) => (seed = (seed * 48271) % 0x7fffffff) % below;
  for (let round = 0; round < 400; round++) {
    const text = Array.from({ length: 40 }, () => pieces[next(pieces.length)]).join("");
    const users = parsePasswd(text);
    const names = ["", "a", "b", "ab", " a", "\x80", "a\x81", "\xff", "b#", "a\0", ...users.keys()];
    for (const name of names) {
      assertEquals(searched(text, name), users.get(name) ?? null, JSON.stringify([text, name]));
    }
  }
});

Deno.test("openPasswd: many names in turn are answered as the first ones, and changes are still seen", () => {
  withSite((site) => {
    const lines = Array.from({ length: 100 }, (_, i) => `u${i}:x:${i + 1}:7::/home/u${i}:/s\n`);
    site.write("etc/passwd", lines.join("") + "u7:x:999:7::/later:/s");
    const users = openPasswd(openFiles(site.root));
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 100; i++) assertEquals(users.find(`u${i}`)?.uid, i + 1);
      assertEquals(users.find("u100"), null);
    }
    site.write("etc/passwd", "u7:x:5:7::/changed:/s");
    users.begin();
    assertEquals(users.find("u7")?.home, "/changed");
    assertEquals(users.find("u8"), null);
  });
});

Deno.test("passwdServices: the passwd line of nsswitch.conf", () => {
  assertEquals(passwdServices("# x\ngroup: files\npasswd:  files ldap # y\n"), ["files", "ldap"]);
  assertEquals(passwdServices("group: files\n"), ["files"]);
});

Deno.test({
  name: "findThroughLibrary: root is there, nonsense is not",
  ignore: findThroughLibrary() === null,
  fn() {
    const ask = findThroughLibrary();
    assertEquals(ask?.("root")?.uid, 0);
    assertEquals(ask?.("no such user, ever"), null);
  },
});

Deno.test("openUsers: the system's users include root, wherever they come from", () => {
  for (const source of ["system", "passwd"] as const) {
    const users = openUsers(openFiles(""), { rooted: false, source, fresh: true });
    assertEquals(users.find("root")?.uid, 0);
    assertEquals(users.find("no such user, ever"), null);
  }
});
