/**
 * Programs of others in a folder of their own: Debian packages, fetched by name with `apt-get download` and unpacked with `dpkg -x`.
 * Nothing is installed, and nobody has to be root.
 */

/** Whose programs are tried; the libraries they need; tcpserver, which sessions run under. */
const PACKAGES = [
  ...["checkpw", "cvm", "fail2ban", "mailfront", "swaks", "ucspi-tcp"],
  ...["libbg2", "libcvm1", "liblua5.1-0"],
];

/** What came of it. */
export interface Unpacked {
  /** Below this lies what the packages would put below "/". */
  readonly root: string;
  readonly got: readonly string[];
  readonly missing: readonly string[];
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

/** Runs a command in `cwd`; null: it did well, else its last words. */
async function fault(cwd: string, program: string, args: string[]): Promise<string | null> {
  try {
    const command = new Deno.Command(program, { args, cwd, stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    return success ? null : `${text(stderr)} ${text(stdout)}`.trim().split("\n").at(-1) ?? "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${program} here`;
    throw error;
  }
}

/** Fetches and unpacks what can be had below `directory`; what can't is said. */
export async function unpack(directory: string): Promise<Unpacked> {
  const root = `${directory}/root`;
  Deno.mkdirSync(root);
  const got: string[] = [];
  const missing: string[] = [];
  for (const name of PACKAGES) {
    const why = await fault(directory, "apt-get", ["-qq", "download", name]);
    if (why === null) got.push(name);
    else {
      missing.push(name);
      console.log(`skipped: package ${name} can't be had: ${why}`);
    }
  }
  for (const { name } of [...Deno.readDirSync(directory)].filter((e) => e.name.endsWith(".deb"))) {
    const why = await fault(directory, "dpkg", ["-x", name, root]);
    if (why !== null) console.log(`skipped: ${name} can't be unpacked: ${why}`);
  }
  return { root, got, missing };
}

/** Directories below `root/usr/lib` that hold libraries. */
function libraryPath(root: string): string {
  const lib = `${root}/usr/lib`;
  try {
    const deeper = [...Deno.readDirSync(lib)].filter((e) => e.isDirectory).map((e) => e.name);
    return [lib, ...deeper.map((name) => `${lib}/${name}`)].join(":");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Puts the programs in front of the system's, for everything that this process starts. */
export function useFrom(root: string): void {
  const path = ["bin", "sbin"].map((name) => `${root}/usr/${name}`).join(":");
  Deno.env.set("PATH", `${path}:${Deno.env.get("PATH") ?? ""}`);
  Deno.env.set("LD_LIBRARY_PATH", libraryPath(root));
  // Where mailfront looks for its parts.
  Deno.env.set("MODULE_PATH", `${root}/usr/lib/mailfront`);
  // Where fail2ban's modules and settings are.
  Deno.env.set("QFRONT_UNPACKED", root);
}
