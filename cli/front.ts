/**
 * The front of one isolate: its listeners, with the site's newest generation behind them. `serve` has one, or one in
 * each worker.
 */
import { ListenError, showAddress, type Sockets } from "../net/address.ts";
import type { NamedListener } from "../ctl/isolate.ts";
import { SessionLimits } from "../net/limits.ts";
import { Listener } from "../net/listener.ts";
import { TimerWheel } from "../net/timers.ts";
import type { Protocol } from "../net/types.ts";
import { SiteError } from "./command.ts";
import { kindOf, type Place, type ServiceName } from "./places.ts";
import { limitBySettings, proxiesOf } from "./neighbours.ts";
import { siteRules } from "./rules.ts";
import { complain } from "./say.ts";
import type { Site } from "./site.ts";
import { openSiteTls, type SiteTls } from "./tls.ts";

/** How often trace.cfg is looked at, in milliseconds. */
const REFRESH_MS = 1000;

/** Listeners at work. */
export interface Front {
  /** "smtp listening on 127.0.0.1:25", one a listener. */
  readonly lines: readonly string[];
  /** HOST:PORT of each listener, in the order of the places. */
  readonly addresses: readonly string[];
  /** For whoever asks about sessions. */
  readonly listeners: readonly NamedListener[];
  /** Begins to accept. */
  start(): void;
  /** Reads settings again when they changed, or everything with `force`. */
  refresh(force: boolean): Promise<void>;
  /** Stops gracefully; resolves with the number of sessions that were ended by force. */
  stop(seconds: number): Promise<number>;
}

/** A protocol that always is the newest generation's. */
function newest(site: Site, name: ServiceName): Protocol {
  const { protocol } = kindOf(name);
  const { meter } = site;
  return {
    name,
    open: meter === null
      ? (peer, output) => site.current[protocol].open(peer, output)
      : (peer, output) => {
        meter.session(name);
        return site.current[protocol].open(peer, meter.output(output, protocol));
      },
    refuse: (reason) => site.current[protocol].refuse(reason),
  };
}

/** TLS by OpenSSL (client certificates) stays with the runtime's sockets, with which it was proven. */
function socketsOf(site: Site, { tls }: Place): Sockets {
  const { client_cert, sockets } = site.current.settings;
  return (tls.client_cert ?? client_cert) === "none" ? sockets : "runtime";
}

/** Opens every listener, all or none. @throws {SiteError} when one can't be had. */
function bindAll(
  site: Site,
  places: readonly Place[],
  limits: SessionLimits,
  wheel: TimerWheel,
  tls: (place: Place) => SiteTls | undefined,
  reusePort: boolean,
): Listener[] {
  const env = Deno.env.toObject();
  const rules = siteRules(site, env);
  const listeners: Listener[] = [];
  try {
    for (const place of places) {
      const { service: name, address } = place;
      const kind = kindOf(name);
      listeners.push(
        new Listener({
          address,
          limits,
          wheel,
          reusePort,
          sockets: socketsOf(site, place),
          protocol: newest(site, name),
          service: kind.service,
          implicitTls: kind.tls === "implicit",
          get upgrade() {
            return tls(place)?.upgrade;
          },
          trace: site.tracer,
          get writeStallSeconds() {
            return site.current.settings.write_stall_seconds;
          },
          get proxies() {
            return proxiesOf(site);
          },
          rules: kind.protocol === "pop3" ? () => env : rules,
          get tellsAsTcpserver() {
            return site.current.settings.trace_tcpserver;
          },
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

/** What tells listeners with client certificates of their own from others. */
const tlsKey = ({ tls }: Place): string => JSON.stringify([tls.client_cert, tls.client_ca]);

/** Opens TLS once for all listeners that go by the same settings. @throws {SiteError} */
async function openAllTls(
  site: Site,
  places: readonly Place[],
  wheel: TimerWheel,
): Promise<Map<string, SiteTls>> {
  const opened = new Map<string, SiteTls>();
  try {
    for (const place of places) {
      const key = tlsKey(place);
      if (kindOf(place.service).tls === "never" || opened.has(key)) continue;
      const alike = places.filter((other) => tlsKey(other) === key);
      const needing = alike.find(({ service }) => kindOf(service).tls === "implicit");
      opened.set(key, await openSiteTls(site, wheel, needing?.service ?? null, place.tls));
    }
  } catch (error) {
    for (const tls of opened.values()) tls.close();
    throw error;
  }
  return opened;
}

/** Binds the listeners of `places`; `refreshed` is called when the settings are others. @throws {SiteError} when one can't be had, or its certificate. */
export async function openFront(
  site: Site,
  places: readonly Place[],
  limits: SessionLimits,
  reusePort: boolean,
  refreshed: () => void = () => {},
): Promise<Front> {
  const wheel = new TimerWheel();
  limitBySettings(limits, site);
  const tls = await openAllTls(site, places, wheel);
  const tlsOf = (place: Place) => tls.get(tlsKey(place));
  const listeners = bindAll(site, places, limits, wheel, tlsOf, reusePort);
  const refresh = async (force: boolean) => {
    try {
      if (!await site.refresh(force)) return;
      limitBySettings(limits, site);
      refreshed();
    } catch (error) {
      if (!(error instanceof SiteError)) throw error;
      complain(`${error.message}; what was read before stays in force`);
    } finally {
      for (const one of tls.values()) one.refresh(force);
    }
  };
  const timer = setInterval(() => void refresh(false), REFRESH_MS);
  const addresses = listeners.map((listener) => showAddress(listener.address));
  return {
    lines: places.map((place, i) => `${place.service} listening on ${addresses[i]}`),
    addresses,
    listeners: listeners.map((listener, i) => ({ service: places[i]?.service ?? "", listener })),
    start() {
      site.begin();
      listeners.forEach((listener) => listener.start());
    },
    refresh,
    async stop(seconds) {
      clearInterval(timer);
      const forced = await Promise.all(listeners.map((listener) => listener.stop(seconds)));
      for (const one of tls.values()) one.close();
      wheel.close();
      return forced.reduce((sum, n) => sum + n, 0);
    },
  };
}
