/**
 * The parts of a site that not everybody needs: a service has them all, one session on standard input what it serves.
 *
 * They are loaded when a site is opened, never later: a process that has given root away may not read its own sources any
 * more. The exception is the resolver of one session that never was root, which is loaded with its first question.
 */
import type { Settings } from "../settings/mod.ts";
import type { SiteOptions } from "./site_options.ts";

/** null: not loaded, for nobody asks. */
export interface Rooms {
  readonly pop3: typeof import("./pop3_service.ts") | null;
  readonly qmtp: typeof import("../qmtp/protocol.ts") | null;
  /** What is had through a keeper. */
  readonly kept: typeof import("./kept.ts") | null;
  readonly content: typeof import("./site_content.ts") | null;
  readonly dns: typeof import("../dns/system.ts") | null;
}

/** Does somebody look into messages? Every setting that content/ has checks for. */
export function looksIntoMessages(settings: Settings): boolean {
  const { header_limits, header_rules, patterns, filter, spamd, dkim, arc, dmarc } = settings;
  return settings.decision_header ||
    [header_limits, header_rules, patterns, filter, spamd, dkim, arc, dmarc]
      .some((mode) => mode !== "off");
}

/** Loads what a site needs that is opened so. */
export async function loadRooms(options: SiteOptions, settings: Settings): Promise<Rooms> {
  const { serves } = options;
  const isWhole = serves === undefined || options.asRoot === "settle";
  const isAsked = (...names: readonly string[]): boolean => isWhole || names.includes(serves);
  const [pop3, qmtp, kept, content, dns] = await Promise.all([
    isAsked("pop3") ? import("./pop3_service.ts") : null,
    isAsked("qmtp", "qmqp") ? import("../qmtp/protocol.ts") : null,
    isWhole ? import("./kept.ts") : null,
    isWhole || looksIntoMessages(settings) ? import("./site_content.ts") : null,
    isWhole ? import("../dns/system.ts") : null,
  ]);
  return { pop3, qmtp, kept, content, dns };
}
