/** The seam between the bench and each server it measures. */
import type { Running } from "../process.ts";
import type { Site } from "../site.ts";
import type { Tools } from "../tools.ts";
import type { WorkloadName } from "../workloads.ts";

/** What every start gets. */
export interface Bench {
  /** The bench folder. */
  readonly dir: string;
  /** The checkout. */
  readonly top: string;
  /** The words that start qfront. */
  readonly qfront: readonly string[];
  readonly site: Site;
  readonly tools: Tools;
  /** Folder with unpacked peers, as `deno task bench:peers` makes it. */
  readonly peers: string;
}

/** What one start is for. */
export interface Start {
  readonly workload: WorkloadName;
  readonly port: number;
}

/** A server under measurement. */
export interface Server {
  readonly name: string;
  readonly kind: "floor" | "qfront" | "peer";
  /** One line: what it is and how it is set, for the table's legend. */
  readonly about: string;
  readonly workloads: readonly WorkloadName[];
  /** The server itself ends the session after an invalid recipient (W1). */
  readonly drops?: boolean;
  /** What a client has to say before the banner: the header of a proxy. */
  readonly first?: string;
  /** More options of mload, where a server pauses on purpose: the pause must not be what is measured. */
  load?(workload: WorkloadName): readonly string[];
  /** Why it can't be measured here, as the end of a sentence ("Postfix is left out: it ..."); null: it can. */
  obstacle(bench: Pick<Bench, "peers" | "top">): string | null;
  /** Starts it with everything on 127.0.0.1; the caller waits for the banner. */
  start(bench: Bench, start: Start): Promise<Running>;
  /** Where messages end; emptied after each run. */
  maildir?(bench: Bench): string;
  /** Removes what else a run has left: called when the server has ended. */
  cleanUp?(bench: Bench): void;
}

/** A fresh folder of a server below the bench folder. */
export function freshFolder(bench: Bench, name: string): string {
  const path = `${bench.dir}/run/${name}`;
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(path, { recursive: true });
  return path;
}

/** True when there is such a file. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
