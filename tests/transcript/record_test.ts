/**
 * The round trip: each of tests/transcripts/ is played, recorded from its own trace, and the recording is played on the
 * same site. It must pass, and say the same things.
 */
import { assert, assertEquals } from "@std/assert";
import {
  describeOutcome,
  type Ground,
  playFile,
  playText,
  readBinary,
} from "../../transcript/play_file.ts";
import { createRecorder } from "../../transcript/record.ts";
import { sampleGround } from "./site.ts";

const FOLDER = new URL("../transcripts", import.meta.url).pathname;
const NAMES = [...Deno.readDirSync(FOLDER)].map((e) => e.name).filter((n) => n.endsWith(".txt"))
  .sort();

/** `ground`, and what it traced, as lines of a trace file. */
function tracing(ground: Ground): { ground: Ground; lines: string[] } {
  const lines: string[] = [];
  const open: Ground["open"] = async (setup) => {
    const scene = await ground.open(setup);
    return {
      ...scene,
      async close() {
        for (const line of scene.trace()) {
          lines.push(line.replace(/^(\(\d\)) /, "2026-03-01 08:00:10 $1 (77) "));
        }
        await scene.close();
      },
    };
  };
  return { ground: { ...ground, open }, lines };
}

function record(lines: readonly string[]): string[] {
  const texts: string[] = [];
  const recorder = createRecorder("trace", ({ text }) => texts.push(text));
  for (const line of lines) recorder.take(line);
  recorder.end();
  return texts;
}

/** What a recording can't know: the settings and files that the session was played with. */
const setupOf = (text: string): string =>
  text.split("\n").filter((line) => /^(?:@(?:site|set|file|env) |\|)/.test(line)).join("\n");

for (const name of NAMES) {
  const fn = async () => {
    const original = readBinary(`${FOLDER}/${name}`);
    const first = tracing(sampleGround());
    const played = await playFile(`${FOLDER}/${name}`, first.ground);
    assertEquals(played.kind, "passed", describeOutcome(played));
    const [recorded = "", more] = record(first.lines);
    assertEquals(more, undefined);
    const again = await playText(
      `recorded ${name}`,
      `${setupOf(original)}\n${recorded}`,
      sampleGround(),
    );
    assertEquals(again.kind, "passed", `${describeOutcome(again, "all")}\n${recorded}`);
    assert(!/c2VzYW1l|sesame|BzZXNhbWU/.test(recorded), recorded);
  };
  Deno.test({ name: `record: ${name} is played again as it was`, sanitizeResources: false, fn });
}
