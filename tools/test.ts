/**
 * `task test`: the whole gate in one command - format, lint, types, import direction, tests - and one closing line,
 * "N passed, N failed, N skipped". A step that fails does not keep the later ones from running; tests that hang are ended
 * after ten minutes and named.
 *
 * Arguments are handed to `deno test` (for example a file, or --filter).
 */
import { importFaults, sourceFiles } from "./check_imports.ts";
import { runTests } from "./run_tests.ts";

const LOCK = ["--lock=deno.lock", "--frozen"];
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Every TypeScript file of the tree, for the type check. */
function everyFile(): string[] {
  const more = ["tools", "tests"].flatMap((dir) => {
    const found: string[] = [];
    const walk = (path: string) => {
      for (const entry of Deno.readDirSync(path)) {
        if (entry.isDirectory) walk(`${path}/${entry.name}`);
        else if (entry.name.endsWith(".ts")) found.push(`${path}/${entry.name}`);
      }
    };
    walk(dir);
    return found;
  });
  return [...sourceFiles("."), ...more];
}

async function run(args: string[]): Promise<{ ok: boolean; said: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  return { ok: success, said: `${text(stdout)}${text(stderr)}` };
}

async function gateStep(name: string, work: () => Promise<{ ok: boolean; said: string }>) {
  const begin = performance.now();
  const { ok, said } = await work();
  console.log(`${ok ? "ok    " : "FAILED"} ${name} (${Math.round(performance.now() - begin)} ms)`);
  if (!ok) console.log(said.trimEnd());
  return ok;
}

if (import.meta.main) {
  const steps = [
    await gateStep("format", () => run(["fmt", "--check", "-q"])),
    await gateStep("lint", () => run(["lint", "-q"])),
    // What is only imported when it is asked for, too: tests start the program with what is there.
    await gateStep("packages", () => run(["cache", ...LOCK, "main.ts"])),
    await gateStep("types", () => run(["check", ...LOCK, ...everyFile()])),
    await gateStep("import direction", () => {
      const faults = importFaults(".");
      return Promise.resolve({ ok: faults.length === 0, said: faults.join("\n") });
    }),
  ];
  const count = await runTests(
    ["-A", "--parallel", "--no-check", "--permit-no-files", ...LOCK, ...Deno.args],
    Deno.args.length > 0 ? [] : everyFile().filter((file) => file.endsWith("_test.ts")),
  );
  for (const ok of steps) ok ? count.passed++ : count.failed++;
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  Deno.exit(count.failed === 0 ? 0 : 1);
}
