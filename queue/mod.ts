/**
 * Which way accepted mail goes: settings, environment and what is installed decide; the rest of the house sees one `Queue`.
 */
import type { Queue } from "./types.ts";
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import { type MaildirQueue, openMaildirQueue } from "./maildir.ts";
import { routeBy, type RouteSource } from "./route.ts";
import { openQmailQueue } from "./qmail_queue.ts";
import { openQmqpQueue } from "./qmqp.ts";

export type { MaildirQueue } from "./maildir.ts";
export { canDeliver, type Routing } from "./plan.ts";
export { routeBy, type RouteSource } from "./route.ts";

export interface QueueOptions {
  readonly settings: Settings;
  /** The qmail directory (QMAILHOME), absolute, with the site's root in front. */
  readonly qmailDir: string;
  /** The process's environment: what programs get, and where QMAILQUEUE is looked for. */
  readonly env: Readonly<Record<string, string>>;
  /** The look-up, for the Maildir delivery. */
  readonly site: RouteSource;
  /** Entries of a control file, or null when it is missing; throws when it can't be read. */
  readonly controlLines: (name: string) => readonly string[] | null;
  readonly trace: Tracer;
  /** Name of this machine in Maildir file names. */
  readonly host: string;
  /** Number of this worker; 0: the only one. */
  readonly worker?: number;
}

/** Kinds of queue that `settings.queue` can come to. */
export type QueueKind = Queue["name"];

/** The way that mail goes, by settings and by what is installed. */
export function chooseQueue(
  options: Pick<QueueOptions, "settings" | "qmailDir" | "env">,
): QueueKind {
  const chosen = options.settings.queue;
  if (chosen !== "auto") return chosen;
  if ((options.env["QMAILQUEUE"] ?? "") !== "") return "qmail-queue";
  return isThere(`${options.qmailDir}/bin/qmail-queue`) ? "qmail-queue" : "maildir";
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    // Only a missing file means that qmail isn't installed; one that can't be looked at is there.
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** Opens the queue that `chooseQueue` names. */
export function openQueue(options: QueueOptions): Queue | MaildirQueue {
  switch (chooseQueue(options)) {
    case "qmail-queue":
      return openProgramQueue(options);
    case "maildir":
      return openMaildirQueue({
        routing: routeBy(options.site, () => deliversAsOwner(options.settings)),
        trace: options.trace,
        host: options.host,
        pid: Deno.pid,
        worker: options.worker ?? 0,
        sync: options.settings.maildir_sync,
      });
    case "qmqp":
      return openQmqpQueue({
        servers: () => options.controlLines("qmqpservers") ?? [],
        timeoutSeconds: options.settings.qmqp_timeout_seconds,
        trace: options.trace,
      });
  }
}

/** Only root can take the identity of others; asked for each message, as root may be given away in between. */
const deliversAsOwner = (settings: Settings): boolean =>
  settings.deliver_as === "owner" && Deno.uid() === 0;

function openProgramQueue(options: QueueOptions): Queue {
  const { settings, qmailDir, env } = options;
  const named = env["QMAILQUEUE"] ?? "";
  return openQmailQueue({
    program: named === ""
      ? `${qmailDir}/bin/qmail-queue`
      : named.startsWith("/")
      ? named
      : `${qmailDir}/${named}`,
    directory: qmailDir,
    env,
    timeoutSeconds: settings.queue_timeout_seconds,
    maxPrograms: settings.max_queue_programs,
    trace: options.trace,
  });
}
