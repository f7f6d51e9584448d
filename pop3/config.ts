/**
 * What a POP3 session needs to know of the settings: a snapshot, taken once for many sessions.
 *
 * The host name of the greeting is control/me, as a qmail site hands it to qmail-popup; TCPLOCALHOST stands in for
 * a missing file. Does not know listeners.
 */
import type { Settings } from "../settings/mod.ts";
import type { ControlFiles } from "../validate/types.ts";

export interface Pop3Config {
  /** Host name in the greeting, APOP's timestamp and CRAM-MD5's challenge. */
  readonly host: string;
  readonly idleSeconds: number;
  readonly sessionSeconds: number;
  /** Longest command line in bytes, line end included. */
  readonly lineBytes: number;
  readonly maxAuthFailures: number;
  readonly maxErrors: number;
  /** Who may send a password that nothing protects. */
  readonly cleartext: "never" | "loopback" | "always";
  /** APOP is wanted; whether it can be offered is a matter of the stored secrets. */
  readonly apop: boolean;
  /** Wait before a failed login is answered; 0: none. */
  readonly authDelaySeconds: number;
  /** Shortest time between two logins of one user; 0: any. */
  readonly loginDelaySeconds: number;
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
    cleartext: settings.pop3_cleartext,
    apop: settings.pop3_apop,
    authDelaySeconds: settings.auth_delay_seconds,
    loginDelaySeconds: settings.pop3_login_delay_seconds,
    extraLine: settings.pop3_extra_line,
  };
}
