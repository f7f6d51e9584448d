/**
 * What a POP3 session needs to know of the settings: a snapshot, taken once for many sessions.
 *
 * The host name of the greeting is control/me, as a qmail site hands it to qmail-popup; TCPLOCALHOST stands in for
 * a missing file. Does not know listeners.
 */
import type { Settings } from "../settings/mod.ts";
import type { ControlFiles } from "../validate/types.ts";

export interface Pop3Config {
  /** Host name in the greeting's timestamp. */
  readonly host: string;
  readonly idleSeconds: number;
  readonly sessionSeconds: number;
  /** Longest command line in bytes, line end included. */
  readonly lineBytes: number;
  readonly maxAuthFailures: number;
  readonly maxErrors: number;
  /** An extra blank line ends each message. */
  readonly extraLine: boolean;
}

/** @throws {ControlError} when control/me is there but can't be read. */
export function readPop3Config(
  settings: Settings,
  control: Pick<ControlFiles, "line">,
  env: Readonly<Record<string, string>>,
): Pop3Config {
  return {
    host: control.line("me") ?? env["TCPLOCALHOST"] ?? "localhost",
    idleSeconds: settings.pop3_idle_seconds,
    sessionSeconds: settings.pop3_session_seconds,
    lineBytes: settings.pop3_line_bytes,
    maxAuthFailures: settings.pop3_max_auth_failures,
    maxErrors: settings.pop3_max_errors,
    extraLine: settings.pop3_extra_line,
  };
}
