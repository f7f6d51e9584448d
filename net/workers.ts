/**
 * More cores: several isolates of this process listen on the same ports and share limits and statistics.
 *
 * The supervisor starts them, hands reloads and the stop on, and replaces one that died of an uncaught error while the
 * others go on. What a worker does is the program's: it gives `runWorker` a function, and both sides may say to each other
 * what they like; only what is said before a worker began is lost, on its side. A worker that runs out of
 * memory takes the whole process with it, and one that hangs is not noticed here; both are the service manager's.
 */
import { NET_EVENTS } from "../trace/events_net.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { SessionLimits } from "./limits.ts";
import { note } from "./note.ts";
import { closeAbandoned, poller } from "./poller.ts";
import type { Order, Report, WorkerJob, WorkerLine, WorkerService } from "./worker_types.ts";

export type { WorkerJob, WorkerLine, WorkerService } from "./worker_types.ts";

/** The part of a worker's global scope that is used. */
interface WorkerScope {
  postMessage(report: Report): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

/** True in a worker of this process. */
export function isWorker(): boolean {
  return "WorkerGlobalScope" in globalThis;
}

/** How many workers the setting means: a number, or one for each core. @throws {RangeError} for anything else. */
export function workerCount(setting: string): number {
  const word = setting.trim().toLowerCase();
  if (word === "auto") return Math.max(1, navigator.hardwareConcurrency);
  const count = /^\d+$/.test(word) ? Number(word) : 0;
  if (count < 1 || count > 256) {
    throw new RangeError(`"${setting}" is neither auto nor a number of workers from 1 to 256`);
  }
  return count;
}

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error);

/** Called once in a worker: serves what the supervisor orders with the service that `begin` starts. */
export function runWorker<C>(
  begin: (job: WorkerJob<C>, line: WorkerLine) => WorkerService<C> | Promise<WorkerService<C>>,
): void {
  const scope = globalThis as unknown as WorkerScope;
  let service: WorkerService<C> | null = null;
  /** A configuration that came while it began. */
  let late: { readonly config: C } | null = null;
  let listen: (message: unknown) => void = () => {};
  const line: WorkerLine = {
    say: (message) => scope.postMessage({ kind: "says", message }),
    hear: (taker) => void (listen = taker),
  };
  const obey = async (order: Order<C>): Promise<void> => {
    switch (order.kind) {
      case "tell":
        return listen(order.message);
      case "start":
        poller()?.tellDescriptor(new Int32Array(order.job.loop));
        service = await begin(order.job, line);
        if (late !== null) await service.reload(late.config);
        return scope.postMessage({ kind: "ready", addresses: service.addresses });
      case "reload":
        if (service === null) late = { config: order.config };
        return await service?.reload(order.config);
      case "stop":
        scope.postMessage({ kind: "stopped", forced: await service?.stop(order.seconds) ?? 0 });
        scope.close();
    }
  };
  scope.onmessage = (event) => {
    obey(event.data as Order<C>).catch((error) =>
      scope.postMessage({ kind: "failed", reason: reasonOf(error) })
    );
  };
  scope.postMessage({ kind: "listening" });
}

/** What the supervisor needs. */
export interface SupervisorSetup<C> {
  /** The program's own module, which calls `runWorker` when it finds itself in a worker. */
  readonly entryUrl: string;
  readonly count: number;
  readonly shared: SharedArrayBuffer;
  readonly config: C;
  /** A view of the shared limits, to free what a dead worker held. */
  readonly limits: SessionLimits;
  readonly trace: Tracer;
  /** Takes what a worker says. */
  readonly heard?: (worker: number, message: unknown) => void;
}

/** A worker that dies again within this time is replaced after a pause. */
const QUICK_DEATH_MS = 5000;
const LONGEST_PAUSE_MS = 30_000;

interface Place {
  worker: Worker | null;
  /** The descriptor of its loop; see closeAbandoned. */
  loop: Int32Array<SharedArrayBuffer>;
  /** It hears orders. */
  isListening: boolean;
  bornMs: number;
  pauseMs: number;
  timer: number | null;
  /** Ends the wait for the report that was asked for. */
  report: ((report: Report) => void) | null;
}

/** Of a worker that has none yet. */
const noLoop = () => new Int32Array(new SharedArrayBuffer(4)).fill(-1);

/** The workers' life. */
export class Supervisor<C> {
  readonly #setup: SupervisorSetup<C>;
  readonly #places: Place[] = [];
  #config: C;
  #addresses: readonly string[] | null = null;
  #stopping = false;

