/**
 * A site, opened: settings, trace, look-up, queue and logins of one qmail directory, put together in one place.
 *
 * What sessions work with is a snapshot (`Site.current`): a reload makes a new one for the sessions to come, and those
 * that run keep theirs. Neither sockets nor commands are known here.
 */
import { AuthConfigError, type AuthService, openAuthenticator } from "../auth/mod.ts";
import { Meter } from "../ctl/meter.ts";
import type { Resolver } from "../dns/types.ts";
import type { Keeper } from "../keeper/start.ts";
import type { Peer, Protocol } from "../net/types.ts";
import { createPop3Protocol } from "../pop3/protocol.ts";
import { createQmtpProtocol } from "../qmtp/protocol.ts";
import type { PolicyStateOptions } from "../policy/state_types.ts";
import type { DeskWitness } from "../policy/visit.ts";
import { openQueue, type QueueOptions } from "../queue/mod.ts";
import type { Queue } from "../queue/types.ts";
import type { Settings } from "../settings/mod.ts";
import { openSettings, type SettingsSnapshot } from "../settings/snapshot.ts";
import { createSmtpConfigReader } from "../smtp/config.ts";
import { createSmtpProtocol } from "../smtp/protocol.ts";
import type { KnownBefore } from "../smtp/xclient.ts";
import { NET_EVENTS } from "../trace/events.ts";
import type { Tracer } from "../trace/tracer.ts";
import { ControlError, type LookupService, type SiteLookup } from "../validate/types.ts";
import { createLookupService, SiteFault } from "../validate/lookup.ts";
import { type ParsedArgs, SiteError } from "./command.ts";
import { discarding } from "./discard_queue.ts";
import { createExternalLogin } from "./external_login.ts";
import { openKept, openKeptQueue } from "./kept.ts";
import { openMaildropCache, openMaildrops } from "./maildrops.ts";
import { meteredLookup, meteredQueue } from "./metered.ts";
import {
  lazyResolver,
  listPostings,
  type OpenDesk,
  openDesks,
  openSitePolicy,
  type SitePolicy,
} from "./policy_desk.ts";
import { openOwnMaildrop } from "./own_maildrop.ts";
import { complain } from "./say.ts";
import { openSiteContent } from "./site_content.ts";
import { findSite, type SitePlace } from "./site_place.ts";
import { SwitchTracer } from "./switch_tracer.ts";
import { makeTraceForOwner } from "./trace_owner.ts";

export { findSite, type SitePlace };

/** Everything that one generation of sessions works with. */
export interface Services {
  readonly settings: Settings;
  readonly lookup: SiteLookup;
  /** Who is asked about recipients: the keeper as well, where there is one. */
  readonly asked: LookupService;
  /** Where sessions are judged. */
  readonly desks: OpenDesk;
  readonly queue: Queue;
  readonly auth: AuthService;
  readonly smtp: Protocol;
  readonly qmtp: Protocol;
  readonly qmqp: Protocol;
  readonly pop3: Protocol;
}

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
  /** Waits for messages in hand, then writes the rest of the trace. */
  close(): Promise<void>;
}

export interface SiteOptions {
  /** A long-running service: control files are looked at a few times a second, not at every use. */
  readonly isService: boolean;
  /** Number of this worker; 0: the only one. */
  readonly worker?: number;
  /**
   * What a process that is root does with it: gives it away before it serves (`settle`), as every service does, or becomes
   * the owner of the one maildrop it opens. Absent: it stays what it is.
   */
  readonly asRoot?: "settle" | "become_owner" | undefined;
  /** Policy remembers beyond a session; absent: services do. */
  readonly remembers?: boolean | undefined;
  /** Sessions open now, for those who judge; absent: this one is alone. */
  readonly sessions?: PolicyStateOptions["sessions"];
  /** Isolates that share the work; absent: one. */
  readonly workers?: number | undefined;
  /** Takes the trace, in place of the file that the settings name. */
  readonly tracer?: Tracer | undefined;
  /** Accepted mail is thrown away: the dialogue is what counts. */
  readonly discardMail?: boolean;
  /** Nothing is served: attempts are judged, and nothing outside this process changes. */
  readonly trial?: SiteTrial | undefined;
}

/** What a trial has its own ways for. */
export interface SiteTrial {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly witness: DeskWitness;
  readonly knownOf: (peer: Peer) => KnownBefore | undefined;
  /** Policy remembers one attempt for the next; false: it answers by its files. */
  readonly remembers: boolean;
  /** How old, in milliseconds, what is known of files may be. */
  readonly keepMs: number;
  /** Asked in place of the DNS; absent: the DNS is asked, or the file that the settings name. */
  readonly resolver?: Resolver | undefined;
}

/** How old, in milliseconds, what a service knows of control files may be, and of all other files. */
const CONTROL_KEEP_MS = 250;
const FILE_KEEP_MS = 5;

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

/** The look-up of a place. @throws {SiteError} when it can't begin. */
export function openLookup(place: SitePlace, settings: Settings, options: SiteOptions): SiteLookup {
  return createLookupService({
    qmailDir: place.qmailDir,
    root: place.root,
    confBreak: settings.conf_break,
    confPatrn: Number.parseInt(settings.conf_patrn, 8),
    defaultDelivery: settings.default_delivery === "" ? null : settings.default_delivery,
    users: settings.users,
    recheckMs: controlKeepMs(options),
    keepMs: options.isService ? FILE_KEEP_MS : options.trial?.keepMs ?? 0,
  });
}

const controlKeepMs = ({ isService, trial }: SiteOptions): number =>
  isService ? CONTROL_KEEP_MS : trial?.keepMs ?? 0;

