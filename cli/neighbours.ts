/** What the settings say of addresses, for listeners: limits and whom they spare, and which addresses are proxies. */
import type { SessionLimits } from "../net/limits.ts";
import type { ProxyTerms } from "../net/listener.ts";
import { isLoopback, networksOf } from "../policy/networks.ts";
import type { Site } from "./site.ts";

/** Limits sessions as the settings of the moment say. */
export function limitBySettings(limits: SessionLimits, site: Site): void {
  const { max_sessions, max_sessions_per_address, max_sessions_per_network, known_forwarders } =
    site.current.settings;
  limits.maxSessions = max_sessions;
  limits.maxPerAddress = max_sessions_per_address;
  limits.maxPerNetwork = max_sessions_per_network;
  limits.sparesNetwork = (ip) => isLoopback(ip) || networksOf(known_forwarders).has(ip);
}

/** The proxies in front of listeners; undefined: none. */
export function proxiesOf(site: Site): ProxyTerms | undefined {
  const { proxy_from, proxy_timeout_seconds } = site.current.settings;
  if (proxy_from.length === 0) return undefined;
  return { isProxy: networksOf(proxy_from).has, seconds: proxy_timeout_seconds };
}
