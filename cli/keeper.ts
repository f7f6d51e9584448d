/**
 * `qfront keeper`, which serve starts by itself: the process that stays root when serve gives root away, and answers four
 * questions on the line that serve offers it. Nobody else has a use for it, so no help names it.
 *
 * It opens the site as serve does, listens nowhere and reads no byte of the network. Signals are serve's: it ends when
 * its line ends.
 */
import { AuthConfigError, openAuthenticator } from "../auth/mod.ts";
import { KEEPER_FILES } from "../keeper/owner_files.ts";
import { openOwnerDrops } from "../keeper/owner_drops.ts";
import type { KeeperServices } from "../keeper/operations.ts";
import { joinLine } from "../keeper/line.ts";
import { relayTracer, runKeeper } from "../keeper/server.ts";
import { FrameWriter } from "../keeper/writer.ts";
import { Journals } from "../queue/journals.ts";
import { layGroupsDown } from "../queue/libc.ts";
import { openMaildirQueue } from "../queue/maildir.ts";
import { routeBy } from "../queue/route.ts";
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import { ControlError } from "../validate/types.ts";
import { SiteFault } from "../validate/lookup.ts";
import { type Command, type ParsedArgs, SITE_OPTIONS, SiteError, UsageError } from "./command.ts";
import { keptJournalPath } from "./journal.ts";
import { maildirOf } from "./maildrops.ts";
import { openFindUser, ownerOf } from "./owners.ts";
import { complain } from "./say.ts";
import { findSite, openLookup, readSettings, type SitePlace } from "./site.ts";

/** The command line that starts the keeper of a site. */
export function keeperCommand(place: SitePlace): string[] {
  const source = new URL("../main.ts", import.meta.url);
  const program = Deno.build.standalone
    ? [Deno.execPath()]
    : [Deno.execPath(), "run", "-A", "--no-check", "--cached-only", source.pathname];
  return [
    ...program,
    "keeper",
    ...(place.root === "" ? [] : [`--root=${place.root}`]),
    `--qmail-dir=${place.qmailDir}`,
    `--trace-cfg=${place.traceCfg}`,
    ...place.overrides.map((override) => `--set=${override}`),
  ];
}

/** Files of the site are looked at no more often than this, as in every service. */
const FILE_KEEP_MS = 5;

/** @throws {SiteError} when the site can't be used. */
function openServices(
  place: SitePlace,
  settings: Settings,
  tracer: Tracer,
  journals: Journals,
): KeeperServices {
  try {
    const lookup = openLookup(place, settings, { isService: true });
    const findUser = openFindUser(place.root, FILE_KEEP_MS);
    const openDrop = openOwnerDrops({
      sizes: settings.pop3_sizes,
      locks: settings.pop3_lock,
      maxMessages: settings.pop3_cache_messages,
      tracer,
    });
    return {
      lookup,
      auth: openAuthenticator({
        settings,
        qmailDir: place.path,
        tracer,
        env: Deno.env.toObject(),
        keepMs: FILE_KEEP_MS,
      }),
      queue: openMaildirQueue({
        routing: routeBy(lookup, () => true),
        trace: tracer,
        host: Deno.hostname(),
        pid: Deno.pid,
        sync: settings.maildir_sync,
        syncInPlace: true,
        ops: KEEPER_FILES,
        journal: () => journals.current,
      }),
      openMaildrop: (account, session) =>
        openDrop(
          maildirOf(account, place.root, lookup),
          ownerOf(account, findUser, lookup),
          session,
        ),
      maxDrops: settings.max_sessions,
      maxMails: settings.max_deliveries + settings.max_sessions,
    };
  } catch (error) {
    const isKnown = error instanceof AuthConfigError || error instanceof ControlError ||
      error instanceof SiteFault;
    throw isKnown ? new SiteError(error.message) : error;
  }
}

/** The terminal's and the service manager's signals go to all processes; ours to obey is the end of the line. */
function leaveSignalsToServe(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {});
  }
}

async function keep(args: ParsedArgs): Promise<number> {
  if (args.operands.length > 0) throw new UsageError(`keeper takes no "${args.operands[0]}"`);
  if (Deno.uid() !== 0) {
    throw new SiteError("The keeper is started by serve, and only where serve was started as root");
  }
  const path = args.value("line");
  if (path === undefined) throw new UsageError("keeper is started by serve, which says --line");
  leaveSignalsToServe();
  layGroupsDown();
  const place = findSite(args);
  // What is wrong with the settings serve has said already.
  const snapshot = await readSettings(place, () => {});
  const line = await joinLine(path);
  const output = new FrameWriter(line.write, line.writeNow);
  const tracer = relayTracer(output, () => {
    const { trace_file, trace_level } = snapshot.current;
    return trace_file === "" ? 0 : trace_level;
  });
  const host = Deno.hostname();
  const journals = new Journals({
    ...{ ops: KEEPER_FILES, trace: tracer, complain, host },
  });
  const open = () => {
    const services = openServices(place, snapshot.current, tracer, journals);
    journals.use(keptJournalPath(place, snapshot.current));
    return services;
  };
  let services = open();
  const isProper = await runKeeper({
    input: line.input,
    output,
    files: line.files,
    services: () => services,
    async reload() {
      try {
        await snapshot.refresh(true);
        services = open();
      } catch (error) {
        if (!(error instanceof SiteError)) throw error;
        complain(`${error.message}; the keeper goes on with what was read before`);
      }
    },
    complain,
  });
  await journals.close();
  line.close();
  return isProper ? 0 : 1;
}

export const KEEPER: Command = {
  name: "keeper",
  about: "what serve starts beside itself when it was started as root",
  operands: "",
  text: "Answers serve's questions on the line it offers. Not for people.",
  options: [
    ...SITE_OPTIONS,
    { name: "line", value: "PATH", about: "where serve listens for its keeper" },
  ],
  examples: ["qfront serve"],
  run: keep,
};
