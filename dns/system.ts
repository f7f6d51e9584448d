/**
 * The resolver that the settings ask for: the name servers of dns_servers or of resolv.conf, or the answers of
 * dns_file. Both files are read again when they change; one that can't be used leaves what was known before.
 */
import { DNS_EVENTS } from "../trace/events_dns.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Settings } from "../settings/mod.ts";
import { showServer } from "./exchange.ts";
import { createFileResolver } from "./file_resolver.ts";
import {
  parseResolvConf,
  parseServer,
  type ResolvConf,
  type ServerAddress,
} from "./resolv_conf.ts";
import { createStubResolver } from "./resolver.ts";
import type { Resolver } from "./types.ts";

export type DnsSettings = Pick<
  Settings,
  | "dns_servers"
  | "dns_resolv_conf"
  | "dns_timeout_seconds"
  | "dns_cache_entries"
  | "max_dns_queries"
  | "dns_file"
>;

/** A setting or file of the resolver that can't be used: one sentence for the administrator. */
export class DnsConfigError extends Error {
  override name = "DnsConfigError";
}

/** How often a file is looked at for a change. */
const LOOK_MS = 5000;

interface Watched<T> {
  /** What the file said when it was last usable. */
  current(): T;
}

function fingerprint(path: string): string {
  try {
    const { mtime, ino, size } = Deno.statSync(path);
    return `${mtime?.getTime()} ${ino} ${size}`;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/** `read` once now (its errors are the caller's), and again after each change (its errors go to `kept`). */
function watch<T>(
  path: string,
  read: () => T,
  kept: (reason: string) => void,
  clock: () => number,
): Watched<T> {
  let seen = fingerprint(path);
  let value = read();
  let lookedMs = clock();
  return {
    current() {
      if (clock() - lookedMs < LOOK_MS) return value;
      lookedMs = clock();
      const now = fingerprint(path);
      if (now === seen) return value;
      seen = now;
      try {
        value = read();
      } catch (error) {
        kept(error instanceof Error ? error.message : String(error));
      }
      return value;
    },
  };
}

/** The file as latin1; a resolv.conf that is not there is an empty one, as for the C library. */
function readText(path: string, mayBeMissing: boolean): string {
  try {
    return new TextDecoder("latin1").decode(Deno.readFileSync(path));
  } catch (error) {
    if (mayBeMissing && error instanceof Deno.errors.NotFound) return "";
    const reason = error instanceof Error ? error.message : String(error);
    throw new DnsConfigError(`${path} can't be read: ${reason}`);
  }
}

function givenServers(words: readonly string[]): ServerAddress[] {
  return words.map((word) => {
    const server = parseServer(word);
    if (server === null) {
      throw new DnsConfigError(`dns_servers: "${word}" is not IP, IP:PORT or [IPv6]:PORT`);
    }
    return server;
  });
}

const listed = (conf: ResolvConf): string => conf.servers.map(showServer).join(", ");

/** The servers to ask, as settings and resolv.conf have them now. */
function configuration(settings: DnsSettings, tracer: Tracer, clock: () => number) {
  const path = settings.dns_resolv_conf;
  const given = givenServers(settings.dns_servers);
  const read = (): ResolvConf => {
    const conf = parseResolvConf(readText(path, true));
    const used = given.length === 0 ? conf : { ...conf, servers: given };
    if (tracer.level >= 1) {
      const source = given.length === 0 ? path : "dns_servers";
      tracer.emit(0, DNS_EVENTS.configured, { source, servers: listed(used) });
    }
    return used;
  };
  return watch(path, read, (reason) => {
    if (tracer.level >= 1) tracer.emit(0, DNS_EVENTS.kept, { file: path, reason });
  }, clock);
}

/**
 * A resolver as `settings` describe it.
 * @throws {DnsConfigError} or ZoneFileError, with a sentence, when a setting or dns_file can't be used.
 */
export function createSystemResolver(
  settings: DnsSettings,
  tracer: Tracer,
  clock: () => number = () => performance.now(),
): Resolver {
  const file = settings.dns_file;
  if (file !== "") {
    const answers = watch(file, () => createFileResolver(readText(file, false), file), (reason) => {
      if (tracer.level >= 1) tracer.emit(0, DNS_EVENTS.kept, { file, reason });
    }, clock);
    return { query: (name, type, options) => answers.current().query(name, type, options) };
  }
  const conf = configuration(settings, tracer, clock);
  return createStubResolver({
    conf: () => conf.current(),
    limitMs: settings.dns_timeout_seconds * 1000,
    maxQueries: settings.max_dns_queries,
    cacheEntries: settings.dns_cache_entries,
    tracer,
    clock,
  });
}
