import { assertEquals } from "@std/assert";
import { startByShell } from "../../../queue/spawn_shell.ts";
import { inTempDir, standIn } from "./kit.ts";

/** Sends `size` bytes of a message and an envelope to `program`, and tells which pipe lost something. */
async function send(
  program: string,
  size: number,
): Promise<{ message: boolean; envelope: boolean }> {
  const running = await startByShell(program, {}, null);
  for (let left = size; left > 0; left -= 100_000) {
    await running.message.write(new Uint8Array(Math.min(left, 100_000)));
  }
  await running.message.end();
  await running.envelope.write(new TextEncoder().encode("Fs@x\0Ta@x\0\0"));
  void running.envelope.end();
  await running.ended;
  return { message: running.message.broken, envelope: running.envelope.broken };
}

Deno.test("startByShell: what a program that went left unread is known, whatever is heard first", () =>
  inTempDir(async (dir) => {
    const gone = standIn(dir, "exit 0");
    for (let i = 0; i < 25; i++) assertEquals((await send(gone, 3_000_000)).message, true, `${i}`);
  }));

Deno.test("startByShell: a program that reads all breaks nothing, though it ends at once", () =>
  inTempDir(async (dir) => {
    const reads = standIn(dir, "cat >/dev/null; cat <&1 >/dev/null; exit 0");
    for (let i = 0; i < 25; i++) {
      assertEquals(await send(reads, 300_000), { message: false, envelope: false }, `${i}`);
    }
  }));
