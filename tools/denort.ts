/**
 * The runtime that `deno compile` puts under the program (denort), for places where Deno's own download is out of reach.
 *
 * Deno fetches denort from its own site. Where that fails, the npm package @stdy/cli-linux-x64 (or -arm64), a
 * `deno compile` output of the same Deno release, holds it: the embedded program is cut off, and size, ELF end and
 * sha256 of the rest are checked against the values pinned here before anything is used.
 */
import { createHash } from "node:crypto";

interface Source {
  readonly npm: string;
  readonly integrity: string | null;
  readonly size: number;
  readonly sha256: string;
}

const DENO_VERSION = "2.7.11";

const SOURCES: Readonly<Record<string, Source>> = {
  x86_64: {
    npm: "@stdy/cli-linux-x64@0.22.2",
    integrity:
      "sha512-kp5QdG26EC8gEzVXI0YgzmiiFHz7DFCNRLNfAWa2rDPHr/jUBnfkP8AlbTPmv0YNQpnKn1wzSWHFw88fn/OTog==",
    size: 97_076_048,
    sha256: "f12d5d3886d5ea138304fb8d67d7396cfbedf53656676132152cb89f3fa4d8e6",
  },
  aarch64: {
    npm: "@stdy/cli-linux-arm64@0.22.2",
    integrity: null,
    size: 90_596_104,
    sha256: "9c888d915647ff971a497acd39ee45ea63da5f19d12d4363124942c257c055ef",
  },
};

const hash = (algorithm: string, bytes: Uint8Array, encoding: "hex" | "base64"): string =>
  createHash(algorithm).update(bytes).digest(encoding);

/** Cuts the embedded program off a `deno compile` output. @throws {Error} when it does not look like one. */
export function cutDenort(binary: Uint8Array): Uint8Array {
  const view = new DataView(binary.buffer, binary.byteOffset, binary.byteLength);
  const end = binary.length;
  if (view.getUint32(end - 16, true) !== 0x501e) {
    throw new Error("The binary has no trailer of an embedded program");
  }
  const cut = end - Number(view.getBigUint64(end - 8, true));
  if (new TextDecoder().decode(binary.subarray(cut, cut + 8)) !== "d3n0l4nd") {
    throw new Error("The binary has no section of an embedded program");
  }
  const elfEnd = Number(view.getBigUint64(40, true)) +
    view.getUint16(58, true) * view.getUint16(60, true);
  if (elfEnd !== cut) throw new Error("The cut is not the end of the ELF file");
  return binary.subarray(0, cut);
}

/** Runs npm, whose standard error is shown only when it fails. */
async function npm(args: string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("npm", {
    args,
    cwd,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`npm ${args.join(" ")} failed: ${new TextDecoder().decode(stderr).trim()}`);
  }
}

async function fetchBase(source: Source): Promise<Uint8Array> {
  const dir = await Deno.makeTempDir({ prefix: "qfront-denort-" });
  try {
    await npm(["pack", "--silent", source.npm], dir);
    const tarball = [...Deno.readDirSync(dir)].find((e) => e.name.endsWith(".tgz"));
    if (tarball === undefined) throw new Error(`npm pack left no tarball of "${source.npm}"`);
    const path = `${dir}/${tarball.name}`;
    const integrity = `sha512-${hash("sha512", await Deno.readFile(path), "base64")}`;
    if (source.integrity !== null && integrity !== source.integrity) {
      throw new Error(`The tarball of "${source.npm}" has another checksum than the pinned one`);
    }
    const tar = new Deno.Command("tar", { args: ["xzf", path, "package/bin/steady"], cwd: dir });
    if (!(await tar.output()).success) throw new Error(`The tarball of "${source.npm}" is damaged`);
    return cutDenort(await Deno.readFile(`${dir}/package/bin/steady`));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/**
 * Puts the runtime for this machine at `target` unless it is there already.
 * @throws {Error} when it can't be had or is not, byte for byte, the pinned one.
 */
export async function provideDenort(target: string): Promise<void> {
  const source = SOURCES[Deno.build.arch];
  if (source === undefined) throw new Error(`No runtime is pinned for "${Deno.build.arch}"`);
  if (Deno.version.deno !== DENO_VERSION) {
    throw new Error(`The pinned runtime is that of Deno ${DENO_VERSION}, not ${Deno.version.deno}`);
  }
  try {
    if (hash("sha256", await Deno.readFile(target), "hex") === source.sha256) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const base = await fetchBase(source);
  if (base.length !== source.size || hash("sha256", base, "hex") !== source.sha256) {
    throw new Error(`What "${source.npm}" holds is not the pinned runtime`);
  }
  await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(`${target}.new`, base, { mode: 0o755 });
  await Deno.rename(`${target}.new`, target);
}
