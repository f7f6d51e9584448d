/** What an isolate of `serve` runs when `workers` is more than 1: the same front as a lone process, on shared ports. */
import { SessionLimits } from "../net/limits.ts";
import { runWorker, type WorkerJob, type WorkerService } from "../net/workers.ts";
import { listenPlaces, openFront, placeOf } from "./front.ts";
import { openSite } from "./site.ts";
import { parseServe } from "./serve_options.ts";

/** What workers are told: serve's command line. */
export interface WorkerConfig {
  readonly argv: readonly string[];
}

async function begin(job: WorkerJob<WorkerConfig>): Promise<WorkerService<WorkerConfig>> {
  const args = parseServe(job.config.argv);
  const site = await openSite(args, { isService: true, worker: job.worker + 1 });
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
    return known === undefined ? place : placeOf(place.service, known);
  });
  const front = openFront(site, places, limits, true);
  front.start();
  return {
    addresses: front.addresses,
    reload: () => front.refresh(true),
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
