/**
 * The bench site: a qmail installation of 10,000 users below one folder, and the lists the peers need.
 *
 * Every user is in etc/passwd and has a home; half of them are in users/assign as well. There is no wildcard
 * assignment, so an unknown name takes the longest way: users/cdb, passwd, ~alias. The first 200 users have a
 * maildrop with 100 messages of 2 KiB (in cur/, so that no session has anything to move); `bench` gets the mail.
 */
import { makeCdb } from "../../cdb/maker.ts";
import { BenchError } from "./tools.ts";

export const USERS = 10_000;
export const POP_USERS = 200;
export const POP_MESSAGES = 100;
export const PASSWORD = "pw";
export const DOMAIN = "local.test";
/** Owner of the homes when the bench runs as root. */
const BENCH_UID = 30_001;
/** Who qfront becomes when it was started as root, as in a qmail installation. */
const QMAILD_UID = 30_002;

/** Password hashes of W5: DES costs microseconds, so that the server is measured; sha512 is the honest sort. */
export type HashName = "des" | "sha512";
const SALTS: Readonly<Record<HashName, string>> = { des: "qf", sha512: "$6$qfrontbench$" };

/** A made site. */
export interface Site {
  /** The bench folder. */
  readonly dir: string;
  /** What `--root` gets. */
  readonly root: string;
  readonly qmailDir: string;
  readonly uid: number;
  readonly gid: number;
  readonly passwordHash: string;
  /** One address a line. */
  readonly recipientsFile: string;
  /** The same as keys of a cdb. */
  readonly recipientsCdb: string;
}

const utf8 = new TextEncoder();

/** All local parts with a home. */
export function userNames(): string[] {
  return ["bench", ...Array.from({ length: USERS }, (_, i) => `u${i}`)];
}

/**
 * Makes the site below `dir`.
 *
 * @throws {BenchError} when the system has no crypt(3) library.
 */
export function makeSite(dir: string, hashName: HashName): Site {
  const isRoot = Deno.uid() === 0;
  const root = `${dir}/site`;
  const site: Site = {
    dir,
    root,
    qmailDir: `${root}/var/qmail`,
    uid: isRoot ? BENCH_UID : Deno.uid() ?? BENCH_UID,
    gid: isRoot ? BENCH_UID : Deno.gid() ?? BENCH_UID,
    passwordHash: crypt(PASSWORD, SALTS[hashName]),
    recipientsFile: `${dir}/recipients`,
    recipientsCdb: `${dir}/recipients.cdb`,
  };
  writeControl(site);
  writeUsers(site);
  makeHomes(site);
  makeMaildrops(site);
  const addresses = userNames().map((name) => `${name}@${DOMAIN}`);
  Deno.writeTextFileSync(site.recipientsFile, addresses.join("\n") + "\n");
  Deno.writeFileSync(site.recipientsCdb, makeCdb(addresses.map((a) => [a, ""])));
  return site;
}

function crypt(password: string, salt: string): string {
  const text = (s: string) => utf8.encode(s + "\0");
  for (const library of ["libcrypt.so.1", "libcrypt.so.2", "libcrypt.so"]) {
    try {
      const lib = Deno.dlopen(library, {
        crypt: { parameters: ["buffer", "buffer"], result: "pointer" },
      });
      const pointer = lib.symbols.crypt(text(password), text(salt));
      const hash = pointer === null ? "" : new Deno.UnsafePointerView(pointer).getCString();
      lib.close();
      if (hash.length > 10) return hash;
    } catch { /* not this name: the next one */ }
  }
  throw new BenchError("The bench needs the system's crypt library (Debian package libcrypt1)");
}

function writeControl(site: Site): void {
  const control = `${site.qmailDir}/control`;
  for (const folder of ["control", "users", "alias", "log", "bin"]) {
    Deno.mkdirSync(`${site.qmailDir}/${folder}`, { recursive: true });
  }
  const files: Record<string, string> = {
    me: `mail.${DOMAIN}`,
    locals: `${DOMAIN}\nmail.${DOMAIN}`,
    rcpthosts: `${DOMAIN}\nmail.${DOMAIN}`,
    defaultdelivery: "./Maildir/",
    "trace.cfg": "trace_file: log/qfront.trace\ntrace_level: 2",
  };
  for (const [name, text] of Object.entries(files)) {
    Deno.writeTextFileSync(`${control}/${name}`, text + "\n");
  }
}

