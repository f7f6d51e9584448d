import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type PoppasswdLine, readLine, readPoppasswd } from "../../../auth/poppasswd_file.ts";

const HASH = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/";

const read = (line: string): PoppasswdLine => readLine(line, 1);

function entry(line: string) {
  const reading = read(line);
  if (reading.kind !== "login") throw new Error(JSON.stringify(reading));
  return reading.entry;
}

function place(line: string) {
  const { user, uid, gid, home, maildir } = entry(line).account;
  return [user, uid, gid, home, maildir];
}

function fault(line: string): string {
  const reading = read(line);
  return reading.kind === "unusable" ? reading.fault : `not a fault: ${JSON.stringify(reading)}`;
}

Deno.test("readLine: login:hash names no place", () => {
  assertEquals(place(`joe:${HASH}`), [null, null, null, null, null]);
  assertEquals(entry(`joe:${HASH}`).form, "login:hash");
});

Deno.test("readLine: login:hash:user:directory of the how-tos", () => {
  assertEquals(place(`joe:${HASH}:vmail:/home/vmail/joe`), [
    "vmail",
    null,
    null,
    "/home/vmail/joe",
    null,
  ]);
});

Deno.test("readLine: every shape of login:hash[:user-or-uid[:gid]][:home[:maildir]]", () => {
  assertEquals(place(`j:${HASH}:vmail`), ["vmail", null, null, null, null]);
  assertEquals(place(`j:${HASH}:1000`), [null, 1000, null, null, null]);
  assertEquals(place(`j:${HASH}:1000:100`), [null, 1000, 100, null, null]);
  assertEquals(place(`j:${HASH}:vmail:100:/h`), ["vmail", null, 100, "/h", null]);
  assertEquals(place(`j:${HASH}:vmail:/h:mail/in`), ["vmail", null, null, "/h", "mail/in"]);
  assertEquals(place(`j:${HASH}:1000:100:/h:/var/mail/j`), [null, 1000, 100, "/h", "/var/mail/j"]);
  assertEquals(place(`j:${HASH}:/h`), [null, null, null, "/h", null]);
  assertEquals(place(`j:${HASH}:/h:m`), [null, null, null, "/h", "m"]);
  assertEquals(place(`j:${HASH}::/h`), [null, null, null, "/h", null]);
  assertEquals(place(`j:${HASH}:::`), [null, null, null, null, null]);
});

Deno.test("readLine: seven fields are a passwd line; comment field and shell mean nothing", () => {
  const line = `joe:${HASH}:1000:100:Joe:/home/joe:/bin/sh`;
  assertEquals(place(line), [null, 1000, 100, "/home/joe", null]);
  assertEquals(entry(line).form, "passwd");
});

Deno.test("readLine: the login is lower case, its bytes above 127 are left alone", () => {
  assertEquals(entry(`Joe@Example.ORG:${HASH}`).login, "joe@example.org");
  assertEquals(entry(`J\xd6\xc4rg:${HASH}`).login, "j\xd6\xc4rg");
});

Deno.test("readLine: CR and blanks at the end do not belong to the line", () => {
  const line = read(`joe:${HASH}:vmail:/h \t\r\n`);
  assert(line.kind === "login");
  assertEquals(line.rest, `${HASH}:vmail:/h`);
});

Deno.test("readLine: comments and empty lines", () => {
  for (const text of ["", "\r", "# joe:x", "  \t# joe", "   "]) {
    assertEquals(read(text).kind, "comment");
  }
});

Deno.test("readLine: says why no login can use a line", () => {
  assertStringIncludes(fault("joe"), 'no ":"');
  assertStringIncludes(fault(`:${HASH}`), "login is empty");
  assertStringIncludes(fault(` joe:${HASH}`), "blank");
  assertStringIncludes(fault(`jo\x07e:${HASH}`), "control character");
  assertStringIncludes(fault(`${"j".repeat(256)}:${HASH}`), "longer than 255");
  assertEquals(read(`${"j".repeat(255)}:${HASH}`).kind, "login");
  assertStringIncludes(fault(`joe:${HASH}:v\0mail`), "NUL");
  assertStringIncludes(fault("joe:"), "empty");
  assertStringIncludes(fault(`joe:${HASH}:vmail:mail/joe`), "neither a gid nor a home");
  assertStringIncludes(fault(`joe:${HASH}:vmail:100:mail`), 'does not begin with "/"');
  assertStringIncludes(fault(`joe:${HASH}:vmail:100:x:/h`), 'does not begin with "/"');
  assertStringIncludes(fault(`joe:${HASH}:/h:m:more`), "too many");
  assertStringIncludes(fault(`joe:${HASH}:1:2:3:4:5:6`), "too many");
  assertStringIncludes(fault(`joe:${HASH}:4294967295`), "not a uid");
  assertStringIncludes(fault(`joe:${HASH}:1000:4294967295`), "not a gid");
  assertStringIncludes(fault(`joe:${HASH}::100`), "without a user");
  assertStringIncludes(fault(`joe:${HASH}:vm/ail`), "neither");
});

Deno.test("readLine: nothing is served as root, in whatever spelling", () => {
  for (const owner of ["0", "00", "root"]) {
    assertStringIncludes(fault(`joe:${HASH}:${owner}:/root`), "served as root");
  }
  assertStringIncludes(fault(`root:${HASH}:0:0:root:/root:/bin/sh`), "served as root");
});

Deno.test("readPoppasswd: line numbers, and a login that stands there twice in other case", () => {
  const lines = readPoppasswd(`# logins\njoe:${HASH}\n\nJOE:${HASH}\r\nann:${HASH}`);
  assertEquals(lines.map((l) => [l.number, l.kind]), [
    [1, "comment"],
    [2, "login"],
    [3, "comment"],
    [4, "unusable"],
    [5, "login"],
  ]);
  const twice = lines[3];
  assert(twice?.kind === "unusable");
  assertEquals([twice.login, twice.fault], ["joe", "The login stands in line 2 already"]);
});

Deno.test("readPoppasswd: 10,000 lines", () => {
  const text = Array.from({ length: 10000 }, (_, i) => `user${i}:${HASH}:1000:100:/h/${i}\n`).join(
    "",
  );
  const lines = readPoppasswd(text);
  assertEquals(lines.length, 10000);
  assert(lines.every((l) => l.kind === "login"));
});
