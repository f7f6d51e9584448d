/**
 * `qfront serve` whose workers die when told: the first that finds the file QFRONT_TEST_DEATH removes it and throws what
 * nobody catches. For worker_death_test.ts.
 */
import { runServe } from "../../cli/serve.ts";
import { runServeWorker } from "../../cli/worker.ts";
import { isWorker } from "../../net/workers.ts";

const DEATH = Deno.env.get("QFRONT_TEST_DEATH") ?? "";

function dieWhenTold(): void {
  try {
    Deno.removeSync(DEATH);
  } catch {
    return;
  }
  throw new Error("told to die");
}

if (isWorker()) {
  runServeWorker();
  setInterval(dieWhenTold, 10);
} else Deno.exit(await runServe(Deno.args, { entryUrl: import.meta.url }));
