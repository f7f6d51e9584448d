/**
 * What a service has beside its listeners, in the one isolate that speaks for all: the control
 * socket, the numbers for Prometheus, the self-tests of DNS lists. Each only where the settings ask
 * for it.
 */
import type { MetricsServer, Write } from "../ctl/metrics_server.ts";
import { bindOwnSocket, ControlServer, ControlSocketError } from "../ctl/server.ts";
import type { ServiceDesk } from "../ctl/types.ts";
import { createSystemResolver } from "../dns/system.ts";
import type { Resolver } from "../dns/types.ts";
import type { Identity } from "../net/privileges.ts";
import { ListWatch } from "../policy/dnsbl_watch.ts";
import { DnsblError, type DnsblList, readDnsblList } from "../policy/dnsbl_lists.ts";
import type { Settings } from "../settings/mod.ts";
import { tracePath } from "../trace/file.ts";
import { SiteError } from "./command.ts";
import { complain } from "./say.ts";
import type { Site, SitePlace } from "./site.ts";
import { isRoots } from "./trusted.ts";

/** Where the control socket of a site is; "" for none. */
export function controlPath(place: SitePlace, settings: Settings): string {
  const name = settings.control_socket;
  return name === "" ? "" : tracePath(name, place.path, place.root);
}

/** What was opened while root was still there. */
export interface Early {
  /** Of the control socket; "" for none. */
  readonly path: string;
  /** null: it is to be bound by who serves. */
  readonly socket: Deno.UnixListener | null;
  /** What serves numbers, loaded; null: nobody wants them. */
  readonly metrics: Metrics | null;
}

interface Metrics {
  readonly module: typeof import("../ctl/metrics_server.ts");
  readonly write: Write;
}

/** Only where it is asked for is loaded what serves numbers. */
async function loadMetrics({ current: { settings } }: Site): Promise<Metrics | null> {
  if (settings.metrics_listen === "") return null;
  const module = await import("../ctl/metrics_server.ts");
  return { module, write: await module.loadWriter() };
}

async function bindControl(path: string): Promise<Deno.UnixListener> {
  try {
    return await bindOwnSocket(path);
  } catch (error) {
    if (error instanceof ControlSocketError) {
      throw new SiteError(`Setting control_socket: ${error.message}`);
    }
    throw error;
  }
}

/**
 * Opens what needs root, or may be out of reach without it. @throws {SiteError}
 * @param identity who serves; null: who we are
 */
export async function openEarly(site: Site, identity: Identity | null): Promise<Early> {
  return { ...await bindEarly(site, identity), metrics: await loadMetrics(site) };
}

/**
 * Binds the control socket as root, for `identity`, where that one could not: in a directory of root.
 * Elsewhere the name might be a link to anything before it is handed over.
 * @throws {SiteError}
 */
async function bindEarly(
  site: Site,
  identity: Identity | null,
): Promise<Pick<Early, "path" | "socket">> {
  const path = controlPath(site.place, site.current.settings);
  if (path === "" || identity === null) return { path, socket: null };
  try {
    if (!isRoots(path.replace(/\/[^/]*$/, "") || "/", identity)) return { path, socket: null };
  } catch {
    // Why it can't be used is said when it is bound.
    return { path, socket: null };
  }
  const socket = await bindControl(path);
  Deno.chownSync(path, identity.uid, identity.gid);
  return { path, socket };
}

/** What attends to a service. */
export interface Attendants {
  /** "metrics listening on 127.0.0.1:9725". */
  readonly lines: readonly string[];
  /** The settings may be others. */
  refresh(): void;
  close(): Promise<void>;
}

/** Brings them up. @throws {SiteError} */
export async function openAttendants(
  site: Site,
  desk: ServiceDesk,
  early: Early,
): Promise<Attendants> {
  const { path } = early;
  const control = path === ""
    ? null
    : new ControlServer(desk, early.socket ?? await bindControl(path), path);
  const watch = new ListWatch(site.policy.state);
  let known = "";
  const refresh = () => {
    const { settings } = site.current;
    const lists = settings.dnsbl === "off" ? [] : readLists(settings.dnsbl_lists);
    const seconds = settings.dnsbl_test_seconds;
    const wanted = JSON.stringify([lists, seconds, settings.dns_servers, settings.dns_file]);
    if (known === wanted || (known === "" && lists.length === 0)) return;
    known = wanted;
    const resolver = lists.length === 0 ? null : resolverOf(site);
    if (resolver === null) watch.close();
    else watch.use({ lists, seconds, resolver });
  };
  refresh();
  const numbers = await openNumbers(site, desk, early.metrics);
  return {
    lines: numbers === null ? [] : [`metrics listening on ${numbers.address}`],
    refresh,
    async close() {
      watch.close();
      await Promise.all([control?.close(), numbers?.close()]);
    },
  };
}

/** Serves numbers where the setting says. @throws {SiteError} */
async function openNumbers(
  site: Site,
  desk: ServiceDesk,
  metrics: Metrics | null,
): Promise<MetricsServer | null> {
  if (metrics === null) return null;
  const { module: { MetricsError, openMetrics }, write } = metrics;
  const word = site.current.settings.metrics_listen;
  try {
    return await openMetrics(word, site.place.root, () => desk.stats(), write);
  } catch (error) {
    if (error instanceof MetricsError) {
      throw new SiteError(`Setting metrics_listen: ${error.message}`);
    }
    throw error;
  }
}

/** Lists that can't be understood are said by whoever judges by them. */
function readLists(words: readonly string[]): DnsblList[] {
  return words.flatMap((word) => {
    try {
      return [readDnsblList(word)];
    } catch (error) {
      if (error instanceof DnsblError) return [];
      throw error;
    }
  });
}

/** null: there is none to be had, which is said. */
function resolverOf({ current: { settings }, tracer }: Site): Resolver | null {
  try {
    return createSystemResolver(settings, tracer);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return null;
  }
}
