/** A copy of the sample site for one transcript, with the services on it, in this process. */
import { openSite } from "../../cli/site.ts";
import type { Engine, Output, Peer } from "../../net/types.ts";
import { makeSampleSite, type Owner } from "../../tools/sample_site.ts";
import type { TranscriptSetup } from "../../transcript/format.ts";

export interface PlayedSite {
  createEngine(output: Output): Engine;
  /** What was traced, at level 4. */
  trace(): string;
  remove(): Promise<void>;
}

/** Makes the site that `setup` asks for, and opens it as `qfront serve` does. */
export async function openPlayedSite(setup: TranscriptSetup): Promise<PlayedSite> {
  if (setup.site !== null && setup.site !== "sample") {
    throw new Error(`There is no site "${setup.site}" for transcripts`);
  }
  const temp = Deno.makeTempDirSync();
  const root = `${temp}/site`;
  Deno.chmodSync(temp, 0o755);
  const owner = await makeSampleSite(root);
  for (const file of setup.files) putFile(root, file.path, file.text, owner);
  const args: Record<string, readonly string[]> = {
    root: [root],
    "qmail-dir": ["/var/qmail"],
    set: ["trace_file=/trace", "trace_level=4", "queue=maildir", ...setup.settings],
  };
  const site = await openSite({
    operands: [],
    value: (name) => args[name]?.at(-1),
    values: (name) => args[name] ?? [],
    has: (name) => name in args,
  }, { isService: false });
  return {
    createEngine: (output) =>
      site.current[setup.protocol === "pop3" ? "pop3" : "smtp"].open(peerOf(setup), output),
    trace() {
      site.tracer.flush();
      return Deno.readTextFileSync(`${root}/trace`);
    },
    async remove() {
      await site.close();
      Deno.removeSync(temp, { recursive: true });
    },
  };
}

/** By which SMTP tells submission too. */
const PORTS = { smtp: 25, submission: 587, pop3: 110 } as const;

function peerOf(setup: TranscriptSetup): Peer {
  return {
    kind: setup.input,
    remoteIp: setup.remoteIp ?? "192.0.2.7",
    remotePort: 4711,
    remoteHost: null,
    remoteInfo: null,
    localIp: "192.0.2.1",
    localPort: PORTS[setup.protocol],
    localHost: null,
    env: setup.env,
    session: 1,
  };
}

function putFile(root: string, path: string, text: string, owner: Owner): void {
  let dir = root;
  const give = (made: string) => {
    if (Deno.uid() === 0) Deno.chownSync(made, owner.uid, owner.gid);
  };
  for (const part of path.split("/").slice(0, -1)) {
    dir += `/${part}`;
    try {
      Deno.mkdirSync(dir);
      give(dir);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
  Deno.writeFileSync(`${root}/${path}`, Uint8Array.from(text, (c) => c.charCodeAt(0)));
  give(`${root}/${path}`);
}
