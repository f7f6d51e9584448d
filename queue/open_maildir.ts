/** The way into Maildirs, opened by the settings of a site. */
import type { Settings } from "../settings/mod.ts";
import type { QueueOptions } from "./choice.ts";
import { type MaildirQueue, openMaildirQueue } from "./maildir.ts";
import { routeBy } from "./route.ts";

/** Opens it. */
export function openMaildirWay(options: QueueOptions): MaildirQueue {
  return openMaildirQueue({
    routing: routeBy(options.site, () => deliversAsOwner(options.settings)),
    trace: options.trace,
    host: options.host,
    pid: Deno.pid,
    worker: options.worker ?? 0,
    sync: options.settings.maildir_sync,
    journal: options.journal ?? (() => null),
  });
}

/** Only root can take the identity of others; asked for each message, as root may be given away in between. */
const deliversAsOwner = (settings: Settings): boolean =>
  settings.deliver_as === "owner" && Deno.uid() === 0;
