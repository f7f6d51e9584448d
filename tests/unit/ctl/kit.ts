/** A service that does nothing, and its numbers. */
import { NO_NUMBERS } from "../../../ctl/meter.ts";
import type { ServiceDesk, Stats } from "../../../ctl/types.ts";

export const STATS: Stats = {
  version: "0",
  pid: 1,
  sinceMs: 0,
  workers: 1,
  sessions: { sessions_open: 2, sessions_total: 9, refused_address: 3, stalled: 1 },
  open: { smtp: 2 },
  inHand: 0,
  bans: 0,
  watchers: 0,
  deadZones: [["bl.example.net", "It lists everybody"]],
  checks: { dnsbl: { accepted: 0, applied: 1, softened: 0, shadow: 2 } },
  dns: { questions: 4, hits: 1 },
  meter: NO_NUMBERS,
  residentBytes: 1048576,
};

/** A service that does nothing, and says what it was told. */
export function desk(told: string[] = []): ServiceDesk {
  const ban = (network: string, reason: string) =>
    ({ network, reason, sinceMs: 0, untilMs: 1, times: 1, by: "admin" }) as const;
  return {
    stats: () => Promise.resolve(STATS),
    sessions: () => Promise.resolve([]),
    kill: (session) => Promise.resolve(session === 7),
    reload: () => void told.push("reload"),
    listBans: () => [],
    addBan(network, reason, seconds) {
      told.push(`ban ${network} ${reason} ${seconds}`);
      return ban(network, reason);
    },
    liftBan: (network) => network === "192.0.2.0/24",
    watch: () => () => {},
  };
}
