/**
 * What one generation of sessions works with, put together from the settings of a site: look-up, queue, logins, policy, and
 * the protocols on top of them.
 */
import type { AuthService } from "../auth/mod.ts";
import type { Meter } from "../ctl/meter.ts";
import type { Keeper } from "../keeper/start.ts";
import type { Peer, Protocol } from "../net/types.ts";
import type { QueueOptions } from "../queue/choice.ts";
import type { Journal } from "../queue/journal.ts";
import type { Queue } from "../queue/types.ts";
import type { Settings } from "../settings/mod.ts";
import { createSmtpConfigReader } from "../smtp/config.ts";
import { createSmtpProtocol } from "../smtp/protocol.ts";
import { ControlError, type LookupService, type SiteLookup } from "../validate/types.ts";
import { createLookupService, SiteFault } from "../validate/lookup.ts";
import { SiteError } from "./command.ts";
import { discarding } from "./discard_queue.ts";
import { createExternalLogin } from "./external_login.ts";
import { meteredLookup, meteredQueue } from "./metered.ts";
import {
  lazyResolver,
  listPostings,
  type OpenDesk,
  openDesks,
  type SitePolicy,
} from "./policy_desk.ts";
import type { Rooms } from "./rooms.ts";
import { complain } from "./say.ts";
import type { SiteOptions } from "./site_options.ts";
import type { SitePlace } from "./site_place.ts";
import type { SwitchTracer } from "./switch_tracer.ts";

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

/** How old, in milliseconds, what those who serve know of control files may be, and of all other files. */
const CONTROL_KEEP_MS = 250;
const FILE_KEEP_MS = 5;

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
    keepMs: fileKeepMs(options),
  });
}

const fileKeepMs = (options: SiteOptions): number =>
  servesMail(options) ? FILE_KEEP_MS : options.trial?.keepMs ?? 0;

const controlKeepMs = (options: SiteOptions): number =>
  servesMail(options) ? CONTROL_KEEP_MS : options.trial?.keepMs ?? 0;

/** One session on standard input sees files as a session of a service does: not anew for each command. */
const servesMail = ({ isService, serves }: SiteOptions): boolean =>
  isService || serves !== undefined;

/** May this client ask for TLS? Whoever drives its session knows. */
const offersTls = (peer: Peer): boolean => peer.offersTls === true;

/** Resolves after so many seconds: the wait before a failed login is answered. */
const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const nobodyWaits = (): Promise<void> => Promise.resolve();

/** What all generations of a site share. */
export interface SiteParts {
  readonly policy: SitePolicy;
  readonly isSettled: boolean;
  readonly meter: Meter | null;
  readonly rooms: Rooms;
  /** The delivery journal of the moment; null: there is none. */
  readonly journal: () => Journal | null;
}

/** Whoever has a keeper has loaded everything. */
function loaded<T>(room: T | null): T {
  if (room === null) throw new Error("A part that is needed was not loaded");
  return room;
}

/** A protocol that this process was not started for. */
function unserved(name: string): Protocol {
  const fail = (): never => {
    throw new Error(`Protocol "${name}" was not loaded`);
  };
  return { name, open: fail, refuse: fail };
}

/** Of a session that asks for no password: see rooms.ts. */
const NOBODY_LOGS_IN: AuthService = {
  source: "poppasswd",
  secrets: null,
  checkPassword() {
    throw new Error("The logins were not loaded");
  },
};

/** Where accepted mail goes. */
function openMailQueue(
  place: SitePlace,
  settings: Settings,
  tracer: SwitchTracer,
  options: SiteOptions,
  keeper: Keeper | null,
  env: Record<string, string>,
  lookup: SiteLookup,
  { meter, rooms, journal }: SiteParts,
): Queue {
  const queueOptions: QueueOptions = {
    settings,
    qmailDir: place.path,
    env,
    site: lookup,
    controlLines: (name) => lookup.control.lines(name),
    trace: tracer,
    host: Deno.hostname(),
    worker: options.worker ?? 0,
    journal,
  };
  const real = keeper === null
    ? rooms.openQueue(queueOptions)
    : loaded(rooms.kept).openKeptQueue(keeper, queueOptions);
  const taking = options.discardMail === true ? discarding(real) : real;
  return meter === null ? taking : meteredQueue(meter, taking);
}

/** A generation of services. @throws {SiteError} when the settings or the site can't be used. */
export function openServices(
  place: SitePlace,
  wanted: Settings,
  tracer: SwitchTracer,
  options: SiteOptions,
  keeper: Keeper | null,
  parts: SiteParts,
): Services {
  const { policy, isSettled, meter, rooms } = parts;
  // The owners of mail could not reach their own files below a closed root.
  const settings: Settings = place.closedAt === "" ? wanted : { ...wanted, deliver_as: "self" };
  try {
    const env = Deno.env.toObject();
    const lookup = openLookup(place, settings, options);
    const queue = openMailQueue(place, settings, tracer, options, keeper, env, lookup, parts);
    const logins = { settings, qmailDir: place.path, tracer, env, keepMs: fileKeepMs(options) };
    const own = rooms.auth?.openAuthenticator(logins) ?? NOBODY_LOGS_IN;
    const kept = keeper === null
      ? null
      : loaded(rooms.kept).openKept(keeper, settings, lookup, own, tracer);
    const auth = kept?.auth ?? own;
    const asked = kept?.lookup ?? lookup;
    const metered = meter === null ? asked : meteredLookup(meter, asked);
    const { trial } = options;
    const clock = trial?.clock ?? Date.now;
    const keepMs = controlKeepMs(options);
    const { root } = place;
    const resolver = trial?.resolver ?? lazyResolver(settings, tracer, rooms.dns);
    const desks = openDesks({
      ...{ policy, settings, lookup, tracer, resolver, root, keepMs, isSettled },
      ...{ clock, witness: trial?.witness },
    });
    const { control } = lookup;
    const { counts } = policy;
    const { qmailDir, path } = place;
    const around = { root, env, tracer, counts, resolver };
    const contents = rooms.content?.openSiteContent({
      settings,
      control,
      qmailDir,
      path,
      ...around,
    });
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
      keepMs: options.isService ? FILE_KEEP_MS : 0,
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
    const qmtp = rooms.qmtp?.createQmtpProtocol("qmtp", direct) ?? unserved("qmtp");
    const qmqp = rooms.qmtp?.createQmtpProtocol("qmqp", direct) ?? unserved("qmqp");
    const popped = {
      auth,
      secrets: auth.secrets,
      checkResponse: auth.checkResponse,
      pause,
      tls: offersTls,
      // The keeper opens no maildrop for a login that it did not check itself.
      externalLogin: kept === null ? externalLogin : () => null,
      tracer,
      clock,
      control: lookup.control,
      settings,
    };
    const drops = { place, settings, lookup, tracer, options };
    const pop3 = rooms.pop3?.openPop3(popped, kept?.openMaildrop, drops) ?? unserved("pop3");
    return { settings, lookup, asked: metered, desks, queue, auth, smtp, qmtp, qmqp, pop3 };
  } catch (error) {
    const isAuthFault = rooms.auth !== null && error instanceof rooms.auth.AuthConfigError;
    if (isAuthFault || error instanceof ControlError || error instanceof SiteFault) {
      throw new SiteError(error.message);
    }
    throw error;
  }
}
