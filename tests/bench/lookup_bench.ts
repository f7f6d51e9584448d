/**
 * Look-ups a second on a site with 10,000 users, made in a temporary directory.
 *
 *     deno bench -A tests/bench/lookup_bench.ts
 *
 * As root the permissions of qmailp and of the users are judged as in production; otherwise
 * everything belongs to whoever runs it.
 */
import { fromLatin1, makeCdb } from "../../cdb/mod.ts";
import { createLookupService } from "../../validate/lookup.ts";

const USERS = 10_000;
/** Long enough at rest for the look-up to trust the times of what was just made. */
const REST_MS = 1100;

function makeSite(): string {
  const root = Deno.makeTempDirSync({ prefix: "qfront-bench-" });
  Deno.chmodSync(root, 0o755);
  const isRoot = Deno.uid() === 0;
  const mine = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const idOf = (i: number) => (isRoot ? { uid: 20_000 + i, gid: 20_000 + i } : mine);
  for (const dir of ["etc", "home", "var/qmail/control", "var/qmail/alias", "var/qmail/users"]) {
    Deno.mkdirSync(`${root}/${dir}`, { recursive: true });
  }
  const write = (path: string, text: string) => Deno.writeTextFileSync(`${root}/${path}`, text);
  const alias = idOf(-1);
  if (isRoot) Deno.chownSync(`${root}/var/qmail/alias`, alias.uid, alias.gid);
  const passwd = [`alias:x:${alias.uid}:${alias.gid}::/var/qmail/alias:`, "qmailp:x:7793:2107::/:"];
  for (let i = 0; i < USERS; i++) {
    const { uid, gid } = idOf(i);
    passwd.push(`user${i}:x:${uid}:${gid}::/home/user${i}:/bin/sh`);
    Deno.mkdirSync(`${root}/home/user${i}`);
    if (isRoot) Deno.chownSync(`${root}/home/user${i}`, uid, gid);
  }
  write("home/user77/.qmail-list", "./Maildir/\n");
  write("etc/passwd", passwd.join("\n") + "\n");
  write("var/qmail/control/me", "mail.example.com\n");
  write("var/qmail/control/locals", "example.com\nmail.example.com\n");
  write("var/qmail/control/virtualdomains", "virtual.example:user78\n");
  const cdb = makeCdb([["!pinned\0", "user1\x0020001\x0020001\0/home/user1\0\0"], ["", "-"]]);
  Deno.writeFileSync(`${root}/var/qmail/users/cdb`, cdb);
  return root;
}

const root = makeSite();
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
await new Promise((done) => setTimeout(done, REST_MS));
const service = createLookupService({ root });
if (fromLatin1(service.lookup("user5@example.com").verdict).length === 0) {
  throw new Error("no site");
}

let turn = 0;
const bench = (name: string, address: (i: number) => string) =>
  Deno.bench(name, () => {
    service.lookup(address(turn++ % USERS));
  });

bench("a known user, another each time", (i) => `user${i}@example.com`);
bench("the same known user", () => "user5@example.com");
bench("an unknown name in a local domain", (i) => `angela${i}@example.com`);
bench("an unknown extension of a known user", (i) => `user${i}-x@example.com`);
bench("a dot-qmail file", () => "user77-list@example.com");
bench("a virtual domain, unknown", (i) => `sales${i}@virtual.example`);
bench("a remote domain", (i) => `x${i}@elsewhere.example`);
Deno.bench("rcptHosts, missing file", () => {
  service.rcptHosts("user5@example.com");
});
