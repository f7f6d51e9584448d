import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemLibcrypt } from "../../../auth/libcrypt.ts";
import { CdbReader } from "../../../cdb/mod.ts";
import { runNewpop } from "../../../cli/newpop.ts";
import { failingSteps, withKit } from "./tool_kit.ts";

systemLibcrypt();
const HASH =
  "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";

Deno.test("runNewpop: key is the login in lower case, data the rest of the line", () =>
  withKit(async (kit) => {
    kit.write(`# logins\r\nJoe@Example.ORG:${HASH}:vmail:/home/joe\r\n\njo\xe9:${HASH}\n`);
    assertEquals(await runNewpop(kit.site, kit.io), 0);
    const reader = new CdbReader(kit.cdb());
    assertEquals([...reader.entries()], [
      ["joe@example.org", `${HASH}:vmail:/home/joe`],
      ["jo\xe9", HASH],
    ]);
    assertMatch(kit.out.join("\n"), /poppasswd\.cdb: 2 logins, \d+ bytes, \d+\.\d{3} seconds$/);
    assertEquals(kit.names(), ["poppasswd", "poppasswd.cdb", "poppasswd.lock"]);
  }));

Deno.test("runNewpop: unusable lines and duplicates are named by line, the old cdb stays", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}\n`);
    assertEquals(await runNewpop(kit.site, kit.io), 0);
    const before = kit.cdb();
    kit.write(`joe:${HASH}\n# fine\nann:opensesame\nJOE:${HASH}\nbob\n`);
    assertEquals(await runNewpop(kit.site, kit.io), 1);
    assertEquals(kit.cdb(), before);
    assertEquals(kit.err.length, 4);
    assertStringIncludes(
      kit.err[0] ?? "",
      'line 3, login "ann": The password field is of no known form',
    );
    assertStringIncludes(
      kit.err[1] ?? "",
      'line 4, login "joe": The login stands in line 1 already',
    );
    assertStringIncludes(kit.err[2] ?? "", 'line 5: There is no ":"');
    assertStringIncludes(kit.err[3] ?? "", "3 faults");
    assertEquals(kit.err.join("").includes("opensesame"), false);
  }));

Deno.test("runNewpop: a failure at any step leaves the old cdb and no other file; exit 78", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}\n`);
    await runNewpop(kit.site, kit.io);
    const [before, names] = [kit.cdb(), kit.names()];
    kit.write(`ann:${HASH}\n`);
    for (const step of ["write", "sync", "rename"] as const) {
      kit.steps = failingSteps(step);
      assertEquals(await runNewpop(kit.site, kit.io), 78);
      assertEquals(kit.cdb(), before, step);
      assertEquals(kit.names(), names, step);
      assertStringIncludes(kit.err.at(-1) ?? "", `${step} failed`);
    }
  }));

Deno.test("runNewpop: the cdb takes mode from the text at first, from itself later", () =>
  withKit(async (kit) => {
    const mode = (name: string) => Deno.statSync(`${kit.directory}/users/${name}`).mode! & 0o777;
    kit.write(`joe:${HASH}\n`);
    Deno.chmodSync(`${kit.directory}/users/poppasswd`, 0o640);
    await runNewpop(kit.site, kit.io);
    assertEquals(mode("poppasswd.cdb"), 0o640);
    Deno.chmodSync(`${kit.directory}/users/poppasswd.cdb`, 0o644);
    await runNewpop(kit.site, kit.io);
    assertEquals(mode("poppasswd.cdb"), 0o644);
  }));

Deno.test("runNewpop: 10,000 lines, found again", () =>
  withKit(async (kit) => {
    kit.write(
      Array.from({ length: 10000 }, (_, i) => `user${i}@example.org:${HASH}:1000:100:/h/${i}\n`)
        .join(""),
    );
    assertEquals(await runNewpop(kit.site, kit.io), 0);
    const reader = new CdbReader(kit.cdb());
    assertEquals(reader.find("user9999@example.org"), `${HASH}:1000:100:/h/9999`);
    assertStringIncludes(kit.out[0] ?? "", "10000 logins");
  }));

Deno.test("runNewpop: an empty file makes an empty cdb", () =>
  withKit(async (kit) => {
    kit.write("# nobody yet\n");
    assertEquals(await runNewpop(kit.site, kit.io), 0);
    assertEquals([...new CdbReader(kit.cdb()).entries()], []);
  }));

Deno.test("runNewpop: --root lies above the qmail directory", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}\n`);
    const slash = kit.directory.lastIndexOf("/");
    const root = [
      "--root",
      kit.directory.slice(0, slash),
      "--qmail-dir",
      kit.directory.slice(slash),
    ];
    assertEquals(await runNewpop(root, kit.io), 0);
    assert(kit.cdb().length > 2048);
  }));

Deno.test("runNewpop: QMAILHOME names the qmail directory", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}\n`);
    const io = { ...kit.io, env: { QMAILHOME: kit.directory } };
    assertEquals(await runNewpop([], io), 0);
    assert(kit.cdb().length > 2048);
  }));

Deno.test("runNewpop: wrong arguments are 64, a missing site or file 78, one sentence each", () =>
  withKit(async (kit) => {
    assertEquals(await runNewpop(["--bogus"], kit.io), 64);
    assertEquals(await runNewpop([...kit.site, "extra"], kit.io), 64);
    assertEquals(await runNewpop(["--qmail-dir", "/nonexistent"], kit.io), 78);
    assertEquals(await runNewpop(kit.site, kit.io), 78);
    assertEquals(kit.err.length, 4);
    assertStringIncludes(kit.err[3] ?? "", 'poppasswd" does not exist');
  }));

Deno.test("runNewpop: --help fits a screen and has an example", () =>
  withKit(async (kit) => {
    assertEquals(await runNewpop(["--help"], kit.io), 0);
    const lines = kit.out.join("\n").split("\n");
    assert(lines.length <= 24 && lines.every((line) => line.length <= 80), lines.join("\n"));
    assert(lines.some((line) => line.includes("qfront newpop")));
  }));
