/**
 * What one QMTP or QMQP session is configured with: settings, control files and environment of the moment it begins.
 *
 * Mirrors the setup of qmail-qmtpd: databytes, DATABYTES, RELAYCLIENT. rcpthosts is only tried here (a site whose
 * rcpthosts can't be read serves nobody); asking it is the look-up's work.
 */
import { sizeLimit } from "../queue/incoming.ts";
import type { Settings } from "../settings/mod.ts";
import type { ControlFiles } from "../validate/types.ts";

export interface QmtpConfig {
  readonly settings: Settings;
  /** Largest message in bytes; 0: no limit. */
  readonly databytes: number;
  /** RELAYCLIENT: what is appended to every recipient; null: no relay client. */
  readonly relayClient: string | null;
}

/** Reads it. @throws {ControlError} when a control file can't be read */
export function readQmtpConfig(
  settings: Settings,
  control: ControlFiles,
  env: Readonly<Record<string, string>>,
): QmtpConfig {
  control.lines("rcpthosts");
  return {
    settings,
    databytes: sizeLimit(settings, control, env),
    relayClient: env["RELAYCLIENT"] ?? null,
  };
}
