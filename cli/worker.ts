/** What an isolate of `serve` runs when `workers` is more than 1: the same front as a lone process, on shared ports. */
import { SessionLimits } from "../net/limits.ts";
import type { Identity } from "../net/privileges.ts";
import { runWorker, type WorkerJob, type WorkerLine, type WorkerService } from "../net/workers.ts";
import { isolateParts, joinCrew } from "./crew_line.ts";
import { openFront } from "./front.ts";
import { listenPlaces, movedTo } from "./places.ts";
import { isRoot, openKeeper, settle } from "./root.ts";
import { speakAsService } from "./say.ts";
import { openSite } from "./site.ts";
import { parseServe } from "./serve_options.ts";

/** What workers are told: serve's command line. */
export interface WorkerConfig {
  readonly argv: readonly string[];
  /** How many there are. */
  readonly count: number;
  /** One number, 0 until a worker can't go on and the service has to end. */
  readonly lost: SharedArrayBuffer;
  /** Who the process became when root was given away; null: it still is who it was. */
  readonly identity: Identity | null;
}

/** Tells the supervising isolate that the service has to end. */
function giveUp({ lost }: WorkerConfig): void {
  const flag = new Int32Array(lost);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

async function begin(
  job: WorkerJob<WorkerConfig>,
  line: WorkerLine,
): Promise<WorkerService<WorkerConfig>> {
  if (job.config.identity !== null) {
    giveUp(job.config);
    throw new Error("A worker can't be replaced once root is given away, so the service ends");
  }
  await speakAsService();
  const args = parseServe(job.config.argv);
  const workers = job.config.count;
  const site = await openSite(args, { isService: true, worker: job.worker + 1, workers });
  const { settings } = site.current;
  const limits = new SessionLimits(
    job.shared,
    job.worker,
    settings.max_sessions,
    settings.max_sessions_per_address,
  );
  const asked = listenPlaces(args, settings);
  const places = asked.map((place, i) => {
    const known = job.addresses?.[i];
    return known === undefined ? place : movedTo(place, known);
  });
  const front = await openFront(site, places, limits, true);
  await joinCrew(line, site, isolateParts(site, front, job.worker));
  const keepsRoot = isRoot() && site.place.closedAt !== "";
  let keeper = isRoot() && !keepsRoot ? await openKeeper(site) : null;
  if (keepsRoot) site.settle(null);
  // With a keeper root is given away first, for all workers at once.
  if (keeper === null) front.start();
  return {
    addresses: front.addresses,
    async reload(config) {
      if (keeper === null || config.identity === null) return await front.refresh(true);
      settle(site, keeper, config.identity, () => giveUp(config));
      keeper = null;
      front.start();
    },
    async stop(seconds) {
      const forced = await front.stop(seconds);
      await site.close();
      return forced;
    },
  };
}

/** Called once in a worker. */
export function runServeWorker(): void {
  runWorker<WorkerConfig>(begin);
}
