/**
 * `deno task bench:peers`: names the packages of the peers and says which are there; with --install it fetches
 * them - unpacked into .cache/peers, where nothing of the system is touched and no service starts.
 *
 * Debian packages come by `apt-get download` with whatever they need that the system lacks, and are unpacked by
 * `dpkg -x` without running their scripts; so packages that exclude each other lie side by side. The npm packages
 * are installed by npm without running scripts. Configuration is made at each start (servers/).
 */
import { SERVERS } from "./servers/mod.ts";
import { DEBIAN_PEERS, NPM_PEERS, type Packages } from "./servers/packages.ts";
import { BenchError } from "./tools.ts";

const top = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const peers = `${top}/.cache/peers`;

/** Runs a program to its end; what it printed. */
function run(program: string, args: readonly string[], cwd: string): string {
  try {
    const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
    const result = new Deno.Command(program, { args: [...args], cwd, env }).outputSync();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (result.success) return decode(result.stdout);
    throw new BenchError(`${program} ${args.join(" ")} failed: ${decode(result.stderr).trim()}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new BenchError(`${program} is not installed`);
  }
}

/** The packages, and those they need that the system does not have. */
function neededPackages(packages: readonly string[]): string[] {
  const options = ["install", "--simulate", "--no-install-recommends", ...packages];
  const plan = run("apt-get", options, peers);
  return plan.split("\n").filter((l) => l.startsWith("Inst ")).map((l) => l.split(" ")[1] ?? "");
}

function installDebian(packages: Packages): void {
  const folder = `${peers}/${packages.folder}`;
  for (const part of ["debs", "root"]) Deno.mkdirSync(`${folder}/${part}`, { recursive: true });
  const needed = neededPackages(packages.debian);
  if (needed.length === 0) return console.log(`${packages.folder}: the system has it already`);
  run("apt-get", ["download", ...needed], `${folder}/debs`);
  for (const deb of Deno.readDirSync(`${folder}/debs`)) {
    run("dpkg", ["-x", `${folder}/debs/${deb.name}`, `${folder}/root`], folder);
  }
  console.log(`${packages.folder}: unpacked ${needed.join(", ")}`);
}

function installNpm(): void {
  const folder = `${peers}/npm`;
  Deno.mkdirSync(folder, { recursive: true });
  const manifest = {
    private: true,
    dependencies: Object.fromEntries(NPM_PEERS),
    // Versions that both packages' dependencies name and that some mirrors do not carry yet.
    overrides: { "encoding-japanese": "2.2.0", libqp: "2.1.1", libbase64: "1.3.0" },
  };
  Deno.writeTextFileSync(`${folder}/package.json`, JSON.stringify(manifest));
  run("npm", ["install", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
  console.log(`npm: installed ${NPM_PEERS.map((p) => p.join("@")).join(", ")}`);
}

/** One peer's failure does not keep the others away. */
function attempt(name: string, install: () => void): void {
  try {
    install();
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    console.error(`${name} could not be installed: ${error.message}`);
  }
}

function list(): void {
  console.log("Debian packages of the peers:");
  for (const p of DEBIAN_PEERS) console.log(`  ${p.folder}: ${p.debian.join(" ")}`);
  console.log("npm packages of the peers:");
  for (const [name, version] of NPM_PEERS) console.log(`  ${name} ${version}`);
  console.log("");
  for (const server of SERVERS.filter((s) => s.kind === "peer")) {
    const obstacle = server.obstacle({ peers, top });
    console.log(`${server.name}: ${obstacle ?? `ready (${server.about})`}`);
  }
}

if (import.meta.main) {
  if (Deno.args.includes("--help")) {
    console.log(
      "deno task bench:peers [--install]\n  without --install: names them and says which are there",
    );
    Deno.exit(0);
  }
  Deno.mkdirSync(peers, { recursive: true });
  if (Deno.args.includes("--install")) {
    for (const packages of DEBIAN_PEERS) attempt(packages.folder, () => installDebian(packages));
    attempt("npm", installNpm);
    console.log("");
  }
  list();
}