function writeUsers(site: Site): void {
  const { uid, gid, qmailDir } = site;
  const names = userNames();
  const home = (name: string) => `/home/${name}`;
  const passwd = [
    "root:x:0:0:root:/root:/bin/sh",
    `alias:x:${uid}:${gid}:alias:/var/qmail/alias:/bin/sh`,
    `qmaild:x:${QMAILD_UID}:${QMAILD_UID}::/var/qmail:/bin/false`,
    ...names.map((n) => `${n}:x:${uid}:${gid}::${home(n)}:/bin/sh`),
  ];
  Deno.mkdirSync(`${site.root}/etc`, { recursive: true });
  Deno.writeTextFileSync(`${site.root}/etc/passwd`, passwd.join("\n") + "\n");
  Deno.writeTextFileSync(
    `${site.root}/etc/group`,
    `root:x:0:\nbench:x:${gid}:\nnofiles:x:${QMAILD_UID}:\n`,
  );
  const assigned = names.filter((_, i) => i % 2 === 0);
  const lines = assigned.map((n) => `=${n}:${n}:${uid}:${gid}:${home(n)}:::`);
  Deno.writeTextFileSync(`${qmailDir}/users/assign`, [...lines, "."].join("\n") + "\n");
  const records = assigned.map((n): [string, string] => [
    `!${n}\0`,
    `${n}\0${uid}\0${gid}\0${home(n)}\0\0\0`,
  ]);
  Deno.writeFileSync(`${qmailDir}/users/cdb`, makeCdb([...records, ["", ""]]));
  const logins = names.slice(1, POP_USERS + 1);
  const accounts = logins.map((n): [string, string] => [n, `${site.passwordHash}:${n}:${home(n)}`]);
  const poppasswd = accounts.map(([n, rest]) => `${n}:${rest}\n`);
  Deno.writeTextFileSync(`${qmailDir}/users/poppasswd`, poppasswd.join(""));
  Deno.writeFileSync(`${qmailDir}/users/poppasswd.cdb`, makeCdb(accounts));
}

function makeHomes(site: Site): void {
  Deno.mkdirSync(`${site.root}/home`, { recursive: true });
  for (const name of userNames()) Deno.mkdirSync(`${site.root}/home/${name}`, { mode: 0o755 });
  makeMaildir(`${site.root}/home/bench/Maildir`);
  chownTree(site, [`${site.root}/home`, `${site.qmailDir}/alias`]);
  Deno.chmodSync(`${site.qmailDir}/log`, 0o777); // each start of qfront traces under its own identity
}

/** An empty Maildir. */
export function makeMaildir(path: string): void {
  for (const part of ["tmp", "new", "cur"]) Deno.mkdirSync(`${path}/${part}`, { recursive: true });
}

/** Gives whole trees to the site's user; without root they are his already. */
export function chownTree(site: Site, paths: readonly string[]): void {
  if (Deno.uid() !== 0) return;
  new Deno.Command("chown", { args: ["-R", `${site.uid}:${site.gid}`, ...paths] }).outputSync();
}

function makeMaildrops(site: Site): void {
  const header = `From: s@remote.test\nTo: u@${DOMAIN}\nSubject: bench\n\n`;
  const line = "abcdefghijklmnopqrstuvwxyz".repeat(3).slice(0, 71) + "\n";
  const text = header + line.repeat(Math.ceil((2048 - header.length) / line.length));
  for (let user = 0; user < POP_USERS; user++) {
    const maildir = `${site.root}/home/u${user}/Maildir`;
    makeMaildir(maildir);
    for (let i = 0; i < POP_MESSAGES; i++) {
      const name = `${1_700_000_000 + i}.${user}.mail.${DOMAIN}:2,S`;
      Deno.writeTextFileSync(`${maildir}/cur/${name}`, text);
    }
  }
  chownTree(site, [`${site.root}/home`]);
}

/** Empties a Maildir's folders between two runs; owner and mode stay as they are. */
export function emptyMaildir(path: string): void {
  for (const part of ["tmp", "new"]) {
    const folder = `${path}/${part}`;
    for (const entry of Deno.readDirSync(folder)) Deno.removeSync(`${folder}/${entry.name}`);
  }
}
