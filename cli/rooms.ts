/**
 * The parts of a site that not everybody needs: a service has them all, one session on standard input what it serves.
 *
 * They are loaded when a site is opened, never later: a process that has given root away may not read its own sources any
 * more. The exception is the resolver of one session that never was root, which is loaded with its first question.
 */
import { chooseQueue, type QueueOptions } from "../queue/choice.ts";
import type { Queue } from "../queue/types.ts";
import type { Settings } from "../settings/mod.ts";
import type { SiteOptions } from "./site_options.ts";
import type { SitePlace } from "./site_place.ts";

/** null: not loaded, for nobody asks. */
export interface Rooms {
  readonly pop3: typeof import("./pop3_service.ts") | null;
  readonly qmtp: typeof import("../qmtp/protocol.ts") | null;
  /** Where mail goes by the settings that the rooms were loaded for; of a whole site by any. */
  readonly openQueue: (options: QueueOptions) => Queue;
  readonly auth: typeof import("../auth/mod.ts") | null;
  /** What is had through a keeper. */
  readonly kept: typeof import("./kept.ts") | null;
  readonly content: typeof import("./site_content.ts") | null;
  readonly dns: typeof import("../dns/system.ts") | null;
  readonly journals: typeof import("../queue/journals.ts") | null;
}

/** Loads what a site needs that is opened so. */
export async function loadRooms(
  place: Pick<SitePlace, "path">,
  options: SiteOptions,
  settings: Settings,
): Promise<Rooms> {
  const { serves } = options;
  const isWhole = serves === undefined || options.asRoot === "settle";
  const isAsked = (...names: readonly string[]): boolean => isWhole || names.includes(serves);
  const [pop3, qmtp, openQueue, auth, kept, content, dns, journals] = await Promise.all([
    isAsked("pop3") ? import("./pop3_service.ts") : null,
    isAsked("qmtp", "qmqp") ? import("../qmtp/protocol.ts") : null,
    isWhole ? anyQueue() : oneQueue(place, settings),
    isAsked("pop3") || mayLogIn(options, settings) ? import("../auth/mod.ts") : null,
    isWhole ? import("./kept.ts") : null,
    isWhole || looksIntoMessages(settings) ? import("./site_content.ts") : null,
    isWhole ? import("../dns/system.ts") : null,
    options.isService ? import("../queue/journals.ts") : null,
  ]);
  return { pop3, qmtp, openQueue, auth, kept, content, dns, journals };
}

const anyQueue = async (): Promise<Rooms["openQueue"]> =>
  (await import("../queue/mod.ts")).openQueue;

async function oneQueue({ path }: Pick<SitePlace, "path">, settings: Settings) {
  switch (chooseQueue({ settings, qmailDir: path, env: Deno.env.toObject() })) {
    case "qmail-queue":
      return (await import("../queue/open_program.ts")).openProgramWay;
    case "maildir":
      return (await import("../queue/open_maildir.ts")).openMaildirWay;
    case "qmqp":
      return (await import("../queue/open_qmqp.ts")).openQmqpWay;
  }
}

/** May AUTH come to a password in a session that is not POP3? What is wrong with auth_source is said even if not. */
export function mayLogIn({ serves, isSecurable }: SiteOptions, settings: Settings): boolean {
  if (settings.auth_source !== "poppasswd") return true;
  if (serves !== "smtp") return serves === undefined;
  return settings.smtp_auth === "always" || (settings.smtp_auth === "tls" && isSecurable !== false);
}

/** Does somebody look into messages? Every setting that content/ has checks for. */
export function looksIntoMessages(settings: Settings): boolean {
  const { header_limits, header_rules, patterns, filter, spamd, dkim, arc, dmarc } = settings;
  return settings.decision_header ||
    [header_limits, header_rules, patterns, filter, spamd, dkim, arc, dmarc]
      .some((mode) => mode !== "off");
}
