/**
 * A cell: where a peer runs as if it were installed, without touching the system.
 *
 * The peer's unpacked Debian packages are put over the root file system (overlayfs), in a mount and process-id
 * namespace of its own. So Postfix and OpenSMTPD, which exclude each other as packages, stand side
 * by side; accounts and configuration exist inside only; and with the first process everything else in the
 * cell ends, so that no daemon can stay behind. Needs root and unshare(1).
 */
import { type Running, start } from "./process.ts";

/** What is to be run, and in what surroundings. */
export interface Cell {
  readonly name: string;
  /** The bench folder: visible inside under the same path, and not through the overlay. */
  readonly dir: string;
  /** Folder with unpacked packages; null when the peer is installed in the system itself. */
  readonly packages: string | null;
  /** Lines for the cell's /etc/passwd and /etc/group. */
  readonly passwd?: readonly string[];
  readonly group?: readonly string[];
  /** Files of the cell by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Shell lines before the program: permissions, maps to build. */
  readonly prepare?: readonly string[];
  /** Folders outside the overlay, for spools: path inside -> folder outside. */
  readonly binds?: Readonly<Record<string, string>>;
  /** The program, in the foreground. */
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A sentence when cells are not possible here; null when they are. */
export function cellObstacle(): string | null {
  if (Deno.uid() !== 0) return "needs root, to run the peer in a mount namespace of its own";
  try {
    new Deno.Command("unshare", { args: ["--version"], stdout: "null" }).outputSync();
    return null;
  } catch {
    return "needs unshare (Debian package util-linux)";
  }
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

function writeFile(path: string, text: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

/** Account files of the system with the cell's lines in front. */
function accounts(path: string, lines: readonly string[] | undefined): string {
  return [...(lines ?? []), Deno.readTextFileSync(path)].join("\n");
}

/**
 * Packages are copied in, not laid over as a second layer: they lie below the root, and the kernel refuses layers
 * that contain each other. What is there already - configuration, and /lib as a link - stays.
 */
const unpackLines = (packages: string): string =>
  `tar -C ${quote(packages)} -cf - . | tar -C / -xf - --skip-old-files --keep-directory-symlink`;

/** Makes the cell afresh and starts its program. */
export function startCell(cell: Cell): Running {
  const base = `${cell.dir}/cells/${cell.name}`;
  const root = `${base}/root`;
  try {
    Deno.removeSync(base, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const part of ["root", "upper", "work"]) {
    Deno.mkdirSync(`${base}/${part}`, { recursive: true });
  }
  writeFile(`${base}/upper/etc/passwd`, accounts("/etc/passwd", cell.passwd));
  writeFile(`${base}/upper/etc/group`, accounts("/etc/group", cell.group));
  writeFile(`${base}/upper/etc/resolv.conf`, "nameserver 127.0.0.1\n"); // nobody asks outside
  for (const [path, text] of Object.entries(cell.files ?? {})) {
    writeFile(`${base}/upper${path}`, text);
  }
  const binds = Object.entries({ ...cell.binds, [cell.dir]: cell.dir });
  const inner = [
    "set -e",
    ...(cell.packages === null ? [] : [unpackLines(cell.packages)]),
    ...(cell.prepare ?? []),
    `exec ${cell.argv.map(quote).join(" ")}`,
  ];
  writeFile(`${base}/upper/cell.sh`, inner.join("\n") + "\n");
  const outer = [
    "set -e",
    `mount -t overlay overlay -o ${
      quote(`lowerdir=/,upperdir=${base}/upper,workdir=${base}/work`)
    } ${quote(root)}`,
    `mount --rbind /dev ${quote(`${root}/dev`)}`,
    `mount -t proc proc ${quote(`${root}/proc`)}`,
    ...binds.map(([inside, outside]) =>
      `mkdir -p ${quote(outside)} ${quote(root + inside)} && mount --bind ${quote(outside)} ${
        quote(root + inside)
      }`
    ),
    `exec chroot ${quote(root)} /bin/sh /cell.sh`,
  ];
  writeFile(`${base}/outer.sh`, outer.join("\n") + "\n");
  const argv = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "/bin/sh",
    `${base}/outer.sh`,
  ];
  const log = `${cell.dir}/${cell.name}.log`;
  return start(argv, { log, endWith: "SIGKILL", ...(cell.env ? { env: cell.env } : {}) });
}
