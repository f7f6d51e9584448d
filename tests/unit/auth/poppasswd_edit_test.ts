import { assertEquals, assertThrows } from "@std/assert";
import {
  deleteLogin,
  EditError,
  placeOf,
  placeText,
  setLogin,
} from "../../../auth/poppasswd_edit.ts";

const A = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/";
const B = "$1$abcdefgh$H//4keteveJp0qb8z2DxG/";
const NOWHERE = { user: null, uid: null, gid: null, home: null, maildir: null };

Deno.test("setLogin: every other line stays as it is, byte for byte", () => {
  const text = `# top\r\njoe:${A}:vmail:/h\r\n\n  # in between\nbroken line\nann:${A}`;
  assertEquals(
    setLogin(text, "Joe", B, null),
    `# top\r\njoe:${B}:vmail:/h\r\n\n  # in between\nbroken line\nann:${A}`,
  );
});

Deno.test("setLogin: a new login goes to the end, after a line end that was missing", () => {
  assertEquals(setLogin("", "Joe@Ex.ORG", A, null), `joe@ex.org:${A}\n`);
  assertEquals(setLogin(`ann:${A}`, "joe", B, null), `ann:${A}\njoe:${B}\n`);
});

Deno.test("setLogin: a place replaces what stood behind the hash", () => {
  const place = { ...NOWHERE, uid: 1000, gid: 100, home: "/h", maildir: "m" };
  assertEquals(setLogin(`joe:${A}:x:/y\n`, "joe", B, place), `joe:${B}:1000:100:/h:m\n`);
});

Deno.test("setLogin: a locked or shadowed line becomes usable, with the fields it had", () => {
  assertEquals(setLogin("joe:!:vmail:/h\n", "joe", A, null), `joe:${A}:vmail:/h\n`);
  assertEquals(
    setLogin("joe:x:1000:100:J:/h:/bin/sh\n", "joe", A, null),
    `joe:${A}:1000:100:J:/h:/bin/sh\n`,
  );
});

Deno.test("setLogin: refuses a login that stands there twice, and a line that would be unusable", () => {
  assertThrows(() => setLogin(`joe:${A}\nJOE:${B}\n`, "joe", A, null), EditError, "lines 1 and 2");
  assertThrows(() => setLogin("joe:!:0:/h\n", "joe", A, null), EditError, "served as root");
});

Deno.test("deleteLogin: takes every line of the login, also unusable ones", () => {
  assertEquals(deleteLogin(`# c\njoe:${A}\nJoe:!\nann:${A}\n`, "JOE"), `# c\nann:${A}\n`);
  assertThrows(() => deleteLogin(`ann:${A}\n`, "joe"), EditError, 'no login "joe"');
});

Deno.test("placeText: reads back as the same place", () => {
  const places = [
    NOWHERE,
    { ...NOWHERE, user: "vmail" },
    { ...NOWHERE, uid: 1000, gid: 0 },
    { ...NOWHERE, home: "/h" },
    { ...NOWHERE, home: "/h", maildir: "m" },
    { ...NOWHERE, user: "vmail", home: "/h" },
    { ...NOWHERE, user: "vmail", gid: 7, home: "/h", maildir: "/m" },
  ];
  for (const place of places) {
    const found = placeOf(`joe:${A}${placeText(place)}\n`, "joe");
    assertEquals(found, place, placeText(place));
  }
});
