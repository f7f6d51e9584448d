/** The sample site as the place where the project's own transcripts are played, by the code of `qfront transcript run`. */
import { putFiles } from "../../cli/transcript_copy.ts";
import { type PreparedSite, siteGround } from "../../cli/transcript_site.ts";
import { makeSampleSite } from "../../tools/sample_site.ts";
import type { TranscriptSetup } from "../../transcript/format.ts";
import type { Ground } from "../../transcript/play_file.ts";

/** A copy of the sample site for each transcript; accepted mail is delivered into it. */
async function prepare(setup: TranscriptSetup): Promise<PreparedSite> {
  if (setup.site !== null && setup.site !== "sample") {
    throw new Error(`There is no site "${setup.site}" for transcripts`);
  }
  const temp = Deno.makeTempDirSync();
  const root = `${temp}/site`;
  Deno.chmodSync(temp, 0o755);
  await makeSampleSite(root);
  const set = ["queue=maildir", ...putFiles(root, setup)];
  return {
    args: { root: [root], "qmail-dir": ["/var/qmail"], set },
    remembers: true,
    remove: () => Deno.removeSync(temp, { recursive: true }),
  };
}

/** `chunkBytes`: the most that a session gets at a time; 0: what a transcript sends together. */
export const sampleGround = (chunkBytes = 0): Ground =>
  siteGround({ deliver: true, chunkBytes, prepare }, true);
