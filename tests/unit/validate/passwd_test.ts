import { assertEquals } from "@std/assert";
import { findThroughLibrary } from "../../../validate/getpwnam.ts";
import { openFiles } from "../../../validate/files.ts";
import {
  openPasswd,
  openUsers,
  parsePasswd,
  parsePasswdLine,
  passwdServices,
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
