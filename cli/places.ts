/**
 * Where serve listens: the services, and the words that name a listener on the command line and in settings such as
 * `smtps_listen`.
 *
 * A word is HOST:PORT, and may go on with what differs from the settings for this listener alone:
 * `:465+client_cert=require+client_ca=control/ca.pem`. Read once, at the start.
 */
import { type ListenAddress, ListenError, parseListenAddress } from "../net/address.ts";
import type { TlsSettings } from "../net/tls.ts";
import type { Peer } from "../net/types.ts";
import { SettingError, type Settings } from "../settings/mod.ts";
import { TLS_SETTINGS } from "../settings/tls.ts";
import { type ParsedArgs, UsageError } from "./command.ts";

/** What a listener is: whose protocol, what clients come for, whether it begins with TLS or can go over to it. */
export interface ServiceKind {
  readonly protocol: "smtp" | "qmtp" | "qmqp" | "pop3";
  readonly service?: Peer["service"];
  readonly tls: "never" | "offered" | "implicit";
}

const SERVICES = {
  smtp: { protocol: "smtp", tls: "offered" },
  submission: { protocol: "smtp", service: "submission", tls: "offered" },
  smtps: { protocol: "smtp", service: "submission", tls: "implicit" },
  qmtp: { protocol: "qmtp", tls: "never" },
  qmqp: { protocol: "qmqp", tls: "never" },
  pop3: { protocol: "pop3", tls: "offered" },
  pop3s: { protocol: "pop3", tls: "implicit" },
} as const satisfies Readonly<Record<string, ServiceKind>>;

export type ServiceName = keyof typeof SERVICES;
const SERVICE_NAMES = Object.keys(SERVICES) as ServiceName[];

export const kindOf = (name: ServiceName): ServiceKind => SERVICES[name];

/** What a listener has in place of the settings of the same names. */
export type OwnTls = Partial<Pick<TlsSettings, "client_cert" | "client_ca">>;

/** One listener to be: which service, where, and what is different there. */
export interface Place {
  readonly service: ServiceName;
  readonly address: ListenAddress;
  readonly tls: OwnTls;
}

/** Where to listen, by the command line, else by the settings. @throws {UsageError} on a word that names no listener. */
export function listenPlaces(args: ParsedArgs, settings: Settings): Place[] {
  return SERVICE_NAMES.flatMap((service) => {
    const given = args.values(service);
    const words = given.length > 0 ? given : settings[`${service}_listen`];
    return words.filter((word) => word !== "off").map((word) => {
      const place = parsePlace(service, word);
      requireUse(place, settings, word);
      return place;
    });
  });
}

/** Reads one word. @throws {UsageError} */
export function parsePlace(service: ServiceName, word: string): Place {
  const [address = "", ...options] = word.split("+");
  return { service, address: parseAddress(address), tls: parseOptions(service, word, options) };
}

/** The same listener on the address that was bound before. @throws {UsageError} */
export const movedTo = (place: Place, bound: string): Place => ({
  ...place,
  address: parseAddress(bound),
});

function parseAddress(text: string): ListenAddress {
  try {
    return parseListenAddress(text);
  } catch (error) {
    if (error instanceof ListenError) throw new UsageError(error.message);
    throw error;
  }
}

function parseOptions(service: ServiceName, word: string, options: readonly string[]): OwnTls {
  const wrong = (why: string) => new UsageError(`Listener "${word}": ${why}`);
  if (options.length > 0 && kindOf(service).tls === "never") {
    throw wrong(`${service} has no TLS, so nothing follows its HOST:PORT`);
  }
  const own: { -readonly [K in keyof OwnTls]: OwnTls[K] } = {};
  for (const option of options) {
    const [, name, value = ""] = /^(client_cert|client_ca)=(.+)$/.exec(option) ?? [];
    if (name === undefined) {
      throw wrong(`"${option}" is neither client_cert=none|ask|require nor client_ca=FILE`);
    }
    if (Object.hasOwn(own, name)) throw wrong(`${name} stands twice`);
    try {
      if (name === "client_cert") own.client_cert = TLS_SETTINGS.client_cert.parse(value);
      else own.client_ca = TLS_SETTINGS.client_ca.parse(value);
    } catch (error) {
      if (error instanceof SettingError) throw wrong(`client_cert: ${error.message}`);
      throw error;
    }
  }
  return own;
}

/** Authorities that nobody would be asked for are a mistake. @throws {UsageError} */
function requireUse({ tls }: Place, settings: Settings, word: string): void {
  if (tls.client_ca === undefined || (tls.client_cert ?? settings.client_cert) !== "none") return;
  throw new UsageError(
    `Listener "${word}": client_ca is of no use without client_cert=ask or client_cert=require`,
  );
}
