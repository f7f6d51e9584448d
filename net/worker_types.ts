/** What the supervising isolate and its workers say to each other. See workers.ts for their life. */

/** What a worker is told at its start. `C`: the program's configuration, anything that can be cloned. */
export interface WorkerJob<C> {
  /** Its number, from 0. A replacement has the number of the one it replaces. */
  readonly worker: number;
  /** Memory for its SessionLimits. */
  readonly shared: SharedArrayBuffer;
  readonly config: C;
  /** Where its loop tells its descriptor (Poller.tellDescriptor). */
  readonly loop: SharedArrayBuffer;
  /** Where to listen, as HOST:PORT; null for the first worker, which finds out (port 0 becomes a real one). */
  readonly addresses: readonly string[] | null;
}

/** A worker at work. */
export interface WorkerService<C> {
  /** Where it listens. */
  readonly addresses: readonly string[];
  reload(config: C): void | Promise<void>;
  /** Stops gracefully; resolves with the number of sessions that were forced. */
  stop(seconds: number): Promise<number>;
}

/** What a worker says to the supervising isolate, and hears from it: anything that can be cloned. */
export interface WorkerLine {
  say(message: unknown): void;
  /** Takes what is heard from now on; what came before is lost. */
  hear(listen: (message: unknown) => void): void;
}

/** From the supervisor to a worker. */
export type Order<C> =
  | { readonly kind: "tell"; readonly message: unknown }
  | { readonly kind: "start"; readonly job: WorkerJob<C> }
  | { readonly kind: "reload"; readonly config: C }
  | { readonly kind: "stop"; readonly seconds: number };

/** From a worker to the supervisor. */
export type Report =
  /** Only now orders are heard: what is posted to a module that still loads is lost. */
  | { readonly kind: "listening" }
  | { readonly kind: "ready"; readonly addresses: readonly string[] }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "says"; readonly message: unknown }
  | { readonly kind: "stopped"; readonly forced: number };
