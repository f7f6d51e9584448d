/** All servers that the bench knows, in the order of its tables. */
import { DOVECOT_SERVER } from "./dovecot.ts";
import { EXIM_SERVER } from "./exim.ts";
import { FLOORS } from "./floor.ts";
import { MAILFRONT_SERVER, QMAIL_SERVER } from "./mailfront.ts";
import { HARAKA_SERVER, SMTP_SERVER_SERVER } from "./node.ts";
import { OPENSMTPD_SERVER } from "./opensmtpd.ts";
import { POSTFIXES } from "./postfix.ts";
import { QFRONTS } from "./qfront.ts";
import type { Server } from "./types.ts";

export const SERVERS: readonly Server[] = [
  ...FLOORS,
  ...QFRONTS,
  ...POSTFIXES,
  OPENSMTPD_SERVER,
  EXIM_SERVER,
  MAILFRONT_SERVER,
  QMAIL_SERVER,
  HARAKA_SERVER,
  SMTP_SERVER_SERVER,
  DOVECOT_SERVER,
];
