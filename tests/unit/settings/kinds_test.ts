import { assertEquals, assertThrows } from "@std/assert";
import { check, choice, flag, integer, list, SettingError, text } from "../../../settings/kinds.ts";
import { defaultSettings, FAMILIES, SETTINGS } from "../../../settings/mod.ts";

Deno.test("integer: the bounds are in, their neighbours out", () => {
  const setting = integer(5, "things", "about", 2, 9);
  assertEquals([setting.parse("2"), setting.parse(" 9 ")], [2, 9]);
  for (const bad of ["1", "10", "", "-3", "3.0", "0x3", "3 4", "99999999999999999999"]) {
    assertThrows(() => setting.parse(bad), SettingError, "from 2 to 9", bad);
  }
});

Deno.test("flag: on and off and their usual spellings", () => {
  const setting = flag(true, "about");
  for (const yes of ["on", "YES", "true", "1"]) assertEquals(setting.parse(yes), true, yes);
  for (const no of ["off", "No", "FALSE", "0"]) assertEquals(setting.parse(no), false, no);
  assertThrows(() => setting.parse("maybe"), SettingError, '"maybe" is neither on nor off');
});

Deno.test("choice and check: only their words", () => {
  assertEquals(choice(["a", "b"], "a", "about").parse(" B "), "b");
  assertThrows(() => choice(["a", "b"], "a", "about").parse("c"), SettingError, "one of a, b");
  assertEquals(check("off", "about").parse("Shadow"), "shadow");
  assertEquals(check("off", "about").words, ["off", "shadow", "on"]);
});

Deno.test("list: blanks, commas and line ends part the words", () => {
  assertEquals(list([], "about").parse(" a, b\tc\nd,,e "), ["a", "b", "c", "d", "e"]);
  assertEquals(list(["x"], "about").parse(""), []);
});

Deno.test("text: trimmed", () => assertEquals(text("", "about").parse("  a b "), "a b"));

Deno.test("SETTINGS: no name stands in two families, and each default passes its own parser", () => {
  const names = Object.values(FAMILIES).flatMap((family) => Object.keys(family));
  assertEquals(names.toSorted(), Object.keys(SETTINGS).toSorted());
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const shown = Array.isArray(setting.default)
      ? setting.default.join(" ")
      : String(setting.default);
    assertEquals(setting.parse(shown), setting.default as never, name);
  }
  assertEquals(Object.keys(defaultSettings()).length, names.length);
});
