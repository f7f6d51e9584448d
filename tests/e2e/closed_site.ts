/** For the end-to-end tests as root: the sample site with closed homes of different owners, and a users file of root's. */
import { assertEquals } from "@std/assert";
import { runNewpop } from "../../cli/newpop.ts";
import { REAL_IO } from "../../cli/users_site.ts";
import { makeSite } from "./front.ts";

/** qmaild of the site. */
export const NOBODY = 65534;
export const JOE = 31_001;
export const JANE = 31_002;

/** The sample site with closed homes; `joesSecret` in the place of joe's hash; toor is another name for root. */
export async function makeClosedSite(joesSecret: string | null = null): Promise<string> {
  const root = await makeSite();
  const passwd = Deno.readTextFileSync(`${root}/etc/passwd`)
    .replace(/^joe:x:\d+:\d+/m, `joe:x:${JOE}:${JOE}`)
    .replace(/^jane:x:\d+:\d+/m, `jane:x:${JANE}:${JANE}`);
  Deno.writeTextFileSync(`${root}/etc/passwd`, `${passwd}toor:x:0:0::/home/joe:/bin/sh\n`);
  const users = `${root}/var/qmail/users`;
  const logins = Deno.readTextFileSync(`${users}/poppasswd`);
  const hash = /^joe@example\.org:(\S+)$/m.exec(logins)?.[1];
  const joesLine = `joe@example.org:${joesSecret ?? hash}`;
  Deno.writeTextFileSync(
    `${users}/poppasswd`,
    `${
      logins.replace(/^joe@example\.org:.*$/m, joesLine)
    }toor@example.org:${hash}:toor:/home/joe\n`,
  );
  assertEquals(await runNewpop(["--root", root], { ...REAL_IO, out: () => {} }), 0);
  Deno.chmodSync(`${users}/poppasswd`, 0o600);
  Deno.chmodSync(`${users}/poppasswd.cdb`, 0o600);
  for (const [name, id] of [["joe", JOE], ["jane", JANE]] as const) {
    chownAll(`${root}/home/${name}`, id);
    Deno.chmodSync(`${root}/home/${name}`, 0o700);
  }
  return root;
}

function chownAll(path: string, id: number): void {
  Deno.chownSync(path, id, id);
  if (!Deno.statSync(path).isDirectory) return;
  for (const entry of Deno.readDirSync(path)) chownAll(`${path}/${entry.name}`, id);
}
