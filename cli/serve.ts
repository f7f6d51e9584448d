/**
 * `qfront serve`: SMTP and POP3 for many clients in one process.
 *
 * Prints one line per listener when it is ready. SIGTERM and SIGINT finish the messages in hand and stop; SIGHUP reads
 * everything again; trace.cfg is read again by itself when it changes. With more than one worker this isolate only
 * supervises them.
 */
import type { AskAll } from "../ctl/crew.ts";
import { answerIsolate } from "../ctl/isolate.ts";
import { makeSharedLimits, SessionLimits } from "../net/limits.ts";
import type { Identity } from "../net/privileges.ts";
import { Supervisor, workerCount } from "../net/workers.ts";
import {
  type Command,
  type ParsedArgs,
  reasonOf,
  SiteError,
  StreamError,
  UsageError,
} from "./command.ts";
import { type Attendants, openAttendants, openEarly } from "./attendants.ts";
import { aloneCrew, isolateParts, leadCrew } from "./crew_line.ts";
import { openFront } from "./front.ts";
import { readSmtpConfig } from "../smtp/config.ts";
import { ControlError } from "../validate/types.ts";
import { listenPlaces, type Place } from "./places.ts";
import {
  chooseIdentity,
  giveRootAway,
  isRoot,
  openKeeper,
  requireLoopback,
  settle,
} from "./root.ts";
import { complain, faultText, print, speakAsService } from "./say.ts";
import { parseServe, SERVE_OPTIONS, withControl } from "./serve_options.ts";
import { openDesk } from "./service_desk.ts";
import { openSite, type Site } from "./site.ts";
import type { WorkerConfig } from "./worker.ts";

/** How often the supervising isolate looks at trace.cfg, in milliseconds. */
const REFRESH_MS = 1000;

/** What a program that starts serve as a part of itself gives. */
export interface ServeHooks {
  /** Called when all listeners are ready. */
  readonly ready?: () => void;
  /** The module that workers run: main.ts, which a program that is not main.ts has to name. */
  readonly entryUrl?: string;
}

/** Something that serves, here or in workers. */
interface Serving {
  readonly lines: readonly string[];
  reload(): void;
  stop(seconds: number): Promise<number>;
  /** Resolves when it can't go on. */
  readonly lost: Promise<void>;
}

/** An error that nobody caught ends a session, not the service: it is said, and the others go on. */
function catchStrays(): void {
  const say = (what: unknown) => complain(`Internal error: ${faultText(what)}`);
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    say(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    say(event.error);
  });
}

/** Resolves on SIGTERM or SIGINT; SIGHUP calls `reload`. */
function untilStopped(reload: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", reload);
  return promise.finally(() => {
    Deno.removeSignalListener("SIGTERM", stop);
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGHUP", reload);
  });
}

/** Number of workers. @throws {UsageError} when the setting is no number. */
function countWorkers(site: Site): number {
  try {
    return workerCount(site.current.settings.workers);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`Setting workers: ${error.message}`);
    throw error;
  }
}

/** A site whose control files can't be read would answer every client with 421. @throws {SiteError} */
function requireUsable(site: Site, places: readonly Place[]): void {
  if (places.length === 0) throw new UsageError("Every listener is off: there is nothing to serve");
  if (places.every((place) => place.service === "pop3" || place.service === "pop3s")) return;
  try {
    const { settings, lookup } = site.current;
    readSmtpConfig(settings, lookup.control, Deno.env.toObject());
  } catch (error) {
    if (error instanceof ControlError) throw new SiteError(error.message);
    throw error;
  }
}

/** Who serves: somebody to become, or null for who we are. @throws {SiteError} */
function whoServes(site: Site, places: readonly Place[]): Identity | null {
  if (!isRoot()) return null;
  const identity = chooseIdentity(site.place, site.current.settings);
  if (identity === null) requireLoopback(site.place, places.map((place) => place.address));
  return identity;
}

/** Serves in this isolate. @throws {SiteError} when a listener can't be had, or root not be given away. */
async function serveHere(
  args: ParsedArgs,
  site: Site,
  limits: SessionLimits,
): Promise<Serving> {
  const lost = Promise.withResolvers<void>();
  const places = listenPlaces(args, site.current.settings);
  const identity = whoServes(site, places);
  let attendants: Attendants | null = null;
  const front = await openFront(site, places, limits, false, () => attendants?.refresh());
  const early = await openEarly(site, identity);
  if (identity !== null) {
    const keeper = await openKeeper(site);
    giveRootAway(site, identity);
    settle(site, keeper, identity, lost.resolve);
  } else if (isRoot()) site.settle(null);
  const reload = () => void front.refresh(true);
  const parts = isolateParts(site, front, 0);
  const ask: AskAll = (question) => Promise.resolve([answerIsolate(parts, question)]);
  const desk = openDesk({ site, limits, workers: 1, ask, watchers: aloneCrew(site), reload });
  attendants = await openAttendants(site, desk, early);
  front.start();
  return {
    lines: [...front.lines, ...attendants.lines],
    reload,
    async stop(seconds) {
      await attendants?.close();
      return await front.stop(seconds);
    },
    lost: lost.promise,
  };
}

