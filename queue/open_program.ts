/** The way through qmail-queue, or the program that stands for it, opened by the settings of a site. */
import type { QueueOptions } from "./choice.ts";
import { openQmailQueue } from "./qmail_queue.ts";
import type { Queue } from "./types.ts";

/** Opens it. */
export function openProgramWay(options: QueueOptions): Queue {
  const { settings, qmailDir, env } = options;
  const named = env["QMAILQUEUE"] ?? "";
  return openQmailQueue({
    program: named === ""
      ? `${qmailDir}/bin/qmail-queue`
      : named.startsWith("/")
      ? named
      : `${qmailDir}/${named}`,
    directory: qmailDir,
    env,
    timeoutSeconds: settings.queue_timeout_seconds,
    maxPrograms: settings.max_queue_programs,
    trace: options.trace,
  });
}
