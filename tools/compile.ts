/**
 * `task compile`: dist/qfront, one file that runs without Deno.
 *
 * The modules are bundled first, so that only what is used is embedded, and in pieces, so that a command reads no more than
 * it needs: a start takes half the time it would with one large file. They are minified, since the time to read a module
 * goes by its length; maps lie beside them, so that a fault is still told with file and line of the source.
 *
 * Then `deno compile` tries its own runtime and, where that can't be fetched, takes the pinned one of tools/denort.ts.
 * `--no-config`: deno.json with its import map would be read at every start, and the pieces import nothing but each other;
 * what it says of unstable features is said here again. `--no-code-cache` always: without it the program would read a file
 * with a predictable name from the temp directory at every start.
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

/** What npm packages of the old kind call; only modules of the runtime are left to be called so. */
const REQUIRE = "var require=(name)=>{const found=process.getBuiltinModule(name);" +
  "if(found===undefined)throw new Error(`There is no module ${name}`);return found};";

/** The bundler's own stand-in for `require` finds none in a minified piece: this is the one it looks for. */
async function withRequire(): Promise<void> {
  for await (const { name } of Deno.readDir(BUNDLE)) {
    const path = `${BUNDLE}/${name}`;
    if (!name.endsWith(".js")) continue;
    const text = await Deno.readTextFile(path);
    if (text.includes("Dynamic require of")) await Deno.writeTextFile(path, REQUIRE + text);
  }
}

/** Leaves names and places in the maps, and not the sources themselves. */
async function withoutSources(): Promise<void> {
  for await (const { name } of Deno.readDir(BUNDLE)) {
    if (!name.endsWith(".map")) continue;
    const map = JSON.parse(await Deno.readTextFile(`${BUNDLE}/${name}`));
    delete map.sourcesContent;
    await Deno.writeTextFile(`${BUNDLE}/${name}`, JSON.stringify(map));
  }
}

await Deno.mkdir("dist", { recursive: true });
const config = JSON.parse(await Deno.readTextFile("deno.json")) as {
  readonly version: string;
  readonly unstable: readonly string[];
};
const { version } = config;
const told = await Deno.readTextFile("cli/version.ts");
if (!told.includes(`"${version}"`)) giveUp("cli/version.ts and deno.json name two versions", told);

const lock = ["--lock=deno.lock", "--frozen"];
const form = ["--code-splitting", "--minify", "--sourcemap=linked"];
const bundled = await deno(["bundle", ...lock, ...form, "--outdir", BUNDLE, "main.ts"]);
if (!bundled.success) giveUp("Bundling failed:", bundled.said);
await withRequire();
await withoutSources();

const embedded = ["--include", BUNDLE, "-o", OUT, `${BUNDLE}/main.js`];
const without = ["--no-config", "--no-lock", "--no-check", "--no-code-cache"];
const features = config.unstable.map((name) => `--unstable-${name}`);
// Room for what one session makes, in MiB: with the usual one the collector runs twice before it is over.
const heap = "--v8-flags=--min-semi-space-size=2";
const compile = ["compile", "-A", heap, ...without, ...features, ...embedded];
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
