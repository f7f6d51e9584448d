import { assert, assertEquals } from "@std/assert";

const SCRIPT = new URL("./memory_alone.ts", import.meta.url).pathname;
const TOP = new URL("../../..", import.meta.url).pathname;
/** More than this for thirty times the message is no longer "the same". */
const MOST_KIB = 3072;

async function held(megabytes: number): Promise<number> {
  const dir = Deno.makeTempDirSync();
  try {
    const flags = ["run", "-A", "--no-check", "--v8-flags=--expose-gc"];
    const command = new Deno.Command(Deno.execPath(), {
      args: [...flags, SCRIPT, String(megabytes), dir],
      cwd: TOP,
    });
    const { stdout } = await command.output();
    const { kind, bytes, heldKib } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(kind, "queued");
    assert(bytes >= megabytes * 1e6);
    return heldKib;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("startExamination: 30 MB through all checks hold no more memory than 1 MB", async () => {
  const [small, large] = [await held(1), await held(30)];
  assert(large - small < MOST_KIB, `${small} KiB for 1 MB, ${large} KiB for 30 MB`);
});
