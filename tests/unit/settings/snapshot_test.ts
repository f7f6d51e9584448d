import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SettingError } from "../../../settings/mod.ts";
import { openSettings } from "../../../settings/snapshot.ts";

async function withCfg(
  test: (path: string, said: string[]) => Promise<void>,
  text = "trace_file t\ntrace_level 2\nmax_hops 9\n",
): Promise<void> {
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/trace.cfg`;
  try {
    Deno.writeTextFileSync(path, text);
    await test(path, []);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const open = (path: string, said: string[], overrides: string[] = []) =>
  openSettings({ path, name: "trace.cfg", overrides, onProblem: (s) => said.push(s) });

Deno.test("openSettings: a changed file becomes the new snapshot, the old one stays as it was", () =>
  withCfg(async (path, said) => {
    const snapshot = await open(path, said);
    const before = snapshot.current;
    assertEquals(await snapshot.refresh(), false);
    Deno.writeTextFileSync(path, "trace_file t\ntrace_level 3\nmax_hops 10\n");
    assertEquals(await snapshot.refresh(), true);
    assertEquals([before.max_hops, snapshot.current.max_hops], [9, 10]);
    assertEquals(snapshot.current.trace_level, 3);
    assertEquals(said, []);
  }));

Deno.test("openSettings: a file that does not parse keeps the snapshot and says so with its line", () =>
  withCfg(async (path, said) => {
    const snapshot = await open(path, said);
    Deno.writeTextFileSync(path, "max_hops 10\n\n<<<<<<< mine\n");
    assertEquals(await snapshot.refresh(), false);
    assertEquals([snapshot.current.max_hops, snapshot.current.trace_level], [9, 2]);
    assertStringIncludes(said[0] ?? "", "trace.cfg:3: ");
    assertStringIncludes(said[1] ?? "", "stay in force");
    assertEquals(await snapshot.refresh(), false);
    assertEquals(said.length, 2, "said once for one change");
  }));

Deno.test("openSettings: a removed file turns tracing off and the rest to defaults", () =>
  withCfg(async (path, said) => {
    const snapshot = await open(path, said);
    Deno.removeSync(path);
    assertEquals(await snapshot.refresh(), true);
    assertEquals([snapshot.current.trace_level, snapshot.current.max_hops], [0, 100]);
    assertEquals(said.length, 1);
  }));

Deno.test("openSettings: something unreadable in its place keeps the snapshot", () =>
  withCfg(async (path, said) => {
    const snapshot = await open(path, said);
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    assertEquals(await snapshot.refresh(), false);
    assertEquals(snapshot.current.max_hops, 9);
    assertStringIncludes(said[0] ?? "", 'Unable to read "trace.cfg"');
  }));

Deno.test("openSettings: something unreadable at the start is one sentence with the reason", () =>
  withCfg(async (path, said) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    const snapshot = await open(path, said);
    assertEquals(snapshot.current.trace_level, 0);
    assertEquals(said, [
      'Unable to read "trace.cfg": Is a directory (os error 21), so tracing is off',
    ]);
  }));

Deno.test("openSettings: force reads again without a change, overrides stay", () =>
  withCfg(async (path, said) => {
    const snapshot = await open(path, said, ["max_hops=5"]);
    assertEquals(await snapshot.refresh(true), true);
    assertEquals(snapshot.current.max_hops, 5);
  }));

Deno.test("openSettings: problems come with name and line", () =>
  withCfg(async (path, said) => {
    await open(path, said);
    assertEquals(said.length, 1);
    assert(said[0]?.startsWith('trace.cfg:3: Unknown setting "hops"'), said[0]);
  }, "trace_file t\nlevel 1\nhops 3\n"));

Deno.test("openSettings: a bad override rejects", () =>
  withCfg(async (path, said) => {
    await assertRejects(() => open(path, said, ["x=1"]), SettingError);
  }));
