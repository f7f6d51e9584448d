/** All trace events, one table a room. No trace text stands anywhere else. */
export { SMTP_EVENTS } from "./events_smtp.ts";
export { QMQP_EVENTS, QMTP_EVENTS } from "./events_qmtp.ts";
export { POP3_EVENTS } from "./events_pop3.ts";
export { QUEUE_EVENTS } from "./events_queue.ts";
export { VALIDATE_EVENTS } from "./events_validate.ts";
export { NET_EVENTS } from "./events_net.ts";
export { AUTH_EVENTS } from "./events_auth.ts";
export { KEEPER_EVENTS } from "./events_keeper.ts";
export { DNS_EVENTS } from "./events_dns.ts";
export { POLICY_EVENTS } from "./events_policy.ts";
export { TRACE_EVENTS } from "./events_trace.ts";
export { CONTENT_EVENTS } from "./events_content.ts";