/** Who remembers for policy, and who only looks. */
function roleOf({ trial, worker = 0, isService, remembers = isService }: SiteOptions) {
  if (trial !== undefined) return trial.remembers ? "service" : "trial";
  return worker > 0 ? "worker" : remembers ? "service" : "session";
}

/** Opens the site that the command line names. @throws {UsageError} or {SiteError}: one sentence. */
export async function openSite(args: ParsedArgs, options: SiteOptions): Promise<Site> {
  const place = findSite(args);
  const snapshot = await readSettings(place, options.trial === undefined ? complain : complainOnce);
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
  const open = () =>
    openServices(place, snapshot.current, tracer, options, keeper, { policy, isSettled, meter });
  let current = open();
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
      tracer.emit(0, NET_EVENTS.reloaded, { file: place.traceCfg });
      return true;
    },
    settle(left) {
      tracer.use(snapshot.current);
      keeper = left;
      isSettled = true;
      current = open();
    },
    async close() {
      await Promise.all([...old, current.queue].map((queue) => queue.idle()));
      await policy.state.close();
      await keeper?.close();
      await tracer.close();
    },
  };
}

/** Forgets the queues of earlier generations that have nothing in hand any more. */
function retire(old: Queue[]): void {
  for (let i = old.length - 1; i >= 0; i--) if (old[i]?.inHand === 0) old.splice(i, 1);
}

/** May this client ask for TLS? Whoever drives its session knows. */
const offersTls = (peer: Peer): boolean => peer.offersTls === true;

/** Resolves after so many seconds: the wait before a failed login is answered. */
const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const nobodyWaits = (): Promise<void> => Promise.resolve();

/** What all generations of a site share. */
interface SiteParts {
  readonly policy: SitePolicy;
  readonly isSettled: boolean;
  readonly meter: Meter | null;
}

/** Does anybody ask a service for numbers? Decided at the start. */
const isMetered = (settings: Settings): boolean =>
  settings.control_socket !== "" || settings.metrics_listen !== "";

function openServices(
  place: SitePlace,
  wanted: Settings,
  tracer: SwitchTracer,
  options: SiteOptions,
  keeper: Keeper | null,
  { policy, isSettled, meter }: SiteParts,
): Services {
  // The owners of mail could not reach their own files below a closed root.
  const settings: Settings = place.closedAt === "" ? wanted : { ...wanted, deliver_as: "self" };
  try {
    const env = Deno.env.toObject();
    const lookup = openLookup(place, settings, options);
    const queueOptions: QueueOptions = {
      settings,
      qmailDir: place.path,
      env,
      site: lookup,
      controlLines: (name) => lookup.control.lines(name),
      trace: tracer,
      host: Deno.hostname(),
      worker: options.worker ?? 0,
    };
    const real = keeper === null ? openQueue(queueOptions) : openKeptQueue(keeper, queueOptions);
    const taking = options.discardMail === true ? discarding(real) : real;
    const queue = meter === null ? taking : meteredQueue(meter, taking);
    const own = openAuthenticator({ settings, qmailDir: place.path, tracer, env });
    const kept = keeper === null ? null : openKept(keeper, settings, lookup, own, tracer);
    const auth = kept?.auth ?? own;
    const asked = kept?.lookup ?? lookup;
    const metered = meter === null ? asked : meteredLookup(meter, asked);
    const { trial } = options;
    const clock = trial?.clock ?? Date.now;
    const keepMs = controlKeepMs(options);
    const { root } = place;
    const resolver = trial?.resolver ?? lazyResolver(settings, tracer);
    const desks = openDesks({
      ...{ policy, settings, lookup, tracer, resolver, root, keepMs, isSettled },
      ...{ clock, witness: trial?.witness },
    });
    const { control } = lookup;
    const { counts } = policy;
    const { qmailDir, path } = place;
    const around = { root, env, tracer, counts, resolver };
    const contents = openSiteContent({ settings, control, qmailDir, path, ...around });
    const isListPosting = listPostings(lookup);
    const externalLogin = createExternalLogin(settings, lookup.control, complain);
    const smtp = createSmtpProtocol({
      lookup: metered,
      queue,
      tracer,
      clock,
      auth,
      pause: trial === undefined ? pause : nobodyWaits,
      tls: offersTls,
      knownOf: trial?.knownOf,
      externalLogin,
      deliverability: queue.canDeliver?.bind(queue),
      configs: createSmtpConfigReader(lookup.control),
      policies: desks,
      contents,
      isListPosting,
      settings: () => settings,
    });
    const direct = {
      lookup: metered,
      queue,
      tracer,
      clock,
      control: lookup.control,
      settings,
      policies: desks,
      contents,
      isListPosting,
    };
    const openMaildrop = kept?.openMaildrop ??
      (options.asRoot === "become_owner" && Deno.uid() === 0 && place.closedAt === ""
        ? openOwnMaildrop(place.root, lookup, openMaildropCache(settings, tracer))
        : openMaildrops(place, settings, lookup, tracer));
    const qmtp = createQmtpProtocol("qmtp", direct);
    const qmqp = createQmtpProtocol("qmqp", direct);
    const pop3 = createPop3Protocol({
      auth,
      secrets: auth.secrets,
      checkResponse: auth.checkResponse,
      pause,
      tls: offersTls,
      // The keeper opens no maildrop for a login that it did not check itself.
      externalLogin: kept === null ? externalLogin : () => null,
      tracer,
      clock,
      openMaildrop,
      control: lookup.control,
      settings,
    });
    return { settings, lookup, asked: metered, desks, queue, auth, smtp, qmtp, qmqp, pop3 };
  } catch (error) {
    if (
      error instanceof ControlError || error instanceof AuthConfigError ||
      error instanceof SiteFault
    ) {
      throw new SiteError(error.message);
    }
    throw error;
  }
}
