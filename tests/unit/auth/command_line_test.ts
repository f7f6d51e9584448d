import { assertEquals } from "@std/assert";
import { splitCommand } from "../../../auth/command_line.ts";

Deno.test("splitCommand: blanks part, quotes keep together, nothing is expanded", () => {
  assertEquals(splitCommand("/bin/checkpassword"), ["/bin/checkpassword"]);
  assertEquals(splitCommand("  a  b\tc "), ["a", "b", "c"]);
  assertEquals(splitCommand(`a "b c" 'd "e"' f"g h"`), ["a", "b c", 'd "e"', "fg h"]);
  assertEquals(splitCommand(`a "" $HOME`), ["a", "", "$HOME"]);
  assertEquals(splitCommand(""), []);
  assertEquals(splitCommand(`a "b`), null);
});
