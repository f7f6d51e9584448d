/** A copy of the sample site for one transcript, with the services on it, in this process. */
import { openAuthenticator } from "../../auth/mod.ts";
import type { Engine, Output, Peer } from "../../net/types.ts";
import { readPop3Config } from "../../pop3/config.ts";
import { locateMaildir } from "../../pop3/locate.ts";
import { createMaildropCache } from "../../pop3/maildrop_cache.ts";
import { LOCAL_FILES } from "../../pop3/maildrop_files.ts";
import { createPop3Engine } from "../../pop3/session.ts";
import { openQueue } from "../../queue/mod.ts";
import { loadSettings } from "../../settings/load.ts";
import type { Settings } from "../../settings/mod.ts";
import { readSmtpConfig } from "../../smtp/config.ts";
import { createSmtpEngine } from "../../smtp/session.ts";
import { makeSampleSite, type Owner } from "../../tools/sample_site.ts";
import { createMemoryTracer, type MemoryTracer } from "../../trace/memory.ts";
import type { TranscriptSetup } from "../../transcript/format.ts";
import { createLookupService } from "../../validate/lookup.ts";

export interface PlayedSite {
  readonly root: string;
  readonly trace: MemoryTracer;
  createEngine(output: Output): Engine;
  remove(): void;
}

/** Makes the site that `setup` asks for. Levels up to 4 are traced, so that the trace is run through as well. */
export async function openPlayedSite(setup: TranscriptSetup): Promise<PlayedSite> {
  if (setup.site !== null && setup.site !== "sample") {
    throw new Error(`There is no site "${setup.site}" for transcripts`);
  }
  const temp = Deno.makeTempDirSync();
  const root = `${temp}/site`;
  Deno.chmodSync(temp, 0o755);
  const owner = await makeSampleSite(root);
  for (const file of setup.files) putFile(root, file.path, file.text, owner);
  const { settings } = await loadSettings({
    cfgText: "trace_level 0",
    cfgName: "trace.cfg",
    overrides: setup.settings,
  });
  const trace = createMemoryTracer();
  return {
    root,
    trace,
    createEngine: (output) => engineFor(setup, settings, root, trace, output),
    remove: () => Deno.removeSync(temp, { recursive: true }),
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

function engineFor(
  setup: TranscriptSetup,
  settings: Settings,
  root: string,
  tracer: MemoryTracer,
  output: Output,
): Engine {
  const qmailDir = `${root}/var/qmail`;
  const lookup = createLookupService({ root });
  const peer: Peer = {
    kind: setup.input,
    remoteIp: setup.remoteIp ?? "192.0.2.7",
    remotePort: 4711,
    remoteHost: null,
    remoteInfo: null,
    localIp: "192.0.2.1",
    localPort: 25,
    localHost: null,
    env: setup.env,
    session: 1,
  };
  if (setup.protocol === "pop3") {
    const drops = createMaildropCache({
      files: LOCAL_FILES,
      sizes: settings.pop3_sizes,
      maxMessages: settings.pop3_cache_messages,
      tracer,
      clock: Date.now,
    });
    const deps = {
      config: readPop3Config(settings, lookup.control, setup.env),
      auth: openAuthenticator({ settings, qmailDir, tracer, env: {} }),
      openMaildrop: async (account: Parameters<typeof locateMaildir>[0], session: number) =>
        await drops.open(await locateMaildir(account, lookup, root), session),
      tracer,
      clock: Date.now,
    };
    return createPop3Engine(deps, peer, output);
  }
  const queue = openQueue({
    settings: { ...settings, queue: "maildir" },
    qmailDir,
    env: {},
    site: lookup,
    controlLines: (name) => lookup.control.lines(name),
    trace: tracer,
    host: "transcript.example",
  });
  const config = readSmtpConfig(settings, lookup.control, setup.env);
  return createSmtpEngine({ config, lookup, queue, tracer, clock: Date.now }, peer, output);
}
