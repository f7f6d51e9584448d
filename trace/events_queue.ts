/** Trace events of queue/: what became of accepted mail. */
import { event } from "./tracer.ts";

export const QUEUE_EVENTS = {
  queued: event<{ queue: string; id: string; sender: string; recipients: number; bytes: number }>(
    "queue.queued",
    1,
    "queue",
    (f) =>
      `${f.queue} queued [${f.id}] from <${f.sender}> recipients ${f.recipients} bytes ${f.bytes}`,
  ),
  deferred: event<{ queue: string; sender: string; code: string; reason: string }>(
    "queue.deferred",
    1,
    "queue",
    (f) => `${f.queue} deferred from <${f.sender}> ${f.code} ${f.reason}`,
  ),
  refused: event<{ queue: string; sender: string; code: string; reason: string }>(
    "queue.refused",
    1,
    "queue",
    (f) => `${f.queue} refused from <${f.sender}> ${f.code} ${f.reason}`,
  ),
  delivered: event<{ file: string; bytes: number }>(
    "queue.maildir.delivered",
    2,
    "maildir",
    (f) => `delivered [${f.file}] bytes ${f.bytes}`,
  ),
  undone: event<{ file: string; reason: string }>(
    "queue.maildir.undone",
    1,
    "maildir",
    (f) => `taken back [${f.file}] because another copy failed: ${f.reason}`,
  ),
  leftBehind: event<{ file: string; reason: string }>(
    "queue.maildir.left-behind",
    1,
    "maildir",
    (f) => `left behind [${f.file}]: ${f.reason}`,
  ),
  recovered: event<{ file: string; entries: number; delivered: number; kept: number }>(
    "queue.maildir.recovered",
    1,
    "maildir",
    (f) =>
      `journal [${f.file}] held ${f.entries} accepted messages: ${f.delivered} delivered now, ${f.kept} kept`,
  ),
  program: event<{ program: string; pid: number; end: string }>(
    "queue.program.ended",
    2,
    "qmail_queue",
    (f) => `${f.program} pid ${f.pid} ended: ${f.end}`,
  ),
  qmqpServer: event<{ server: string; reason: string }>(
    "queue.qmqp.server",
    1,
    "qmqp",
    (f) => `server ${f.server} failed, the next one is asked: ${f.reason}`,
  ),
} as const;
