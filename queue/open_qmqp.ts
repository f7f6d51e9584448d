/** The way to a QMQP server, opened by the settings of a site. */
import type { QueueOptions } from "./choice.ts";
import { openQmqpQueue } from "./qmqp.ts";
import type { Queue } from "./types.ts";

/** Opens it. */
export function openQmqpWay(options: QueueOptions): Queue {
  return openQmqpQueue({
    servers: () => options.controlLines("qmqpservers") ?? [],
    timeoutSeconds: options.settings.qmqp_timeout_seconds,
    trace: options.trace,
  });
}
