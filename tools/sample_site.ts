/**
 * Makes a working copy of the sample site (config/site): owners filled in, Maildirs, users/cdb and users/poppasswd.cdb.
 *
 * qmail never delivers to uid 0, so a copy made by root belongs to uid 1000, any other to whoever makes it.
 */
import { runNewpop } from "../cli/newpop.ts";
import { REAL_IO } from "../cli/users_site.ts";
import { makeAssignCdb } from "../validate/newu.ts";

const SOURCE = new URL("../config/site", import.meta.url).pathname;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** qmaild of the sample's etc/passwd: who a serve that was started as root becomes. */
const QMAILD: Owner = { uid: 65534, gid: 65534 };

/** The owner of everything in a copy made by this process. */
export function sampleOwner(): Owner {
  const uid = Deno.uid() ?? 0;
  return uid === 0 ? { uid: 1000, gid: 1000 } : { uid, gid: Deno.gid() ?? uid };
}

function copyTree(from: string, to: string, owner: Owner): void {
  Deno.mkdirSync(to, { recursive: true });
  Deno.chmodSync(to, 0o755);
  for (const entry of Deno.readDirSync(from)) {
    const source = `${from}/${entry.name}`;
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory) copyTree(source, target, owner);
    else {
      const text = Deno.readTextFileSync(source).replaceAll("@UID@", String(owner.uid))
        .replaceAll("@GID@", String(owner.gid));
      Deno.writeTextFileSync(target, text);
      Deno.chmodSync(target, 0o644);
    }
  }
}

function chownTree(path: string, owner: Owner): void {
  Deno.chownSync(path, owner.uid, owner.gid);
  for (const entry of Deno.readDirSync(path)) {
    if (entry.isDirectory) chownTree(`${path}/${entry.name}`, owner);
    else Deno.chownSync(`${path}/${entry.name}`, owner.uid, owner.gid);
  }
}

/** Makes the copy at `target`, which must not exist. @throws {Error} when it can't be made. */
export async function makeSampleSite(target: string): Promise<Owner> {
  const owner = sampleOwner();
  copyTree(SOURCE, target, owner);
  for (const box of ["joe/Maildir", "joe/Maildir-lists", "jane/Maildir", "carol/Maildir"]) {
    for (const part of ["tmp", "new", "cur"]) {
      Deno.mkdirSync(`${target}/home/${box}/${part}`, { recursive: true, mode: 0o700 });
    }
  }
  Deno.mkdirSync(`${target}/var/log/qfront`, { recursive: true });
  const users = `${target}/var/qmail/users`;
  Deno.writeFileSync(`${users}/cdb`, makeAssignCdb(Deno.readFileSync(`${users}/assign`)));
  // newpop makes the cdb as open as its text is: hashes are for nobody else to read.
  Deno.chmodSync(`${users}/poppasswd`, 0o600);
  if (await runNewpop(["--root", target], { ...REAL_IO, out: () => {} }) !== 0) {
    throw new Error("The sample users file is unusable");
  }
  if (Deno.uid() === 0) {
    chownTree(`${target}/home`, owner);
    chownTree(`${target}/var/qmail/alias`, owner);
    chownTree(`${target}/var/log/qfront`, QMAILD);
  }
  return owner;
}
