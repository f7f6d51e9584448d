/**
 * A small site of plain files below a temporary directory; everything belongs to whoever runs the
 * tests.
 */

/**
 * Uid and gid of the site's users: whoever runs the tests, but never root, to whom qmail does not
 * deliver.
 */
export const OWNER = Deno.uid() === 0
  ? { uid: 4321, gid: 4321 }
  : { uid: Deno.uid() ?? 1, gid: Deno.gid() ?? 1 };

export interface SmallSite {
  readonly root: string;
  path(name: string): string;
  write(name: string, text: string | Uint8Array): void;
  mkdir(name: string, mode?: number): void;
}

/** One line of etc/passwd. */
export const passwdLine = (name: string): string =>
  `${name}:x:${OWNER.uid}:${OWNER.gid}::/home/${name}:/bin/sh\n`;

const ALIAS = `alias:x:${OWNER.uid}:${OWNER.gid}::/var/qmail/alias:/bin/true\n`;

function makeSite(root: string): SmallSite {
  const path = (name: string) => `${root}/${name}`;
  const own = (name: string) => {
    if (Deno.uid() === 0) Deno.chownSync(path(name), OWNER.uid, OWNER.gid);
  };
  const mkdir = (name: string, mode = 0o755) => {
    Deno.mkdirSync(path(name), { recursive: true });
    Deno.chmodSync(path(name), mode);
    own(name);
  };
  const write = (name: string, text: string | Uint8Array) => {
    if (typeof text === "string") Deno.writeTextFileSync(path(name), text);
    else Deno.writeFileSync(path(name), text);
    Deno.chmodSync(path(name), 0o644);
    own(name);
  };
  return { root, path, mkdir, write };
}

/**
 * A site with users joe and jane (home, no dot-qmail files), ~alias, and example.com as its name.
 */
function newSite(): SmallSite {
  const root = Deno.makeTempDirSync({ prefix: "qfront-small-" });
  Deno.chmodSync(root, 0o755);
  const site = makeSite(root);
  for (const dir of ["etc", "home", "var", "var/qmail"]) {
    Deno.mkdirSync(site.path(dir));
    Deno.chmodSync(site.path(dir), 0o755);
  }
  for (const dir of ["home/joe", "home/jane", "var/qmail/control", "var/qmail/alias"]) {
    site.mkdir(dir);
  }
  site.mkdir("var/qmail/users");
  site.write("etc/passwd", ALIAS + passwdLine("joe") + passwdLine("jane"));
  site.write("var/qmail/control/me", "example.com\n");
  return site;
}

/** Runs `action` on a new site and removes it. */
export function withSite(action: (site: SmallSite) => void): void {
  const site = newSite();
  try {
    action(site);
  } finally {
    Deno.removeSync(site.root, { recursive: true });
  }
}

/** The same for an action that takes its time. */
export async function withSiteAsync(action: (site: SmallSite) => Promise<void>): Promise<void> {
  const site = newSite();
  try {
    await action(site);
  } finally {
    Deno.removeSync(site.root, { recursive: true });
  }
}
