/**
 * `task test`: the whole gate in one command - format, lint, types, import direction, tests - and one closing line,
 * "N passed, N failed, N skipped". A step that fails does not keep the later ones from running.
 *
 * Arguments are handed to `deno test` (for example a file, or --filter).
 */
import { importFaults, sourceFiles } from "./check_imports.ts";

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const LOCK = ["--lock=deno.lock", "--frozen"];
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Reads deno's closing line, such as "ok | 2 passed (1 step) | 0 failed | 1 ignored (7ms)". */
export function readClosingLine(output: string): Count | null {
  const line = output.split("\n").findLast((l) => /^(ok|FAILED) \| \d+ passed/.test(l));
  if (line === undefined) return null;
  const number = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: number("passed"), failed: number("failed"), skipped: number("ignored") };
}

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

/** Runs `deno test`, showing what it prints as it goes, and counts. */
async function tests(args: string[]): Promise<Count> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--parallel", "--no-check", "--permit-no-files", ...LOCK, ...args],
    stdin: "null",
    stdout: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    await Deno.stdout.write(chunk);
  }
  const { success } = await child.status;
  const count = readClosingLine(output) ?? { passed: 0, failed: 1, skipped: 0 };
  if (!success && count.failed === 0) count.failed = 1;
  for (const line of output.split("\n")) {
    if (/\.\.\. ignored/.test(line)) {
      console.log(`skipped: ${line.replace(/ \.\.\. ignored.*/, "")}`);
    }
  }
  return count;
}

if (import.meta.main) {
  const steps = [
    await gateStep("format", () => run(["fmt", "--check", "-q"])),
    await gateStep("lint", () => run(["lint", "-q"])),
    await gateStep("types", () => run(["check", ...LOCK, ...everyFile()])),
    await gateStep("import direction", () => {
      const faults = importFaults(".");
      return Promise.resolve({ ok: faults.length === 0, said: faults.join("\n") });
    }),
  ];
  const count = await tests(Deno.args);
  for (const ok of steps) ok ? count.passed++ : count.failed++;
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  Deno.exit(count.failed === 0 ? 0 : 1);
}
