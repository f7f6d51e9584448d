/**
 * A site, opened: the settings, the trace, what policy remembers, and the services of one qmail directory.
 *
 * What sessions work with is a snapshot (`Site.current`): a reload makes a new one for the sessions to come, and those
 * that run keep theirs. Neither sockets nor commands are known here.
 */
import { Meter } from "../ctl/meter.ts";
import type { Keeper } from "../keeper/start.ts";
import type { Journals } from "../queue/journals.ts";
import type { Queue } from "../queue/types.ts";
import type { Settings } from "../settings/mod.ts";
import { openSettings, type SettingsSnapshot } from "../settings/snapshot.ts";
import { NET_EVENTS } from "../trace/events.ts";
import type { ParsedArgs } from "./command.ts";
import { ownJournalPath } from "./journal.ts";
import { openSitePolicy, type SitePolicy } from "./policy_desk.ts";
import { loadRooms, type Rooms } from "./rooms.ts";
import { complain } from "./say.ts";
import { openServices, type Services } from "./services.ts";
import type { SiteOptions } from "./site_options.ts";
import { findSite, type SitePlace } from "./site_place.ts";
import { SwitchTracer } from "./switch_tracer.ts";
import { makeTraceForOwner } from "./trace_owner.ts";

export { openLookup } from "./services.ts";
export type { SiteOptions, SiteTrial } from "./site_options.ts";
export { findSite, type SitePlace };

export interface Site {
  readonly place: SitePlace;
  readonly tracer: SwitchTracer;
  readonly current: Services;
  /** What policy remembers and counts, whatever the generation. */
  readonly policy: SitePolicy;
  /** Counts what a service does; null: nobody asks, or it is none. */
  readonly meter: Meter | null;
  /** Messages in hand, those of earlier generations included. */
  readonly inHand: number;
  /** Reads the settings again when they changed, or everything with `force`. True: there is a new generation. */
  refresh(force?: boolean): Promise<boolean>;
  /** Root was given away: opens the trace, and all else anew with what this process may do now and the keeper does. */
  settle(keeper: Keeper | null): void;
  /** Is about to serve: first what killed services have left in the delivery journal is looked after. */
  begin(): void;
  /** Waits for messages in hand, then writes the rest of the trace. */
  close(): Promise<void>;
}

/** What trials have complained of: explain opens a site once for each user it asks as. */
const saidOnTrial = new Set<string>();

function complainOnce(sentence: string): void {
  if (saidOnTrial.has(sentence)) return;
  saidOnTrial.add(sentence);
  complain(sentence);
}

/** Reads the settings of a place. */
export async function readSettings(
  place: SitePlace,
  onProblem: (sentence: string) => void = complain,
): Promise<SettingsSnapshot> {
  return await openSettings({
    path: place.traceCfg,
    name: place.traceCfg,
    overrides: place.overrides,
    onProblem,
  });
}

/** Who remembers for policy, and who only looks. */
function roleOf({ trial, worker = 0, isService, remembers = isService }: SiteOptions) {
  if (trial !== undefined) return trial.remembers ? "service" : "trial";
  return worker > 0 ? "worker" : remembers ? "service" : "session";
}

/** Opens the site that the command line names. @throws {UsageError} or {SiteError}: one sentence. */
export async function openSite(args: ParsedArgs, options: SiteOptions): Promise<Site> {
  const place = findSite(args);
  const snapshot = await readSettings(place, options.trial === undefined ? complain : complainOnce);
  const rooms = await loadRooms(place, options, snapshot.current);
  const tracer = new SwitchTracer(place, complain, options.tracer);
  // Who gives root away does that first: the trace file is to be the new user's.
  const settles = options.isService || options.asRoot === "settle";
  let isSettled = !settles || Deno.uid() !== 0;
  if (!settles && Deno.uid() === 0 && options.tracer === undefined) {
    makeTraceForOwner(place, snapshot.current);
  }
  if (isSettled) tracer.use(snapshot.current);
  const old: Queue[] = [];
  let keeper: Keeper | null = null;
  const { sessions, workers, trial } = options;
  const policy = openSitePolicy({
    tracer,
    complain,
    root: place.root,
    home: place.path,
    role: roleOf(options),
    clock: trial?.clock ?? Date.now,
    ...(workers === undefined ? {} : { workers }),
    ...(sessions === undefined ? {} : { sessions }),
  });
  const meter = options.isService && isMetered(snapshot.current) ? new Meter() : null;
  const journals = openJournals(rooms, tracer);
  const journal = () => journals?.current ?? null;
  const open = () => {
    const parts = { policy, isSettled, meter, rooms, journal };
    return openServices(place, snapshot.current, tracer, options, keeper, parts);
  };
  let current = open();
  let serves = false;
  const useJournal = () => {
    if (serves) journals?.use(ownJournalPath(place, current.settings, keeper !== null));
  };
  return {
    place,
    tracer,
    policy,
    meter,
    get current() {
      return current;
    },
    get inHand() {
      return current.queue.inHand + old.reduce((sum, queue) => sum + queue.inHand, 0);
    },
    async refresh(force = false) {
      if (!isSettled || (!await snapshot.refresh(force) && !force)) return false;
      tracer.use(snapshot.current);
      await keeper?.reload();
      const fresh = open();
      old.push(current.queue);
      retire(old);
      current = fresh;
      useJournal();
      tracer.emit(0, NET_EVENTS.reloaded, { file: place.traceCfg });
      return true;
    },
    settle(left) {
      tracer.use(snapshot.current);
      keeper = left;
      isSettled = true;
      current = open();
    },
    begin() {
      serves = true;
      useJournal();
    },
    async close() {
      await Promise.all([...old, current.queue].map((queue) => queue.idle()));
      await journals?.close();
      await policy.state.close();
      await keeper?.close();
      await tracer.close();
    },
  };
}

/** The delivery journals of a service; null: this is none. */
function openJournals({ journals }: Rooms, trace: SwitchTracer): Journals | null {
  if (journals === null) return null;
  const host = Deno.hostname();
  return new journals.Journals({ trace, complain, host });
}

/** Forgets the queues of earlier generations that have nothing in hand any more. */
function retire(old: Queue[]): void {
  for (let i = old.length - 1; i >= 0; i--) if (old[i]?.inHand === 0) old.splice(i, 1);
}

/** Does anybody ask a service for numbers? Decided at the start. */
const isMetered = (settings: Settings): boolean =>
  settings.control_socket !== "" || settings.metrics_listen !== "";
