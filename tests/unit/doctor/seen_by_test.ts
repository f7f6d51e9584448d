/** Files as another user would see them. */
import { assertEquals } from "@std/assert";
import { systemSeenBy } from "../../../doctor/seen_by.ts";

Deno.test("systemSeenBy: closed directories and files are closed, by owner, group and membership", () => {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/home`);
    Deno.writeTextFileSync(`${root}/home/file`, "x");
    const { uid, gid } = Deno.statSync(`${root}/home`);
    const stranger = { uid: 4_000_001, gid: 4_000_001 };
    const ask = (
      mode: number,
      fileMode: number,
      person: { uid: number; gid: number; groups?: number[] },
    ) => {
      Deno.chmodSync(`${root}/home/file`, fileMode);
      Deno.chmodSync(`${root}/home`, mode);
      const calls = systemSeenBy(root, person);
      const stat = calls.stat(`${root}/home/file`, true);
      const read = calls.mayRead(`${root}/home/file`);
      Deno.chmodSync(`${root}/home`, 0o700);
      return [typeof stat === "string" ? stat : "seen", read];
    };
    assertEquals(ask(0o755, 0o644, stranger), ["seen", true]);
    assertEquals(ask(0o750, 0o644, stranger), ["EACCES", "EACCES"]);
    assertEquals(ask(0o755, 0o640, stranger), ["seen", "EACCES"]);
    assertEquals(ask(0o750, 0o640, { ...stranger, groups: [gid ?? -1] }), ["seen", true]);
    if (uid !== 0) assertEquals(ask(0o700, 0o600, { uid: uid ?? -1, gid: 1 }), ["seen", true]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
