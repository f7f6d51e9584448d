/**
 * `task smoke`: the end-to-end tests against the compiled dist/qfront, which runs in an empty directory without Deno on
 * its path and must leave that directory empty.
 */
import { runTests } from "./run_tests.ts";

const empty = await Deno.makeTempDir({ prefix: "qfront-smoke-" });
Deno.env.set("QFRONT_BINARY", `${Deno.cwd()}/dist/qfront`);
Deno.env.set("QFRONT_CWD", empty);
const count = await runTests(
  ["-A", "--no-check", "--lock=deno.lock", "--frozen", "tests/e2e"],
  [],
);
const left = [...Deno.readDirSync(empty)].map((e) => e.name);
if (left.length > 0) {
  console.error(`The binary left files behind: ${left.join(", ")}`);
  count.failed++;
}
await Deno.remove(empty, { recursive: true });
console.log(
  `dist/qfront: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`,
);
Deno.exit(count.failed === 0 ? 0 : 1);