/** Serves in workers. @throws {SiteError} when the first can't begin. */
async function serveInWorkers(
  args: ParsedArgs,
  argv: readonly string[],
  site: Site,
  limits: SessionLimits,
  shared: SharedArrayBuffer,
  count: number,
  entryUrl: string,
): Promise<Serving> {
  const places = listenPlaces(args, site.current.settings);
  const identity = whoServes(site, places);
  const lost = new SharedArrayBuffer(4);
  let config: WorkerConfig = { argv, count, lost, identity: null };
  const lead = leadCrew(site, {
    tell: (worker, message) => supervisor.tell(worker, message),
    tellAll: (message, but) => supervisor.tellAll(message, but),
  });
  const supervisor: Supervisor<WorkerConfig> = new Supervisor({
    entryUrl,
    count,
    shared,
    config,
    limits,
    trace: site.tracer,
    heard: lead.heard,
  });
  try {
    await supervisor.start();
  } catch (error) {
    throw new SiteError(reasonOf(error));
  }
  const early = await openEarly(site, identity);
  if (identity !== null) {
    giveRootAway(site, identity);
    site.settle(null);
    config = { ...config, identity };
    supervisor.reload(config);
  } else if (isRoot()) site.settle(null);
  const reload = () => {
    void refresh(true);
    supervisor.reload(config);
  };
  const { crew, watchers } = lead;
  const desk = openDesk({ site, limits, workers: count, ask: crew.ask, watchers, reload });
  const attendants = await openAttendants(site, desk, early);
  const refresh = async (force: boolean) => {
    try {
      if (await site.refresh(force)) attendants.refresh();
    } catch (error) {
      // Each worker says so itself.
      if (!(error instanceof SiteError)) throw error;
    }
  };
  const timer = setInterval(() => void refresh(false), REFRESH_MS);
  return {
    lines: [
      ...places.map((p, i) => `${p.service} listening on ${supervisor.addresses[i]}`),
      ...attendants.lines,
    ],
    reload,
    async stop(seconds) {
      clearInterval(timer);
      await attendants.close();
      return await supervisor.stop(seconds);
    },
    lost: whenSet(lost),
  };
}

/** Resolves when a worker has set the flag. */
async function whenSet(flag: SharedArrayBuffer): Promise<void> {
  await Atomics.waitAsync(new Int32Array(flag), 0, 0).value;
}

/** Says who listens where; a service whose standard output fails serves all the same. */
function announce(lines: readonly string[]): void {
  try {
    lines.forEach(print);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    if (error.message !== "") complain(error.message);
  }
}

async function serve(
  args: ParsedArgs,
  argv: readonly string[],
  hooks: ServeHooks,
): Promise<number> {
  if (args.operands.length > 0) throw new UsageError(`serve takes no "${args.operands[0]}"`);
  const endSpeech = await speakAsService();
  try {
    return await serveUntilStopped(args, argv, hooks);
  } finally {
    await endSpeech();
  }
}

async function serveUntilStopped(
  args: ParsedArgs,
  argv: readonly string[],
  hooks: ServeHooks,
): Promise<number> {
  catchStrays();
  const site = await openSite(args, { isService: true });
  const { settings } = site.current;
  const count = countWorkers(site);
  const shared = makeSharedLimits(settings.max_sessions, count);
  const limits = new SessionLimits(
    shared,
    0,
    settings.max_sessions,
    settings.max_sessions_per_address,
  );
  requireUsable(site, listenPlaces(args, settings));
  const serving = count === 1 ? await serveHere(args, site, limits) : await serveInWorkers(
    args,
    argv,
    site,
    limits,
    shared,
    count,
    hooks.entryUrl ?? Deno.mainModule,
  );
  const stopped = untilStopped(() => serving.reload());
  announce(serving.lines);
  hooks.ready?.();
  const code = await Promise.race([stopped.then(() => 0), serving.lost.then(() => 1)]);
  await serving.stop(site.current.settings.shutdown_seconds);
  await site.close();
  return code;
}

/** Runs serve with its command line; for programs that start it as a part of themselves. */
export function runServe(argv: readonly string[], hooks: ServeHooks = {}): Promise<number> {
  return serve(parseServe(argv), argv, hooks);
}

export const SERVE: Command = {
  ...SERVE_OPTIONS,
  run: (args) => serve(withControl(args), Deno.args.slice(1), {}),
};
