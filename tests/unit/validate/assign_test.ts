import { assertEquals, assertThrows } from "@std/assert";
import { CdbReader, fromLatin1, makeCdb } from "../../../cdb/mod.ts";
import { idOf, openAssignments, parseAssignment } from "../../../validate/assign.ts";
import { openFiles } from "../../../validate/files.ts";
import { AssignError, makeAssignCdb } from "../../../validate/newu.ts";
import { LookupTrouble } from "../../../validate/trouble.ts";
import { withSite } from "./small_site.ts";

const CDB = "var/qmail/users/cdb";
const open = (root: string) => openAssignments(openFiles(root), `/${CDB}`);

Deno.test("idOf: leading digits modulo 2^32", () => {
  assertEquals(idOf("1001x"), 1001);
  assertEquals(idOf(""), 0);
  assertEquals(idOf(" 5"), 0);
  assertEquals(idOf("-5"), 0);
  assertEquals(idOf("4294967297"), 1);
  assertEquals(idOf("340282366920938463463374607431768211457"), 1);
});

Deno.test("parseAssignment: fewer than six fields are trouble, more are passed over", () => {
  assertThrows(() => parseAssignment("joe\x001\x002\0/home\0-", "cdb"), LookupTrouble, "too few");
  assertEquals(parseAssignment("joe\x001\x002\0/h\0-\0ext\0more", "cdb").ext, "ext");
});

Deno.test("makeAssignCdb: wildcards, exact names and the set of last bytes", () => {
  const cdb = new CdbReader(
    makeAssignCdb(
      fromLatin1("=Joe:j:1:2:/h:::\n+Al-:a:3:4:/a:-:x:more\n+b:b:1:1:/:::\n.\n=z:rest"),
    ),
  );
  assertEquals([...cdb.entries()], [
    ["!joe\0", "j\x001\x002\0/h\0\0"],
    ["!al-", "a\x003\x004\0/a\0-\0x"],
    ["!b", "b\x001\x001\0/\0\0"],
    ["", "-b"],
  ]);
});

Deno.test("makeAssignCdb: a file that qmail-newu refuses is refused with the line", () => {
  for (const bad of ["=joe:j:1:2:/h::\n.\n", ":x\n.\n", "=joe\n.\n", "=j\0:j:1:2:/h:::\n.\n"]) {
    assertThrows(() => makeAssignCdb(fromLatin1(bad)), AssignError, "Line 1");
  }
  assertThrows(() => makeAssignCdb(fromLatin1("=joe:j:1:2:/h:::\n")), AssignError, '"."');
});

Deno.test("openAssignments: exact before wildcard, longest wildcard first, the rest keeps its case", () => {
  withSite((site) => {
    const text =
      "=joe:j:1:1:/j:::\n+joe-:w:2:2:/w:-::\n+joe-x-:v:3:3:/v:-:p-:\n+:all:4:4:/a:-::\n" +
      "+tailX:never:5:5:/n:::\n.\n";
    site.write(CDB, makeAssignCdb(fromLatin1(text)));
    const find = open(site.root);
    assertEquals(find("JOE", null)?.user, "j");
    assertEquals(find("joe-A", null), {
      user: "w",
      uid: 2,
      gid: 2,
      home: "/w",
      dash: "-",
      ext: "A",
    });
    assertEquals(find("joe-x-B", null)?.ext, "p-B");
    assertEquals(find("Nobody", null)?.ext, "Nobody");
    assertEquals(find("tailXq", null)?.user, "all");
  });
});

Deno.test("openAssignments: a missing database has no entries, a broken one is trouble", () => {
  withSite((site) => {
    const find = open(site.root);
    assertEquals(find("joe", null), null);
    for (const bytes of [new Uint8Array(0), new Uint8Array(2048), fromLatin1("text".repeat(900))]) {
      site.write(CDB, bytes);
      assertThrows(() => find("joe", null), LookupTrouble, "/var/qmail/users/cdb is broken");
    }
    Deno.removeSync(site.path(CDB));
    site.mkdir(CDB);
    assertThrows(() => find("joe", null), LookupTrouble, "it is a directory");
  });
});

Deno.test("openAssignments: a replaced database is seen at the next question", () => {
  withSite((site) => {
    const find = open(site.root);
    for (const user of ["one", "two", "six"]) {
      site.write(`${CDB}.tmp`, makeCdb([["!joe\0", `${user}\x001\x001\0/\0\0`], ["", ""]]));
      Deno.renameSync(site.path(`${CDB}.tmp`), site.path(CDB));
      assertEquals(find("joe", null)?.user, user);
      // In place, same size, within the file system's clock tick.
      site.write(CDB, makeCdb([["!joe\0", `new\x001\x001\0/\0\0`], ["", ""]]));
      assertEquals(find("joe", null)?.user, "new");
    }
  });
});
