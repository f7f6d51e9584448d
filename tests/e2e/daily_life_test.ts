/** The commands of daily life as processes of their own, from the one table of commands. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeSite, removeSite, runQfront } from "./front.ts";

Deno.test("qfront doctor: the sample site passes, plain in a pipe", async () => {
  const root = await makeSite();
  try {
    const { code, stdout, stderr } = await runQfront(["doctor", "--root", root]);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, " notes (judged for ");
  } finally {
    await removeSite(root);
  }
});

Deno.test("qfront help --man, completions: know every command that help lists", async () => {
  const [help, man, bash] = await Promise.all([
    runQfront(["help"]),
    runQfront(["help", "--man"]),
    runQfront(["completions", "bash"]),
  ]);
  assertEquals([help.code, man.code, bash.code], [0, 0, 0]);
  const rows = help.stdout.matchAll(/^ {2}([a-z0-9]+(?: [a-z0-9]+)*) {2,}\S/gm);
  const names = [...rows].flatMap(([, row = ""]) => row.split(" "));
  assertEquals(names.includes("doctor") && names.length > 20, true);
  for (const name of names) {
    assertStringIncludes(man.stdout, `\n.SS ${name}\n`);
    assertStringIncludes(bash.stdout, `    ${name}) words=`);
  }
});

Deno.test("qfront reply: one sentence and 64 for what is no reply", async () => {
  const { code, stdout, stderr } = await runQfront(["reply", "nonsense"]);
  assertEquals([code, stdout, stderr.trimEnd().split("\n").length], [64, "", 1]);
});