  constructor(setup: SupervisorSetup<C>) {
    this.#setup = setup;
    this.#config = setup.config;
    for (let i = 0; i < setup.count; i++) {
      this.#places.push({
        worker: null,
        loop: noLoop(),
        isListening: false,
        bornMs: 0,
        pauseMs: 0,
        timer: null,
        report: null,
      });
    }
  }

  /** Where the workers listen. */
  get addresses(): readonly string[] {
    return this.#addresses ?? [];
  }

  /** Starts all workers, the first one alone. @throws {Error} with the reason of the first that failed. */
  async start(): Promise<void> {
    try {
      await this.#first(0);
      await Promise.all(this.#places.map((_, i) => i === 0 ? null : this.#first(i)));
    } catch (error) {
      this.#stopping = true;
      for (const place of this.#places) place.worker?.terminate();
      throw error;
    }
  }

  /** Gives all workers, and those that come to replace one, a new configuration. */
  reload(config: C): void {
    this.#config = config;
    for (const place of this.#places) this.#order(place, { kind: "reload", config });
  }

  /** Says something to one worker; lost while it is being replaced. */
  tell(worker: number, message: unknown): void {
    const place = this.#places[worker];
    if (place !== undefined) this.#order(place, { kind: "tell", message });
  }

  /** Says something to all workers but one; how many that are. */
  tellAll(message: unknown, but = -1): number {
    let told = 0;
    for (const [i, place] of this.#places.entries()) {
      if (i === but || !place.isListening || place.worker === null) continue;
      this.#order(place, { kind: "tell", message });
      told++;
    }
    return told;
  }

  /** Stops all workers; resolves with the number of sessions that were forced. */
  async stop(seconds: number): Promise<number> {
    this.#stopping = true;
    const stops = this.#places.map((place) => this.#stopOne(place, seconds));
    const forced = await Promise.all(stops);
    return forced.reduce((sum, n) => sum + n, 0);
  }

  async #first(index: number): Promise<void> {
    const report = await this.#launch(index);
    if (report.kind === "ready") this.#addresses ??= report.addresses;
    else {throw new Error(
        report.kind === "failed" ? report.reason : "A worker stopped at its start",
      );}
  }

  /** A new worker in a place; resolves with its first report. */
  #launch(index: number): Promise<Report> {
    const place = this.#places[index] as Place;
    const worker = new Worker(this.#setup.entryUrl, { type: "module", name: `worker ${index}` });
    place.worker = worker;
    place.loop = noLoop();
    place.isListening = false;
    place.bornMs = performance.now();
    worker.onmessage = (event: MessageEvent) => this.#heard(index, event.data as Report);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#died(index, worker, event.message);
    };
    return new Promise((resolve) => place.report = resolve);
  }

  /** What a worker that still loads would be told is in its job when it begins. */
  #order(place: Place, order: Order<C>): void {
    if (place.isListening) place.worker?.postMessage(order);
  }

  #begin(index: number): void {
    const place = this.#places[index] as Place;
    place.isListening = true;
    const job: WorkerJob<C> = {
      worker: index,
      shared: this.#setup.shared,
      config: this.#config,
      addresses: this.#addresses,
      loop: place.loop.buffer,
    };
    this.#order(place, { kind: "start", job });
  }

  #heard(index: number, report: Report): void {
    if (report.kind === "listening") return this.#begin(index);
    if (report.kind === "says") return this.#setup.heard?.(index, report.message);
    const place = this.#places[index] as Place;
    if (report.kind === "failed") {
      note(this.#setup.trace, 0, NET_EVENTS.workerFailed, {
        worker: index,
        reason: report.reason,
      });
    }
    const waiting = place.report;
    place.report = null;
    waiting?.(report);
  }

  /** Frees what a dead worker held and replaces it; one that keeps dying comes back ever more slowly. */
  #died(index: number, worker: Worker, reason: string): void {
    const place = this.#places[index] as Place;
    if (place.worker !== worker) return;
    worker.terminate();
    place.worker = null;
    closeAbandoned(Atomics.load(place.loop, 0));
    const sessions = this.#setup.limits.reclaim(index);
    note(this.#setup.trace, 0, NET_EVENTS.workerDied, { worker: index, reason, sessions });
    this.#heard(index, { kind: "failed", reason });
    if (this.#stopping || this.#addresses === null) return;
    const quick = performance.now() - place.bornMs < QUICK_DEATH_MS;
    place.pauseMs = quick ? Math.min(LONGEST_PAUSE_MS, place.pauseMs * 2 + 100) : 0;
    place.timer = setTimeout(() => this.#replace(index), place.pauseMs);
  }

  async #replace(index: number): Promise<void> {
    const place = this.#places[index] as Place;
    place.timer = null;
    const report = await this.#launch(index);
    if (report.kind === "ready") {
      note(this.#setup.trace, 0, NET_EVENTS.workerReplaced, { worker: index });
    } else if (place.worker !== null) {
      this.#died(index, place.worker, "the replacement could not start");
    }
  }

  async #stopOne(place: Place, seconds: number): Promise<number> {
    if (place.timer !== null) clearTimeout(place.timer);
    const worker = place.worker;
    if (worker === null) return 0;
    if (!place.isListening) {
      place.worker = null;
      worker.terminate();
      return 0;
    }
    const reported = new Promise<Report>((resolve) => place.report = resolve);
    this.#order(place, { kind: "stop", seconds });
    let timer = 0;
    const tooLate = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), (seconds + 5) * 1000);
    });
    const report = await Promise.race([reported, tooLate]);
    clearTimeout(timer);
    place.worker = null;
    worker.terminate();
    return report?.kind === "stopped" ? report.forced : 0;
  }
}
