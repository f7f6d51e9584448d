/** Where `qfront transcript run` gets the site of each transcript from: the site itself, or a copy that is thrown away. */
import type { TranscriptSetup } from "../transcript/format.ts";
import type { PreparedSite } from "./transcript_site.ts";

/** A site's options without --set. */
export type SiteArgs = Readonly<Record<string, readonly string[]>>;

/** The site as it is. */
export const itself = (args: SiteArgs) => (): Promise<PreparedSite> =>
  Promise.resolve({ args, remove() {} });

/** A fresh copy of everything below `root` for each transcript, with its files put into it. */
export const copyOf = (root: string, args: SiteArgs) => async (setup: TranscriptSetup) => {
  const temp = Deno.makeTempDirSync({ prefix: "qfront-transcript-" });
  const remove = () => Deno.removeSync(temp, { recursive: true });
  try {
    Deno.chmodSync(temp, 0o755);
    const copy = `${temp}/site`;
    const { success, stderr } = await new Deno.Command("cp", {
      args: ["-a", "--", root, copy],
      stdin: "null",
    }).output();
    if (!success) {
      throw new Error(`"${root}" can't be copied: ${new TextDecoder().decode(stderr).trim()}`);
    }
    const set = [...(args["set"] ?? []), ...putFiles(copy, setup)];
    // What is remembered goes with the copy.
    return { args: { ...args, root: [copy], set }, remembers: true, remove };
  } catch (error) {
    remove();
    throw error;
  }
};

/** The file of a transcript that has all answers of the DNS. */
const ZONE = "dns.zone";

/** Puts a transcript's files below `root`; the settings that make them heard. */
export function putFiles(root: string, { files }: TranscriptSetup): readonly string[] {
  for (const { path, text } of files) putFile(root, path, text);
  return files.some(({ path }) => path === ZONE) ? [`dns_file=${root}/${ZONE}`] : [];
}

/** Writes a file below `root`, with the directories it needs; each belongs to whom the directory above it does. */
function putFile(root: string, path: string, text: string): void {
  const parts = path.split("/");
  let above = root;
  const give = (made: string) => {
    const { uid, gid } = Deno.statSync(above);
    if (Deno.uid() === 0 && uid !== null && gid !== null) Deno.chownSync(made, uid, gid);
  };
  for (const part of parts.slice(0, -1)) {
    const dir = `${above}/${part}`;
    try {
      Deno.mkdirSync(dir);
      give(dir);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    above = dir;
  }
  Deno.writeFileSync(`${root}/${path}`, Uint8Array.from(text, (c) => c.charCodeAt(0)));
  give(`${root}/${path}`);
}
