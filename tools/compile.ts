/**
 * `task compile`: dist/qfront, one file that runs without Deno.
 *
 * The modules are bundled first, so that only what is used is embedded, and in pieces, so that a command reads no more than
 * it needs: a start takes half the time it would with one large file. Then `deno compile` tries its own runtime and,
 * where that can't be fetched, takes the pinned one of tools/denort.ts. `--no-code-cache` always: without it
 * the program would read a file with a predictable name from the temp directory at every start.
 */
import { provideDenort } from "./denort.ts";

const OUT = "dist/qfront";
const BUNDLE = "dist/bundle";

async function deno(args: string[], env: Record<string, string> = {}) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { success, said: `${text(stdout)}\n${text(stderr)}`.trim() };
}

function giveUp(what: string, said: string): never {
  console.error(`${what}\n${said}`);
  Deno.exit(1);
}

await Deno.mkdir("dist", { recursive: true });
const version = JSON.parse(await Deno.readTextFile("deno.json")).version as string;
const told = await Deno.readTextFile("cli/version.ts");
if (!told.includes(`"${version}"`)) giveUp("cli/version.ts and deno.json name two versions", told);

const lock = ["--lock=deno.lock", "--frozen"];
const bundled = await deno(["bundle", ...lock, "--code-splitting", "--outdir", BUNDLE, "main.ts"]);
if (!bundled.success) giveUp("Bundling failed:", bundled.said);

const embedded = ["--include", BUNDLE, "-o", OUT, `${BUNDLE}/main.js`];
const compile = ["compile", "-A", "--no-lock", "--no-check", "--no-code-cache", ...embedded];
let made = await deno(compile);
if (!made.success) {
  console.log("Deno's own runtime can't be fetched here: taking the pinned one from npm.");
  await provideDenort(`${Deno.cwd()}/.cache/denort`);
  made = await deno(compile, { DENORT_BIN: `${Deno.cwd()}/.cache/denort` });
}
if (!made.success) giveUp("Compiling failed:", made.said);
await Deno.remove(BUNDLE, { recursive: true });
const size = (await Deno.stat(OUT)).size;
console.log(`${OUT}: qfront ${version}, ${(size / 1048576).toFixed(1)} MiB`);
