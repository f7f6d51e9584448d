import { assertEquals } from "@std/assert";
import { needsNoPrograms, parseInstructions } from "../../../validate/instructions.ts";

function kinds(text: string, forwardOnly = false): string {
  const { instructions, trouble } = parseInstructions(text, "F", forwardOnly);
  const list = instructions.map(({ kind, text }) => `${kind} ${text}`).join("; ");
  return trouble === null ? list : `${list} ! ${trouble}`;
}

Deno.test("parseInstructions: each kind of line", () => {
  assertEquals(
    kinds("./Maildir/\n./Mailbox\n/abs/Maildir/ \t\n|prog a \n&x@y\nz@y\n&\n# c\n+foo\n\n"),
    "maildir ./Maildir/; mbox ./Mailbox; maildir /abs/Maildir/; program prog a; forward x@y; " +
      "forward z@y; forward ",
  );
  assertEquals(kinds("& x@y\n ./Maildir/\n\r\n"), "forward  x@y; forward  ./Maildir/; forward \r");
  assertEquals(kinds("./Maildir/\r\n"), "mbox ./Maildir/\r");
});

Deno.test("parseInstructions: a NUL ends a line's text but not its kind", () => {
  assertEquals(kinds("./Maildir/\0junk\n"), "mbox ./Maildir/");
  assertEquals(kinds("#c\n\0x\n"), "");
});

Deno.test("parseInstructions: a blank first line forbids delivery, a later one does not", () => {
  const trouble = " ! The first line of F is blank (remove it)";
  for (const text of ["", "\n", " \t\n./Maildir/\n", "\0\n", "\n\n"]) {
    assertEquals(kinds(text), trouble);
  }
  assertEquals(kinds("#\n\n./Maildir/"), "maildir ./Maildir/");
});

Deno.test("parseInstructions: x bit and +list allow forwards only", () => {
  assertEquals(kinds("&x@y\n# c\n", true), "forward x@y");
  assertEquals(
    kinds("&x@y\n./Maildir/\n", true),
    "forward x@y ! Where the file's x bit allows only forwards, line 2 of F writes a file",
  );
  assertEquals(
    kinds("+list \n|prog\n"),
    ' ! Where "+list" allows only forwards, line 2 of F runs a program',
  );
  assertEquals(kinds("./Maildir/\n+list\n"), "maildir ./Maildir/");
  assertEquals(kinds("+list\0x\n&a@b\n"), "forward a@b");
});

Deno.test("parseInstructions: an instruction says where it stands", () => {
  const { instructions } = parseInstructions("#\n./Maildir/\n", "/home/joe/.qmail", false);
  assertEquals(instructions[0]?.where, "line 2 of /home/joe/.qmail");
});

Deno.test("needsNoPrograms: Maildirs and forwards only", () => {
  const of = (text: string) => needsNoPrograms(parseInstructions(text, "F", false).instructions);
  assertEquals(of("./Maildir/\n&a@b\n"), true);
  assertEquals(of("./Maildir/\n|prog\n"), false);
  assertEquals(of("./Mailbox\n"), false);
});
