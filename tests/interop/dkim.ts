/**
 * Mail signed and sealed just now by Debian's python3-dkim and libmail-dkim-perl: what they sign is
 * verified, with keys that nobody has seen before. Run by run.ts, which unpacks the packages;
 * skipped aloud where there are none.
 */
import { assert, assertEquals } from "@std/assert";
import { verifyArc } from "../../content/arc.ts";
import { verifyDkim } from "../../content/dkim_verify.ts";
import { messageOf } from "../unit/content/kit.ts";
import { FIXTURES, readFixtures, readKeys } from "../unit/content/signed_kit.ts";

const PYTHON = "/usr/bin/python3";

/** Modules of the unpacked packages, in front of the system's. */
const unpacked = Deno.env.get("QFRONT_UNPACKED");
const env = unpacked === undefined
  ? {}
  : { PYTHONPATH: `${unpacked}/usr/lib/python3/dist-packages` };

/** Null: the signers are there, else why not. */
function missing(): string | null {
  try {
    const args = ["-c", "import dkim, nacl.signing, authres"];
    const { success, stderr } = new Deno.Command(PYTHON, { args, env, stdin: "null" }).outputSync();
    return success ? null : new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "?";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${PYTHON}`;
    throw error;
  }
}

const why = missing();
if (why !== null) console.log(`skipped: no python3-dkim with its friends: ${why}`);

Deno.test({
  name: "verifyDkim, verifyArc: mail that python3-dkim and Mail::DKIM sign now",
  ignore: why !== null,
  async fn() {
    const folder = Deno.makeTempDirSync();
    try {
      const made = await new Deno.Command(PYTHON, {
        args: [`${FIXTURES}/make.py`, folder],
        env,
        stdin: "null",
        stderr: "inherit",
      }).output();
      assert(made.success);
      const context = { resolver: readKeys(folder), nowMs: Date.now(), session: 1 };
      const fixtures = readFixtures(folder);
      assert(fixtures.length > 30);
      for (const { name, method, wanted, text } of fixtures) {
        const message = messageOf(text);
        const found = method === "dkim"
          ? (await verifyDkim(message, context)).map(({ result }) => result).join(" ")
          : (await verifyArc(message, context)).result;
        assertEquals(found, wanted, name);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
