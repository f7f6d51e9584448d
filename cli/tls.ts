/**
 * TLS of a site: opened before root is given away, opened anew when its settings change, and offered to a session on
 * standard input only where that costs something for a reason. The library behind it is loaded here and nowhere else.
 *
 * Changed certificate files are the business of net/certificates.ts; here it is the settings, the authorities of
 * clients, and a certificate that was not there at the start.
 */
import type { Upgrade } from "../net/session.ts";
import { kindOf } from "../net/stdin.ts";
import { TimerWheel } from "../net/timers.ts";
import type { Tls, TlsSettings } from "../net/tls.ts";
import type { Duplex } from "../net/types.ts";
import { TLS_SETTINGS } from "../settings/tls.ts";
import { NET_EVENTS } from "../trace/events.ts";
import { reasonOf, SiteError } from "./command.ts";
import type { OwnTls } from "./places.ts";
import { complain } from "./say.ts";
import type { Site, SitePlace } from "./site.ts";

/** TLS as listeners see it. */
export interface SiteTls {
  /** Undefined: it is not offered now. */
  readonly upgrade: Upgrade | undefined;
  /** Looks at the settings; with `force` at the certificate files too. What can't be used changes nothing. */
  refresh(force: boolean): void;
  close(): void;
}

/** A setting's path as file calls take it. */
const resolveAt = ({ root, path }: SitePlace) => (name: string): string =>
  name.startsWith("/") ? root + name : `${path}/${name}`;

/** Changes whenever the file does; "-": there is none that can be seen. */
function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return `${dev} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
  } catch {
    return "-";
  }
}

/** One opened TLS. A retired one closes when its last handshake is over, so that no client is cut off. */
interface Generation {
  readonly upgrade: Upgrade;
  refresh(): void;
  retire(): void;
}

function generationOf(tls: Tls): Generation {
  let handshakes = 0;
  let isRetired = false;
  const closeWhenUnused = () => {
    if (isRetired && handshakes === 0) tls.close();
  };
  return {
    async upgrade(conn, peer) {
      handshakes++;
      try {
        return await tls.upgrade(conn, peer);
      } finally {
        handshakes--;
        closeWhenUnused();
      }
    },
    refresh: () => tls.refresh(),
    retire() {
      isRetired = true;
      closeWhenUnused();
    },
  };
}

/**
 * Opens TLS for listeners of this isolate. `needing`: the first service that can't be without, null: none. `own`: what they
 * have in place of the settings of the same names.
 * @throws {SiteError} when what is set can't be used, or a listener needs what is not set.
 */
export async function openSiteTls(
  site: Site,
  wheel: TimerWheel,
  needing: string | null,
  own: OwnTls,
): Promise<SiteTls> {
  // Loaded even without a certificate: one may come later, when this process may no longer read its own sources.
  const { openTls } = await import("../net/tls.ts");
  const resolve = resolveAt(site.place);
  const settings = (): TlsSettings => ({ ...site.current.settings, ...own });
  const open = (): Generation | null => {
    const tls = openTls(settings(), resolve, wheel, site.tracer);
    if (tls !== null) return generationOf(tls);
    if (needing === null) return null;
    throw new SiteError(
      `A listener for ${needing} needs a certificate, and neither "${
        resolve(TLS_SETTINGS.tls_cert.default)
      }" nor setting tls_cert has one`,
    );
  };
  let current: Generation | null;
  try {
    current = open();
  } catch (error) {
    throw error instanceof SiteError ? error : new SiteError(`TLS: ${reasonOf(error)}`);
  }
  const wanted = (): string => stateOf(settings(), resolve, current !== null);
  let seen = wanted();
  return {
    get upgrade() {
      return current?.upgrade;
    },
    refresh(force) {
      const isSame = wanted() === seen;
      if (isSame && force) current?.refresh();
      if (isSame && (!force || current !== null)) return;
      try {
        const fresh = open();
        current?.retire();
        current = fresh;
      } catch (error) {
        sayKept(site, reasonOf(error), current !== null);
      }
      seen = wanted();
    },
    close: () => current?.retire(),
  };
}

/** Everything that a change of calls for opening TLS anew. */
function stateOf(
  settings: TlsSettings,
  resolve: (name: string) => string,
  isOpen: boolean,
): string {
  const { tls_cert, tls_key, tls_sni, client_cert, client_ca } = settings;
  const { tls_handshake_seconds, tls_max_handshakes } = settings;
  return JSON.stringify([
    [tls_cert, tls_key, tls_sni, client_cert, client_ca, tls_handshake_seconds, tls_max_handshakes],
    client_cert === "none" || client_ca === "" ? "" : stampOf(resolve(client_ca)),
    // Once open, the certificate store looks at its files itself.
    isOpen || tls_cert === "" ? "" : stampOf(resolve(tls_cert)),
    isOpen || tls_key === "" ? "" : stampOf(resolve(tls_key)),
  ]);
}

function sayKept(site: Site, reason: string, isOpen: boolean): void {
  const what = isOpen ? "what was in use before stays in force" : "TLS stays off";
  complain(`TLS: ${reason}; ${what}`);
  if (isOpen) site.tracer.emit(0, NET_EVENTS.certificatesKept, { reason });
}

/** TLS for the one session of a process. */
export interface StdinTls {
  readonly upgrade: Upgrade | undefined;
  /** Resolves when the client has everything that was written under TLS: the process may end then. */
  close(): Promise<void>;
}

/**
 * TLS for a session on standard input: only where that is a socket and a certificate is there. One that can't be used is
 * said on standard error and not offered; the mail goes on.
 */
export async function openStdinTls(site: Site): Promise<StdinTls> {
  const { settings } = site.current;
  const { tls_cert } = settings;
  const none: StdinTls = { upgrade: undefined, close: () => Promise.resolve() };
  const resolve = resolveAt(site.place);
  if (kindOf(0) !== "socket" || tls_cert === "") return none;
  if (tls_cert === TLS_SETTINGS.tls_cert.default && stampOf(resolve(tls_cert)) === "-") return none;
  const { openTls } = await import("../net/tls.ts");
  try {
    const tls = openTls(settings, resolve, new TimerWheel(), site.tracer);
    return tls === null ? none : lastWordsOf(tls);
  } catch (error) {
    complain(`TLS: ${reasonOf(error)}; it is not offered`);
    return none;
  }
}

/** The end of the session closes the secured stream, whose last bytes are carried out a moment later. */
function lastWordsOf(tls: Tls): StdinTls {
  let over: Promise<void> = Promise.resolve();
  return {
    async upgrade(conn, peer) {
      const said = Promise.withResolvers<void>();
      const raw: Duplex = {
        read: (buffer) => conn.read(buffer),
        write: (bytes) => conn.write(bytes),
        closeWrite: () => conn.closeWrite().finally(said.resolve),
        close() {
          conn.close();
          said.resolve();
        },
        abort: (lost) => conn.abort === undefined ? lost() : conn.abort(lost),
      };
      over = said.promise;
      return await tls.upgrade(raw, peer);
    },
    close: () => over,
  };
}
