/**
 * Builds a recorded qmail installation below a temporary directory, byte for byte, with owners and
 * modes.
 */
import { fromLatin1 } from "../../../cdb/mod.ts";

/** One entry of a recorded installation; strings are binary. */
export interface Entry {
  readonly path: string;
  readonly type: "file" | "dir" | "symlink" | "fifo" | "socket";
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly content?: string;
  readonly target?: string;
}

export interface Fixture {
  readonly fixture: string;
  readonly build: { readonly conf_break: string; readonly conf_patrn: string };
  readonly aliasempty: string;
  readonly passwd: string;
  readonly group: string;
  readonly entries: readonly Entry[];
}

const SYMBOLS = {
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  mknod: { parameters: ["buffer", "u32", "u64"], result: "i32" },
  symlink: { parameters: ["buffer", "buffer"], result: "i32" },
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  creat: { parameters: ["buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

// Opened with the module: the tests' leak check watches what a test opens.
const library = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
const libc = () => library;
const c = (path: string) => fromLatin1(`${path}\0`);

function check(result: number | bigint, what: string): void {
  if (Number(result) < 0) throw new Error(`${what} failed`);
}

export function writeFile(path: string, content: string): void {
  const fd = libc().creat(c(path), 0o644);
  check(fd, `creat ${path}`);
  const bytes = fromLatin1(content);
  if (bytes.length > 0) check(libc().write(fd, bytes, BigInt(bytes.length)), `write ${path}`);
  libc().close(fd);
}

function makeParents(root: string, path: string): void {
  const parts = path.split("/").slice(1, -1);
  let here = root;
  for (const part of parts) {
    here += `/${part}`;
    // A parent that is there already, perhaps as a link, is left as it is.
    libc().mkdir(c(here), 0o755);
  }
}

function makeEntry(root: string, entry: Entry): void {
  const path = root + entry.path;
  makeParents(root, entry.path);
  const bits = parseInt(entry.mode, 8);
  switch (entry.type) {
    case "dir":
      libc().mkdir(c(path), 0o755);
      break;
    case "file":
      writeFile(path, entry.content ?? "");
      break;
    case "symlink":
      check(libc().symlink(c(entry.target ?? ""), c(path)), `symlink ${path}`);
      break;
    case "fifo":
      check(libc().mknod(c(path), 0o010000 | 0o644, 0n), `mkfifo ${path}`);
      break;
    case "socket":
      check(libc().mknod(c(path), 0o140000 | 0o644, 0n), `mksock ${path}`);
      break;
  }
  check(libc().lchown(c(path), entry.uid, entry.gid), `chown ${path}`);
  if (entry.type !== "symlink") check(libc().chmod(c(path), bits), `chmod ${path}`);
}

/** Builds it below a new temporary directory and returns that. Takes root. */
export function buildSite(fixture: Fixture): string {
  const root = Deno.makeTempDirSync({ prefix: "qfront-site-" });
  Deno.chmodSync(root, 0o755);
  for (const dir of ["etc", "dev", "bin", "tmp"]) Deno.mkdirSync(`${root}/${dir}`);
  Deno.chmodSync(`${root}/tmp`, 0o1777);
  writeFile(`${root}/etc/passwd`, fixture.passwd);
  writeFile(`${root}/etc/group`, fixture.group);
  writeFile(`${root}/bin/sh`, "");
  // /dev/null: a character device (1, 3).
  libc().mknod(c(`${root}/dev/null`), 0o020000 | 0o666, 0x103n);
  for (const entry of fixture.entries) makeEntry(root, entry);
  return root;
}
