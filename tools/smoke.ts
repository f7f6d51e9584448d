/**
 * `task smoke`: the end-to-end tests against the compiled dist/qfront, which runs in an empty directory without Deno on
 * its path and must leave that directory empty.
 */
const binary = `${Deno.cwd()}/dist/qfront`;
const empty = await Deno.makeTempDir({ prefix: "qfront-smoke-" });
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--no-check", "--lock=deno.lock", "--frozen", "tests/e2e"],
  env: { NO_COLOR: "1", QFRONT_BINARY: binary, QFRONT_CWD: empty },
  stdin: "null",
}).spawn().status;
const left = [...Deno.readDirSync(empty)].map((e) => e.name);
if (left.length > 0) console.error(`The binary left files behind: ${left.join(", ")}`);
await Deno.remove(empty, { recursive: true });
Deno.exit(success && left.length === 0 ? 0 : 1);
