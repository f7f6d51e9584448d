/** Which way accepted mail goes, and what the ways are opened with. The ways themselves are not loaded here. */
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Journal } from "./journal.ts";
import type { RouteSource } from "./route.ts";
import type { Queue } from "./types.ts";

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
  /** The delivery journal, for a service that delivers itself. */
  readonly journal?: () => Journal | null;
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
