/**
 * What one QMTP or QMQP session is configured with: settings, control files and environment of the moment it begins.
 *
 * Mirrors the setup of qmail-qmtpd: databytes, DATABYTES, RELAYCLIENT; localiphost or me is our name.
 * rcpthosts is only tried here (a site whose rcpthosts can't be read serves nobody); asking it is
 * the look-up's work.
 */
import { safeText, sizeLimit } from "../queue/incoming.ts";
import { limitsOf } from "../policy/limits.ts";
import type { Limits } from "../policy/types.ts";
import type { Settings } from "../settings/mod.ts";
import type { ControlFiles } from "../validate/types.ts";
import type { Grammar } from "./reading.ts";

export interface QmtpConfig {
  readonly settings: Settings;
  /** Limits of messages: settings, control files and environment together. */
  readonly limits: Limits;
  /** RELAYCLIENT: what is appended to every recipient; null: no relay client. */
  readonly relayClient: string | null;
  /** Our own name. */
  readonly hostname: string;
}

/** Reads it. @throws {ControlError} when a control file can't be read */
export function readQmtpConfig(
  settings: Settings,
  control: ControlFiles,
  env: Readonly<Record<string, string>>,
  grammar: Grammar = "qmtp",
): QmtpConfig {
  control.lines("rcpthosts");
  const { max_recipients, qmqp_max_recipients, max_hops } = settings;
  const base: Limits = {
    maxRecipients: grammar === "qmtp" ? max_recipients : qmqp_max_recipients,
    refusesWhole: false,
    maxMessages: settings.max_messages,
    maxHops: max_hops,
    dataBytes: sizeLimit(settings, control, env),
  };
  return {
    settings,
    // DATABYTES is in there already, in qmail's way: it may also raise what the file says.
    limits: limitsOf(base, { ...env, DATABYTES: undefined }),
    relayClient: env["RELAYCLIENT"] ?? null,
    hostname: safeText(control.line("localiphost") ?? control.line("me") ?? "unknown"),
  };
}
