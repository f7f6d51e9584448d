/**
 * `qfront serve`: SMTP and POP3 for many clients in one process.
 *
 * Prints one line per listener when it is ready. SIGTERM and SIGINT finish the messages in hand and stop; SIGHUP reads
 * everything again; trace.cfg is read again by itself when it changes.
 */
import {
  type ListenAddress,
  ListenError,
  parseListenAddress,
  showAddress,
} from "../net/address.ts";
import { makeSharedLimits, SessionLimits } from "../net/limits.ts";
import { Listener } from "../net/listener.ts";
import { TimerWheel } from "../net/timers.ts";
import type { Protocol } from "../net/types.ts";
import type { Settings } from "../settings/mod.ts";
import {
  type Command,
  parseCommand,
  type ParsedArgs,
  SITE_OPTIONS,
  SiteError,
  UsageError,
} from "./command.ts";
import { openSite, type Services, type Site } from "./site.ts";

/** How often trace.cfg is looked at, in milliseconds. */
const REFRESH_MS = 1000;

type ServiceName = "smtp" | "pop3";
const SERVICES: readonly ServiceName[] = ["smtp", "pop3"];

interface Hooks {
  /** Called when all listeners are ready. */
  readonly ready?: () => void;
}

/** Listeners of one isolate. */
interface Running {
  readonly listeners: readonly Listener[];
  /** Resolves with the number of sessions ended by force. */
  stop(seconds: number): Promise<number>;
}

/** Addresses by the command line, else by the settings. @throws {UsageError} on a word that is none. */
export function listenAddresses(
  args: ParsedArgs,
  settings: Settings,
): Record<ServiceName, ListenAddress[]> {
  const parse = (name: ServiceName): ListenAddress[] => {
    const given = args.values(name);
    const words = given.length > 0 ? given : settings[`${name}_listen`];
    return words.filter((word) => word !== "off").map(parseListenAddress);
  };
  try {
    return { smtp: parse("smtp"), pop3: parse("pop3") };
  } catch (error) {
    if (error instanceof ListenError) throw new UsageError(error.message);
    throw error;
  }
}

/** A protocol that always is the newest generation's. */
const newest = (site: Site, name: ServiceName): Protocol => ({
  name,
  open: (peer, output) => site.current[name].open(peer, output),
  refuse: (reason) => site.current[name].refuse(reason),
});

/** Opens every listener; all or none. @throws {SiteError} when one can't be had. */
function listen(
  site: Site,
  addresses: Record<ServiceName, ListenAddress[]>,
  limits: SessionLimits,
): Running {
  const wheel = new TimerWheel();
  const env = Deno.env.toObject();
  const listeners: Listener[] = [];
  try {
    for (const name of SERVICES) {
      for (const address of addresses[name]) {
        listeners.push(
          new Listener({
            address,
            limits,
            wheel,
            protocol: newest(site, name),
            trace: site.tracer,
            writeStallSeconds: site.current.settings.write_stall_seconds,
            rules: () => env,
            tooBusy: () => site.inHand >= site.current.settings.max_deliveries,
          }),
        );
      }
    }
  } catch (error) {
    for (const listener of listeners) void listener.stop(0);
    wheel.close();
    if (error instanceof ListenError) throw new SiteError(error.message);
    throw error;
  }
  for (const listener of listeners) listener.start();
  return {
    listeners,
    async stop(seconds) {
      const forced = await Promise.all(listeners.map((listener) => listener.stop(seconds)));
      wheel.close();
      return forced.reduce((sum, n) => sum + n, 0);
    },
  };
}

function applyLimits(limits: SessionLimits, services: Services): void {
  limits.maxSessions = services.settings.max_sessions;
  limits.maxPerAddress = services.settings.max_sessions_per_address;
}

/** Resolves when the process is asked to stop; meanwhile SIGHUP and a changed trace.cfg make new generations. */
function untilStopped(site: Site, limits: SessionLimits): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const refresh = async (force: boolean) => {
    try {
      if (await site.refresh(force)) applyLimits(limits, site.current);
    } catch (error) {
      if (!(error instanceof SiteError)) throw error;
      console.error(`qfront: ${error.message}; what was read before stays in force`);
    }
  };
  const stop = () => resolve();
  const reload = () => void refresh(true);
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", reload);
  const timer = setInterval(() => void refresh(false), REFRESH_MS);
  return promise.finally(() => {
    clearInterval(timer);
    Deno.removeSignalListener("SIGTERM", stop);
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGHUP", reload);
  });
}

/** An error that nobody caught ends a session, not the service: it is said, and the others go on. */
function catchStrays(): void {
  const say = (what: unknown) =>
    console.error(`qfront: internal error: ${what instanceof Error ? what.stack : String(what)}`);
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    say(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    say(event.error);
  });
}

async function serve(args: ParsedArgs, hooks: Hooks): Promise<number> {
  if (args.operands.length > 0) throw new UsageError(`serve takes no "${args.operands[0]}"`);
  catchStrays();
  const site = await openSite(args, { isService: true });
  const { settings } = site.current;
  const addresses = listenAddresses(args, settings);
  const shared = makeSharedLimits(settings.max_sessions, 1);
  const limits = new SessionLimits(
    shared,
    0,
    settings.max_sessions,
    settings.max_sessions_per_address,
  );
  const running = listen(site, addresses, limits);
  const names = SERVICES.flatMap((name) => addresses[name].map(() => name));
  running.listeners.forEach((listener, i) => {
    console.log(`${names[i]} listening on ${showAddress(listener.address)}`);
  });
  hooks.ready?.();
  await untilStopped(site, limits);
  await running.stop(site.current.settings.shutdown_seconds);
  await site.close();
  return 0;
}

/** Runs serve with its command line; for programs that start it as a part of themselves. */
export function runServe(args: readonly string[], hooks: Hooks = {}): Promise<number> {
  return serve(parseCommand(SERVE, args), hooks);
}

export const SERVE: Command = {
  name: "serve",
  about: "SMTP and POP3 for many clients",
  operands: "",
  text: "Serves until SIGTERM, then finishes what is in hand. SIGHUP reads all again.",
  options: [
    { name: "smtp", value: "HOST:PORT", repeat: true, about: "listen for SMTP (:25); off: don't" },
    { name: "pop3", value: "HOST:PORT", repeat: true, about: "for POP3 (:110); off: don't" },
    ...SITE_OPTIONS,
  ],
  examples: ["qfront serve --smtp 127.0.0.1:2525 --pop3 127.0.0.1:1110"],
  run: (args) => serve(args, {}),
};
