/**
 * Every setting of qfront, in families; trace.cfg and --set speak of these and of no others.
 *
 * A setting's name is its key here. `Settings` is the table's values once parsed.
 */
import { AUTH_SETTINGS } from "./auth.ts";
import { DKIM_SETTINGS, SPF_SETTINGS } from "./authenticity.ts";
import { CONTENT_SETTINGS, FILTER_SETTINGS } from "./content.ts";
import { CONTROL_SETTINGS } from "./ctl.ts";
import { DNS_SETTINGS } from "./dns.ts";
import { METRICS_SETTINGS } from "./metrics.ts";
import { NET_SETTINGS } from "./net.ts";
import {
  POLICY_ADDRESS_SETTINGS,
  POLICY_CONNECTION_SETTINGS,
  POLICY_COUNTER_SETTINGS,
  POLICY_GREYLIST_SETTINGS,
} from "./policy.ts";
import { POP3_SETTINGS } from "./pop3.ts";
import { PROCESS_SETTINGS } from "./process.ts";
import { PROXY_SETTINGS } from "./proxy.ts";
import { QMTP_SETTINGS } from "./qmtp.ts";
import { QUEUE_SETTINGS } from "./queue.ts";
import { SMTP_SETTINGS } from "./smtp.ts";
import { TLS_SETTINGS } from "./tls.ts";
import { TRACE_SETTINGS } from "./trace.ts";
import { VALIDATE_SETTINGS } from "./validate.ts";
import type { Setting } from "./kinds.ts";

export { type Setting, SettingError } from "./kinds.ts";

/** The families, in the order in which help and documentation name them. */
export const FAMILIES = {
  trace: TRACE_SETTINGS,
  smtp: SMTP_SETTINGS,
  qmtp: QMTP_SETTINGS,
  pop3: POP3_SETTINGS,
  auth: AUTH_SETTINGS,
  queue: QUEUE_SETTINGS,
  net: NET_SETTINGS,
  proxy: PROXY_SETTINGS,
  tls: TLS_SETTINGS,
  lookup: VALIDATE_SETTINGS,
  policy_addresses: POLICY_ADDRESS_SETTINGS,
  policy_counters: POLICY_COUNTER_SETTINGS,
  policy_connection: POLICY_CONNECTION_SETTINGS,
  policy_greylist: POLICY_GREYLIST_SETTINGS,
  content: CONTENT_SETTINGS,
  filters: FILTER_SETTINGS,
  spf: SPF_SETTINGS,
  dkim: DKIM_SETTINGS,
  dns: DNS_SETTINGS,
  control: CONTROL_SETTINGS,
  metrics: METRICS_SETTINGS,
  process: PROCESS_SETTINGS,
} as const;

/** All settings by name. */
export const SETTINGS = {
  ...TRACE_SETTINGS,
  ...SMTP_SETTINGS,
  ...QMTP_SETTINGS,
  ...POP3_SETTINGS,
  ...AUTH_SETTINGS,
  ...QUEUE_SETTINGS,
  ...NET_SETTINGS,
  ...PROXY_SETTINGS,
  ...TLS_SETTINGS,
  ...VALIDATE_SETTINGS,
  ...POLICY_ADDRESS_SETTINGS,
  ...POLICY_COUNTER_SETTINGS,
  ...POLICY_CONNECTION_SETTINGS,
  ...POLICY_GREYLIST_SETTINGS,
  ...CONTENT_SETTINGS,
  ...FILTER_SETTINGS,
  ...SPF_SETTINGS,
  ...DKIM_SETTINGS,
  ...DNS_SETTINGS,
  ...CONTROL_SETTINGS,
  ...METRICS_SETTINGS,
  ...PROCESS_SETTINGS,
} as const;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The value of every setting. */
export type Settings = { readonly [K in SettingName]: ValueOf<(typeof SETTINGS)[K]> };

/** Every setting at its default. */
export function defaultSettings(): Settings {
  const entries = Object.entries(SETTINGS).map(([name, s]) => [name, s.default]);
  return Object.fromEntries(entries) as Settings;
}
