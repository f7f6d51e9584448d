/**
 * Plays every file of tests/transcripts/ against the sessions themselves: as it stands, and byte by byte. The name
 * of a test begins with the name of its file.
 */
import { assert, assertEquals } from "@std/assert";
import { parseTranscript } from "../transcript/format.ts";
import { enginePartner } from "../transcript/partner.ts";
import { describeDifference, playTranscript } from "../transcript/player.ts";
import { openPlayedSite } from "./transcript/site.ts";

const FOLDER = new URL("./transcripts", import.meta.url).pathname;
const NAMES = [...Deno.readDirSync(FOLDER)].map((e) => e.name).filter((n) => n.endsWith(".txt"))
  .sort();

const readBinary = (path: string): string =>
  Array.from(Deno.readFileSync(path), (byte) => String.fromCharCode(byte)).join("");

for (const name of NAMES) {
  for (const [way, chunkBytes] of [["as it stands", 0], ["byte by byte", 1]] as const) {
    const fn = async () => {
      const transcript = parseTranscript(readBinary(`${FOLDER}/${name}`));
      const site = await openPlayedSite(transcript.setup);
      try {
        const partner = await enginePartner(site.createEngine, chunkBytes);
        const difference = await playTranscript(transcript, partner);
        const said = difference === null
          ? null
          : `${describeDifference(name, difference)}\n  trace:\n${site.trace()}`;
        assertEquals(said, null, said ?? "");
      } finally {
        await site.remove();
      }
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
