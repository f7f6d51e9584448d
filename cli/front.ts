/**
 * The front of one isolate: its listeners, with the site's newest generation behind them. `serve` has one, or one in
 * each worker.
 */
import {
  type ListenAddress,
  ListenError,
  parseListenAddress,
  showAddress,
} from "../net/address.ts";
import { SessionLimits } from "../net/limits.ts";
import { Listener } from "../net/listener.ts";
import { TimerWheel } from "../net/timers.ts";
import type { Peer, Protocol } from "../net/types.ts";
import type { Settings } from "../settings/mod.ts";
import { type ParsedArgs, SiteError, UsageError } from "./command.ts";
import { siteRules } from "./rules.ts";
import type { Site } from "./site.ts";
import { openSiteTls, type SiteTls } from "./tls.ts";

/** How often trace.cfg is looked at, in milliseconds. */
const REFRESH_MS = 1000;

/** What a listener is: whose protocol, what clients come for, whether it begins with TLS or can go over to it. */
interface ServiceKind {
  readonly protocol: "smtp" | "qmtp" | "qmqp" | "pop3";
  readonly service?: Peer["service"];
  readonly tls: "never" | "offered" | "implicit";
}

const SERVICES = {
  smtp: { protocol: "smtp", tls: "offered" },
  submission: { protocol: "smtp", service: "submission", tls: "offered" },
  smtps: { protocol: "smtp", service: "submission", tls: "implicit" },
  qmtp: { protocol: "qmtp", tls: "never" },
  qmqp: { protocol: "qmqp", tls: "never" },
  pop3: { protocol: "pop3", tls: "offered" },
  pop3s: { protocol: "pop3", tls: "implicit" },
} as const satisfies Readonly<Record<string, ServiceKind>>;

export type ServiceName = keyof typeof SERVICES;
const SERVICE_NAMES = Object.keys(SERVICES) as ServiceName[];

const kindOf = (name: ServiceName): ServiceKind => SERVICES[name];

/** One listener to be: which service, where. */
export interface Place {
  readonly service: ServiceName;
  readonly address: ListenAddress;
}

/** Listeners at work. */
export interface Front {
  /** "smtp listening on 127.0.0.1:25", one a listener. */
  readonly lines: readonly string[];
  /** HOST:PORT of each listener, in the order of the places. */
  readonly addresses: readonly string[];
  /** Begins to accept. */
  start(): void;
  /** Reads settings again when they changed, or everything with `force`. */
  refresh(force: boolean): Promise<void>;
  /** Stops gracefully; resolves with the number of sessions that were ended by force. */
  stop(seconds: number): Promise<number>;
}

/** Where to listen, by the command line, else by the settings. @throws {UsageError} on a word that is no address. */
export function listenPlaces(args: ParsedArgs, settings: Settings): Place[] {
  return SERVICE_NAMES.flatMap((service) => {
    const given = args.values(service);
    const words = given.length > 0 ? given : settings[`${service}_listen`];
    return words.filter((word) => word !== "off").map((word) => placeOf(service, word));
  });
}

/** @throws {UsageError} */
export function placeOf(service: ServiceName, word: string): Place {
  try {
    return { service, address: parseListenAddress(word) };
  } catch (error) {
    if (error instanceof ListenError) throw new UsageError(error.message);
    throw error;
  }
}

/** A protocol that always is the newest generation's. */
function newest(site: Site, name: ServiceName): Protocol {
  const { protocol } = kindOf(name);
  return {
    name,
    open: (peer, output) => site.current[protocol].open(peer, output),
    refuse: (reason) => site.current[protocol].refuse(reason),
  };
}

/** Opens every listener, all or none. @throws {SiteError} when one can't be had. */
function bindAll(
  site: Site,
  places: readonly Place[],
  limits: SessionLimits,
  wheel: TimerWheel,
  tls: SiteTls,
  reusePort: boolean,
): Listener[] {
  const env = Deno.env.toObject();
  const rules = siteRules(site, env);
  const listeners: Listener[] = [];
  try {
    for (const { service: name, address } of places) {
      const kind = kindOf(name);
      listeners.push(
        new Listener({
          address,
          limits,
          wheel,
          reusePort,
          protocol: newest(site, name),
          service: kind.service,
          implicitTls: kind.tls === "implicit",
          get upgrade() {
            return kind.tls === "never" ? undefined : tls.upgrade;
          },
          trace: site.tracer,
          writeStallSeconds: site.current.settings.write_stall_seconds,
          rules: kind.protocol === "pop3" ? () => env : rules,
          tooBusy: () => site.inHand >= site.current.settings.max_deliveries,
        }),
      );
    }
  } catch (error) {
    for (const listener of listeners) void listener.stop(0);
    if (error instanceof ListenError) throw new SiteError(error.message);
    throw error;
  }
  return listeners;
}

/** Binds the listeners of `places`. @throws {SiteError} when one can't be had, or its certificate. */
export async function openFront(
  site: Site,
  places: readonly Place[],
  limits: SessionLimits,
  reusePort: boolean,
): Promise<Front> {
  const wheel = new TimerWheel();
  const needing = places.find(({ service }) => kindOf(service).tls === "implicit")?.service ?? null;
  const tls = await openSiteTls(site, wheel, needing);
  const listeners = bindAll(site, places, limits, wheel, tls, reusePort);
  const refresh = async (force: boolean) => {
    try {
      if (!await site.refresh(force)) return;
      limits.maxSessions = site.current.settings.max_sessions;
      limits.maxPerAddress = site.current.settings.max_sessions_per_address;
    } catch (error) {
      if (!(error instanceof SiteError)) throw error;
      console.error(`qfront: ${error.message}; what was read before stays in force`);
    } finally {
      tls.refresh(force);
    }
  };
  const timer = setInterval(() => void refresh(false), REFRESH_MS);
  const addresses = listeners.map((listener) => showAddress(listener.address));
  return {
    lines: places.map((place, i) => `${place.service} listening on ${addresses[i]}`),
    addresses,
    start: () => listeners.forEach((listener) => listener.start()),
    refresh,
    async stop(seconds) {
      clearInterval(timer);
      const forced = await Promise.all(listeners.map((listener) => listener.stop(seconds)));
      tls.close();
      wheel.close();
      return forced.reduce((sum, n) => sum + n, 0);
    },
  };
}
