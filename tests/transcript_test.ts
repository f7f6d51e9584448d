/**
 * Plays every file of tests/transcripts/ against the sessions themselves, as `qfront transcript run` does: as it stands,
 * and byte by byte. The name of a test begins with the name of its file.
 */
import { assert, assertEquals } from "@std/assert";
import { describeOutcome, playFile, readBinary } from "../transcript/play_file.ts";
import { sampleGround } from "./transcript/site.ts";

const FOLDER = new URL("./transcripts", import.meta.url).pathname;
const NAMES = [...Deno.readDirSync(FOLDER)].map((e) => e.name).filter((n) => n.endsWith(".txt"))
  .sort();

/** What these show depends on what comes together. */
const WHOLE_ONLY: readonly string[] = ["policy_strict_pipelining.txt"];

for (const name of NAMES) {
  for (const [way, chunkBytes] of [["as it stands", 0], ["byte by byte", 1]] as const) {
    if (chunkBytes > 0 && WHOLE_ONLY.includes(name)) continue;
    const fn = async () => {
      const outcome = await playFile(`${FOLDER}/${name}`, sampleGround(chunkBytes));
      assertEquals(outcome.kind, "passed", describeOutcome(outcome, "all"));
    };
    // libc and libcrypt, once loaded, stay for the life of the process.
    Deno.test({ name: `${name}: ${way}`, sanitizeResources: false, fn });
  }
}

Deno.test("tests/transcripts: each begins with a comment that says what it proves", () => {
  assert(NAMES.length >= 15);
  for (const name of NAMES) {
    assert(/^# \S/.test(readBinary(`${FOLDER}/${name}`)), name);
  }
});
