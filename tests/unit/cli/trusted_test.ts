import { assertEquals, assertThrows } from "@std/assert";
import { SiteError } from "../../../cli/command.ts";
import { isRoots, requireTrusted } from "../../../cli/trusted.ts";

const ignore = Deno.uid() !== 0;
if (ignore) console.log("trusted_test: skipped, it needs root");

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
    requireTrusted(place, QMAILD);
    Deno.chownSync(`${top}/outer`, QMAILD.uid, 0);
    assertThrows(() => requireTrusted(place, QMAILD), SiteError, `"${top}/outer" can be changed`);
    Deno.chownSync(`${top}/outer`, 0, QMAILD.gid);
    requireTrusted(place, QMAILD);
    Deno.chmodSync(`${top}/outer`, 0o775);
    assertThrows(() => requireTrusted(place, QMAILD), SiteError, `"${top}/outer" can be changed`);
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
      assertThrows(() => requireTrusted(place, QMAILD), SiteError, `"${top}/his" can be changed`);
    }
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
