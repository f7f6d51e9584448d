/**
 * Which way accepted mail goes: settings, environment and what is installed decide; the rest of the house sees one `Queue`.
 */
import { chooseQueue, type QueueKind, type QueueOptions } from "./choice.ts";
import type { MaildirQueue } from "./maildir.ts";
import { openMaildirWay } from "./open_maildir.ts";
import { openProgramWay } from "./open_program.ts";
import { openQmqpWay } from "./open_qmqp.ts";
import type { Queue } from "./types.ts";

export { chooseQueue, type QueueKind, type QueueOptions } from "./choice.ts";
export type { MaildirQueue } from "./maildir.ts";
export { canDeliver, type Routing } from "./plan.ts";
export { routeBy, type RouteSource } from "./route.ts";

/** Opens the queue that `chooseQueue` names. */
export function openQueue(options: QueueOptions): Queue | MaildirQueue {
  return WAYS[chooseQueue(options)](options);
}

const WAYS: Readonly<Record<QueueKind, (options: QueueOptions) => Queue | MaildirQueue>> = {
  "qmail-queue": openProgramWay,
  maildir: openMaildirWay,
  qmqp: openQmqpWay,
};
