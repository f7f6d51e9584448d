import { assertEquals, assertStringIncludes } from "@std/assert";
import { readClosingLine, runTests, unreported } from "../../../tools/run_tests.ts";

Deno.test("readClosingLine: counts passed, failed and ignored of the last summary", () => {
  const output =
    "ok | 9 passed | 0 failed (1ms)\nx\nFAILED | 12 passed (3 steps) | 1 failed | 2 ignored (7ms)\n";
  assertEquals(readClosingLine(output), { passed: 12, failed: 1, skipped: 2 });
  assertEquals(readClosingLine("error: nothing ran\n"), null);
});

Deno.test("unreported: names the files that no line of the output says were run", () => {
  const output = "running 3 tests from ./tests/a_test.ts\na ... ok\n";
  assertEquals(unreported(["tests/a_test.ts", "tests/b_test.ts"], output), ["tests/b_test.ts"]);
});

Deno.test("runTests: a test that never ends is ended at the limit and counts as failed", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "qfront-test-" });
  try {
    const file = `${dir}/hangs_test.ts`;
    Deno.writeTextFileSync(
      file,
      'Deno.test("hangs", async () => { Deno.writeTextFileSync(new URL("pid", import.meta.url), String(Deno.pid)); await new Promise(() => setTimeout(() => {}, 3_600_000)); });',
    );
    let shown = "";
    const show = (bytes: Uint8Array) => Promise.resolve(shown += new TextDecoder().decode(bytes));
    const args = ["-A", "--no-check", "--no-lock", file];
    const count = await runTests(args, ["a_test.ts"], 3_000, show);
    assertStringIncludes(shown, "FAILED: deno test had not ended after 3 s and was ended");
    assertStringIncludes(shown, "not reported: a_test.ts");
    assertEquals(count.failed, 1);
    assertEquals(count.passed, 0);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
