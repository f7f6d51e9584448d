/** Trace events of the SMTP service. The first three texts are those of KATR's patch, to the letter. */
import { event } from "./tracer.ts";

export const SMTP_EVENTS = {
  remoteip: event<{ ip: string }>("setup.remoteip", 1, "setup", (f) => `remoteip: ${f.ip}`),
  rcpt: event<{ user: string; domain: string }>(
    "smtp.rcpt",
    2,
    "smtp_rcpt",
    (f) => `user[${f.user}] domain [${f.domain}]`,
  ),
  rcptInvalid: event<{ user: string; domain: string; ip: string }>(
    "smtp.rcpt.invalid",
    2,
    "smtp_rcpt",
    () => "invalid rcpt user, terminating connection",
  ),
} as const;
