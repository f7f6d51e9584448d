/**
 * Mail that Debian's python3-dkim and libmail-dkim-perl sign now, with new keys, as
 * tests/fixtures/dkim/make.py asks them to. Taken from the packages that run.ts unpacks, in front of
 * the system's.
 */
import { assert } from "@std/assert";
import { FIXTURES } from "../unit/content/signed_kit.ts";

const PYTHON = "/usr/bin/python3";

const unpacked = Deno.env.get("QFRONT_UNPACKED");
const env = unpacked === undefined
  ? {}
  : { PYTHONPATH: `${unpacked}/usr/lib/python3/dist-packages` };

/** Null: the signers are there, else why not; said aloud. */
export function missingSigner(): string | null {
  try {
    const args = ["-c", "import dkim, nacl.signing, authres"];
    const { success, stderr } = new Deno.Command(PYTHON, { args, env, stdin: "null" }).outputSync();
    if (success) return null;
    const why = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "?";
    console.log(`skipped: no python3-dkim with its friends: ${why}`);
    return why;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`skipped: there is no ${PYTHON}`);
    return `there is no ${PYTHON}`;
  }
}

/** Signs, and gives the folder of it all to `work`. */
export async function withSigned(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    const made = await new Deno.Command(PYTHON, {
      args: [`${FIXTURES}/make.py`, folder],
      env,
      stdin: "null",
      stderr: "inherit",
    }).output();
    assert(made.success);
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
