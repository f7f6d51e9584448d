/**
 * A site as the place where transcripts are played: the sessions that `serve` would run, in this process, with the site's
 * own settings, files, logins and connection rules.
 *
 * Nothing is encrypted: a session that goes over to TLS is told that it has. Mail is thrown away unless it is asked for.
 */
import { traceBegun, tracePiece } from "../net/dialogue.ts";
import type { Engine, Output, Peer } from "../net/types.ts";
import { createMemoryTracer } from "../trace/memory.ts";
import type { TranscriptSetup } from "../transcript/format.ts";
import { enginePartner } from "../transcript/partner.ts";
import type { Ground, Scene } from "../transcript/play_file.ts";
import type { ParsedArgs } from "./command.ts";
import { siteRules } from "./rules.ts";
import { openSite, type Site } from "./site.ts";

/** How a site is played. */
export interface SiteGroundOptions {
  /** Accepted mail goes where the site's settings say. */
  readonly deliver: boolean;
  /** The most that a session gets at a time; 0: what a transcript sends together. */
  readonly chunkBytes: number;
  /** The site of each transcript, prepared with its files; what comes back is undone by `remove`. */
  readonly prepare: (setup: TranscriptSetup) => Promise<PreparedSite>;
}

/** The options that open a site, as the command line has them (SITE_OPTIONS). */
export interface PreparedSite {
  readonly args: Readonly<Record<string, readonly string[]>>;
  /** Policy remembers as a service does, in the files that the settings name; absent: it does not. */
  readonly remembers?: boolean;
  remove(): void;
}

/** Played where "@site" is not looked at, and files are welcome when `takesFiles`. */
export function siteGround(options: SiteGroundOptions, takesFiles: boolean): Ground {
  return {
    lacks: (setup) =>
      setup.files.length > 0 && !takesFiles
        ? "it puts files into the site, which is only done to a copy (--copy)"
        : null,
    async open(setup) {
      const prepared = await options.prepare(setup);
      try {
        return await openScene(options, setup, prepared);
      } catch (error) {
        prepared.remove();
        throw error;
      }
    },
  };
}

function parsedArgs(args: PreparedSite["args"]): ParsedArgs {
  return {
    operands: [],
    value: (name) => args[name]?.at(-1),
    values: (name) => args[name] ?? [],
    has: (name) => Object.hasOwn(args, name),
  };
}

async function openScene(
  { deliver, chunkBytes }: SiteGroundOptions,
  setup: TranscriptSetup,
  prepared: PreparedSite,
): Promise<Scene> {
  const tracer = createMemoryTracer();
  const args = { ...prepared.args, set: [...prepared.args["set"] ?? [], ...setup.settings] };
  const site = await openSite(parsedArgs(args), {
    isService: false,
    remembers: prepared.remembers,
    tracer,
    discardMail: !deliver,
  });
  const peer = await peerOf(site, setup);
  const implicitTls = setup.tls === "implicit";
  const name = setup.protocol === "pop3" ? "pop3" : "smtp";
  traceBegun(tracer, name, peer, implicitTls);
  const create = (output: Output): Engine => site.current[name].open(peer, output);
  const onPiece = (piece: Uint8Array, busy: boolean) => {
    if (!busy) tracePiece(tracer, peer, piece);
  };
  return {
    partner: await enginePartner(create, { chunkBytes, implicitTls, onPiece }),
    trace: () => tracer.lines(),
    async close() {
      await site.close();
      prepared.remove();
    },
  };
}

/** By which SMTP tells submission too. */
const PORTS = { smtp: 25, submission: 587, pop3: 110 } as const;
const DEFAULT_IP = "192.0.2.7";

function hasCertificate({ place, current }: Site): boolean {
  const name = current.settings.tls_cert;
  if (name === "") return false;
  try {
    return Deno.statSync(name.startsWith("/") ? place.root + name : `${place.path}/${name}`).isFile;
  } catch {
    return false;
  }
}

async function peerOf(site: Site, setup: TranscriptSetup): Promise<Peer> {
  const remoteIp = setup.remoteIp ?? DEFAULT_IP;
  const rules = setup.protocol === "pop3" ? null : await siteRules(site, {})(remoteIp);
  if (setup.protocol !== "pop3" && rules === null) {
    throw new Error(`The connection rules let nobody in from ${remoteIp} (see @peer)`);
  }
  const offersTls = setup.tls === "offered" || (setup.tls === null && hasCertificate(site));
  return {
    kind: setup.input,
    remoteIp,
    remotePort: 4711,
    remoteHost: null,
    remoteInfo: null,
    localIp: "192.0.2.1",
    localPort: PORTS[setup.protocol],
    localHost: null,
    env: { ...rules, ...setup.env },
    session: 1,
    ...(setup.protocol === "submission" ? { service: "submission" as const } : {}),
    offersTls,
  };
}
