/** The service as its control socket and its numbers see it, whether one isolate serves or several. */
import type { AskAll } from "../ctl/crew.ts";
import { addNumbers } from "../ctl/isolate.ts";
import type { IsolateNumbers, ServiceDesk, SessionInfo, Stats } from "../ctl/types.ts";
import type { Watchers } from "../ctl/watchers.ts";
import { COUNTERS, type SessionLimits } from "../net/limits.ts";
import type { Site } from "./site.ts";
import { VERSION } from "./version.ts";

/** What it is made of. */
export interface DeskParts {
  readonly site: Site;
  readonly limits: SessionLimits;
  readonly workers: number;
  readonly ask: AskAll;
  readonly watchers: Watchers;
  readonly reload: () => void;
}

async function allNumbers(ask: AskAll): Promise<IsolateNumbers[]> {
  const answers = await ask({ ask: "numbers" });
  return answers.flatMap((answer) => answer.ask === "numbers" ? [answer.numbers] : []);
}

async function allSessions(ask: AskAll): Promise<SessionInfo[]> {
  const answers = await ask({ ask: "sessions" });
  return answers.flatMap((answer) => answer.ask === "sessions" ? answer.sessions : [])
    .toSorted((a, b) => a.id - b.id);
}

/** Opens it; time is counted from now on. */
export function openDesk({ site, limits, workers, ask, watchers, reload }: DeskParts): ServiceDesk {
  const sinceMs = Date.now();
  const { state } = site.policy;
  return {
    async stats(): Promise<Stats> {
      return {
        version: VERSION,
        pid: Deno.pid,
        sinceMs,
        workers,
        sessions: Object.fromEntries(COUNTERS.map((name) => [name, limits.value(name)])),
        bans: state.listBans().length,
        watchers: watchers.count,
        deadZones: state.deadZones,
        residentBytes: Deno.memoryUsage().rss,
        ...addNumbers(await allNumbers(ask)),
      };
    },
    sessions: () => allSessions(ask),
    async kill(session) {
      const answers = await ask({ ask: "kill", session });
      return answers.some((answer) => answer.ask === "kill" && answer.isKilled);
    },
    reload,
    listBans: () => state.listBans(),
    addBan: (network, reason, seconds) => state.addBan(network, reason, seconds),
    liftBan: (network) => state.liftBan(network, "An administrator lifted it"),
    watch: watchers.add,
  };
}
