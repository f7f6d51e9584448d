import { assertEquals, assertThrows } from "@std/assert";
import {
  entriesOf,
  entryLines,
  firstLine,
  leadingNumber,
  openControl,
  stripEnd,
} from "../../../validate/control.ts";
import { openFiles } from "../../../validate/files.ts";
import { ControlError } from "../../../validate/types.ts";
import { withSite } from "./small_site.ts";

Deno.test("stripEnd: space, tab and LF go, CR and leading blanks stay", () => {
  assertEquals(stripEnd("  a \t\n \n"), "  a");
  assertEquals(stripEnd("a\r\n"), "a\r");
  assertEquals(stripEnd(" \t"), "");
});

Deno.test("firstLine: only the first line counts", () => {
  assertEquals(firstLine("one \ntwo\n"), "one");
  assertEquals(firstLine("one"), "one");
  assertEquals(firstLine(""), "");
});

Deno.test("entriesOf: comments and empty lines are no entries, NUL begins a new one", () => {
  assertEquals(entriesOf("a\n\n#b\n \n c\n\0d\ne\0f\0\n"), ["a", " c", "e", "f", ""]);
  assertEquals(entriesOf("a"), ["a"]);
  assertEquals(entriesOf(""), []);
});

Deno.test("leadingNumber: digits at the beginning, else nothing", () => {
  assertEquals(leadingNumber("12x"), 12);
  assertEquals(leadingNumber(" 12"), null);
  assertEquals(leadingNumber("-1"), null);
  assertEquals(leadingNumber(""), null);
});

Deno.test("openControl: a missing file is null, a directory is a sentence with its path", () => {
  withSite((site) => {
    site.mkdir("var/qmail/control/databytes");
    const control = openControl(openFiles(site.root), "/var/qmail/control", 0);
    assertEquals(control.line("nosuch"), null);
    assertEquals(control.lines("nosuch"), null);
    assertEquals(control.integer("nosuch"), null);
    assertThrows(
      () => control.integer("databytes"),
      ControlError,
      "/var/qmail/control/databytes can't be read: it is a directory",
    );
  });
});

Deno.test("openControl: below a file there is no control file, which is trouble, not absence", () => {
  withSite((site) => {
    const control = openControl(openFiles(site.root), "/var/qmail/control/me", 0);
    assertThrows(() => control.line("locals"), ControlError);
  });
});

Deno.test("openControl: entries are the same array until the file changes", () => {
  withSite((site) => {
    const control = openControl(openFiles(site.root), "/var/qmail/control", 0);
    site.write("var/qmail/control/locals", "a\nb\n");
    const before = control.lines("locals");
    assertEquals(before, ["a", "b"]);
    assertEquals(control.lines("locals") === before, true);
    site.write("var/qmail/control/locals", "a\nc\n");
    assertEquals(control.lines("locals"), ["a", "c"]);
    Deno.removeSync(site.path("var/qmail/control/locals"));
    assertEquals(control.lines("locals"), null);
  });
});

Deno.test("entryLines: the entries of entriesOf, each with its line", () => {
  const text = "a\n# no\n\n b \t\nc\0d\n\0e\nlast";
  assertEquals(entryLines(text), [
    { entry: "a", line: 1 },
    { entry: " b", line: 4 },
    { entry: "c", line: 5 },
    { entry: "d", line: 5 },
    { entry: "last", line: 7 },
  ]);
  assertEquals(entryLines(text).map(({ entry }) => entry), entriesOf(text));
});
