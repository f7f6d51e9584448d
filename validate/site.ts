/**
 * Which site is looked up: its root, its qmail directory, and what is compiled into its qmail.
 */
import { binaryPath, type System, system } from "./system.ts";

/** A site that can't be used at all. `message`: a sentence without final period. */
export class SiteFault extends Error {
  override name = "SiteFault";
}

export interface LookupOptions {
  /** qmail's directory, within the site; default /var/qmail. */
  readonly qmailDir?: string;
  /** Directory below which everything absolute lies; default: the system's own root. */
  readonly root?: string;
  /** conf-break, one byte; "" for none. Default "-". */
  readonly confBreak?: string;
  /** conf-patrn as a number; default 0o002. */
  readonly confPatrn?: number;
  /** What qmail-start got; null or absent: control/defaultdelivery, else ./Maildir/. Binary. */
  readonly defaultDelivery?: string | null;
  /**
   * "passwd": /etc/passwd alone; default "system": NSS (below another root always its etc/passwd).
   */
  readonly users?: "system" | "passwd";
  /**
   * Milliseconds that an answer from control files may be old; default 250. 0: always fresh, for
   * one-shot commands.
   */
  readonly recheckMs?: number;
  /** Milliseconds that what is known of any other file may be old; default 0. */
  readonly keepMs?: number;
  /**
   * Judge permissions as the programs would meet them, which takes root's eyes; default: this
   * process is root now.
   */
  readonly judges?: boolean;
  /** The file calls; default: those of this process. */
  readonly system?: System;
}

/** The options with their defaults; paths are binary strings, "" the system's own root. */
export interface Site {
  readonly root: string;
  readonly qmailDir: string;
  readonly confBreak: string;
  readonly confPatrn: number;
  readonly defaultDelivery: string | null;
  readonly users: "system" | "passwd";
  readonly recheckMs: number;
  readonly keepMs: number;
  readonly judges: boolean;
  readonly system: System;
}

const RECHECK_MS = 250;

function requireDirectory(path: string): void {
  try {
    if (Deno.statSync(path).isDirectory) return;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "it does not exist"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new SiteFault(`The root directory "${path}" can't be used: ${why}`);
  }
  throw new SiteFault(`The root directory "${path}" can't be used: it is not a directory`);
}

const absolute = (path: string): string => path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;

/** @throws {SiteFault} when a root that was named does not exist. */
export function resolveSite(options: LookupOptions): Site {
  const root = (options.root ?? "") === "" ? "" : absolute(options.root ?? "").replace(/\/+$/, "");
  if (root !== "") requireDirectory(root);
  const given = options.qmailDir ?? "/var/qmail";
  const inside = given.startsWith("/") || root === "" ? absolute(given) : `/${given}`;
  return {
    root: binaryPath(root),
    qmailDir: binaryPath(inside).replace(/(.)\/+$/, "$1"),
    confBreak: options.confBreak ?? "-",
    confPatrn: options.confPatrn ?? 0o002,
    defaultDelivery: options.defaultDelivery ?? null,
    users: options.users ?? "system",
    recheckMs: options.recheckMs ?? RECHECK_MS,
    keepMs: options.keepMs ?? 0,
    judges: options.judges ?? Deno.uid() === 0,
    system: options.system ?? system(),
  };
}
