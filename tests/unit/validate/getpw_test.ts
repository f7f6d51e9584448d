import { assertEquals, assertThrows } from "@std/assert";
import { type Files, openFiles } from "../../../validate/files.ts";
import { getpw } from "../../../validate/getpw.ts";
import type { User, Users } from "../../../validate/passwd.ts";
import { LookupTrouble } from "../../../validate/trouble.ts";
import { OWNER, withSite } from "./small_site.ts";

function usersOf(...list: User[]): Users {
  return {
    source: "a list",
    begin: () => {},
    find: (name) => list.find((user) => user.name === name) ?? null,
  };
}

const user = (name: string, more: Partial<User> = {}): User => ({
  name,
  ...OWNER,
  home: "/home/joe",
  ...more,
});

function ask(files: Files, users: Users, local: string, breakChar = "-"): string {
  const context = { files, users, qmailDir: "/var/qmail", breakChar, person: null };
  const found = getpw(local, context, null);
  return `${found.user} ${found.dash}|${found.ext}`;
}

const ALIAS = user("alias", { home: "/nowhere" });

Deno.test("getpw: the longest name that ends at a break character or at the end", () => {
  withSite(({ root }) => {
    const files = openFiles(root);
    const users = usersOf(ALIAS, user("a"), user("a-b"), user(""));
    assertEquals(ask(files, users, "a-b"), "a-b |");
    assertEquals(ask(files, users, "A-B-C-d"), "a-b -|C-d");
    assertEquals(ask(files, users, "a-c"), "a -|c");
    assertEquals(ask(files, users, "a-"), "a -|");
    assertEquals(ask(files, users, "-x"), " -|x");
    assertEquals(ask(files, users, "x"), "alias -|x");
    assertEquals(ask(files, users, "a+b", "+"), "a -|b");
    assertEquals(ask(files, users, "a-c", "+"), "alias -|a-c");
  });
});

Deno.test("getpw: names of 31 bytes, not of 32", () => {
  withSite(({ root }) => {
    const files = openFiles(root);
    const [short, long] = ["u".repeat(31), "v".repeat(32)];
    const users = usersOf(ALIAS, user(short), user(long));
    assertEquals(ask(files, users, short), `${short} |`);
    assertEquals(ask(files, users, long), `alias -|${long}`);
  });
});

Deno.test("getpw: root, a missing home and somebody else's home are passed over", () => {
  withSite(({ root }) => {
    const files = openFiles(root);
    const users = usersOf(
      ALIAS,
      user("root", { uid: 0 }),
      user("gone", { home: "/home/gone" }),
      user("empty", { home: "" }),
      user("other", { uid: OWNER.uid + 1 }),
    );
    for (const name of ["root", "gone", "empty", "other"]) {
      assertEquals(ask(files, users, name), `alias -|${name}`);
    }
  });
});

Deno.test("getpw: a relative home lies below the qmail directory", () => {
  withSite((site) => {
    site.mkdir("var/qmail/homes");
    const users = usersOf(ALIAS, user("rel", { home: "homes" }));
    assertEquals(ask(openFiles(site.root), users, "rel"), "rel |");
  });
});

Deno.test("getpw: without user alias nobody can say", () => {
  withSite(({ root }) => {
    assertThrows(() => ask(openFiles(root), usersOf(), "x"), LookupTrouble, "no user alias");
  });
});
