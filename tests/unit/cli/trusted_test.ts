import { assertEquals, assertThrows } from "@std/assert";
import { SiteError } from "../../../cli/command.ts";
import { makeTraceForOwner } from "../../../cli/trace_owner.ts";
import { isRoots, requireTrusted } from "../../../cli/trusted.ts";
import { defaultSettings } from "../../../settings/mod.ts";

const ignore = Deno.uid() !== 0;
if (ignore) console.log("trusted_test: skipped, it needs root");

const OWN = { auth_source: "poppasswd", deliver_as: "owner", maildir_journal: "" } as const;
const QMAILD = { uid: 7791, gid: 2108, name: null };

/** "outer/inner/control" in a temporary directory, all root's. */
function inSite(work: (top: string) => void): () => void {
  return () => {
    const top = Deno.makeTempDirSync();
    try {
      Deno.mkdirSync(`${top}/outer/inner/control`, { recursive: true });
      Deno.writeTextFileSync(`${top}/outer/inner/control/trace.cfg`, "");
      work(top);
    } finally {
      Deno.removeSync(top, { recursive: true });
    }
  };
}

const placeOf = (path: string, traceCfg = `${path}/control/trace.cfg`) => ({
  root: "",
  qmailDir: path,
  path,
  traceCfg,
  overrides: [],
  closedAt: "",
});

Deno.test({
  name:
    "requireTrusted: a site that only root can change, and one with a directory above that is not",
  ignore,
  fn: inSite((top) => {
    const place = placeOf(`${top}/outer/inner`);
    requireTrusted(place, OWN, QMAILD);
    Deno.chownSync(`${top}/outer`, QMAILD.uid, 0);
    assertThrows(
      () => requireTrusted(place, OWN, QMAILD),
      SiteError,
      `"${top}/outer" can be changed`,
    );
    Deno.chownSync(`${top}/outer`, 0, QMAILD.gid);
    requireTrusted(place, OWN, QMAILD);
    Deno.chmodSync(`${top}/outer`, 0o775);
    assertThrows(
      () => requireTrusted(place, OWN, QMAILD),
      SiteError,
      `"${top}/outer" can be changed`,
    );
  }),
});

Deno.test({
  name: "requireTrusted: trace.cfg in a directory of his, and a way that leads over a link of his",
  ignore,
  fn: inSite((top) => {
    Deno.mkdirSync(`${top}/his`);
    Deno.writeTextFileSync(`${top}/his/trace.cfg`, "");
    Deno.symlinkSync(`${top}/outer/inner`, `${top}/his/link`);
    Deno.chownSync(`${top}/his`, QMAILD.uid, QMAILD.gid);
    for (
      const place of [
        placeOf(`${top}/outer/inner`, `${top}/his/trace.cfg`),
        placeOf(`${top}/his/link`),
      ]
    ) {
      assertThrows(
        () => requireTrusted(place, OWN, QMAILD),
        SiteError,
        `"${top}/his" can be changed`,
      );
    }
  }),
});

Deno.test({
  name: "requireTrusted: the program that checks passwords as root, and the users of another root",
  ignore,
  fn: inSite((top) => {
    const program = `${top}/outer/check password`;
    Deno.writeTextFileSync(program, "", { mode: 0o755 });
    Deno.mkdirSync(`${top}/etc`);
    Deno.writeTextFileSync(`${top}/etc/passwd`, "");
    const place = placeOf(`${top}/outer/inner`);
    const settings = { ...OWN, auth_source: `checkpassword "${program}" /bin/true` };
    requireTrusted(place, settings, QMAILD);
    Deno.chownSync(program, QMAILD.uid, 0);
    requireTrusted(place, OWN, QMAILD);
    assertThrows(() => requireTrusted(place, settings, QMAILD), SiteError, `"${program}" can be`);
    Deno.chownSync(`${top}/etc/passwd`, QMAILD.uid, 0);
    assertThrows(
      () => requireTrusted({ ...place, root: top }, OWN, QMAILD),
      SiteError,
      `"${top}/etc/passwd" can be changed`,
    );
  }),
});

Deno.test({
  name: "makeTraceForOwner: not where the directory's owner can put another in its place",
  ignore,
  fn: inSite((top) => {
    const place = { root: "", path: top };
    const settings = { ...defaultSettings(), trace_level: 1 };
    Deno.mkdirSync(`${top}/outer/log`);
    Deno.chownSync(`${top}/outer/log`, QMAILD.uid, QMAILD.gid);
    const file = `${top}/outer/log/trace`;
    Deno.chownSync(`${top}/outer`, QMAILD.uid, QMAILD.gid);
    makeTraceForOwner(place, { ...settings, trace_file: file });
    assertThrows(() => Deno.statSync(file), Deno.errors.NotFound);
    Deno.chownSync(`${top}/outer`, 0, 0);
    makeTraceForOwner(place, { ...settings, trace_file: file });
    assertEquals(Deno.statSync(file).uid, QMAILD.uid);
  }),
});

Deno.test({
  name: "isRoots: a directory of root below one of his is not root's alone",
  ignore,
  fn: inSite((top) => {
    assertEquals(isRoots(`${top}/outer/inner`, QMAILD), true);
    Deno.chownSync(`${top}/outer`, QMAILD.uid, 0);
    assertEquals(isRoots(`${top}/outer/inner`, QMAILD), false);
    Deno.chownSync(`${top}/outer`, 0, 0);
    Deno.chmodSync(`${top}/outer/inner`, 0o1777);
    assertEquals(isRoots(`${top}/outer/inner`, QMAILD), false);
  }),
});

Deno.test({
  name: "requireTrusted: the delivery journal of a keeper, but not that of who serves",
  ignore,
  fn: inSite((top) => {
    const place = placeOf(`${top}/outer/inner`);
    const journal = `${place.path}/journal`;
    const settings = { ...OWN, maildir_journal: "journal" };
    requireTrusted(place, settings, QMAILD);
    Deno.mkdirSync(journal, { mode: 0o700 });
    requireTrusted(place, settings, QMAILD);
    Deno.chownSync(journal, QMAILD.uid, QMAILD.gid);
    assertThrows(() => requireTrusted(place, settings, QMAILD), SiteError, `"${journal}" can be`);
    requireTrusted(place, { ...settings, deliver_as: "self" }, QMAILD);
  }),
});
