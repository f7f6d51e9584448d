/**
 * TLS as the settings want it: which certificates, with or without client certificates. What `serve` and the stdin
 * sessions open; they get one function that makes a stream a secured one, whichever library is behind it.
 */
import type { Settings } from "../settings/mod.ts";
import { TLS_SETTINGS } from "../settings/tls.ts";
import type { Tracer } from "../trace/tracer.ts";
import { type CertificateFiles, CertificateStore } from "./certificates.ts";
import { OpensslFront } from "./openssl.ts";
import type { Upgrade } from "./session.ts";
import type { TimerWheel } from "./timers.ts";
import { TlsFront, type TlsSetup } from "./tls_front.ts";

/** The settings that are read here. */
export type TlsSettings = Pick<
  Settings,
  | "tls_cert"
  | "tls_key"
  | "tls_sni"
  | "tls_handshake_seconds"
  | "tls_max_handshakes"
  | "client_cert"
  | "client_ca"
>;

/** TLS in use. */
export interface Tls {
  readonly upgrade: Upgrade;
  /** Looks at the certificate files now; they are looked at once a second anyway. */
  refresh(): void;
  /** Ends it for new connections. */
  close(): void;
}

function filesOf(settings: TlsSettings, resolve: (path: string) => string): CertificateFiles {
  return {
    cert: resolve(settings.tls_cert),
    key: settings.tls_key === "" ? "" : resolve(settings.tls_key),
    sni: settings.tls_sni.map(resolve),
  };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

/**
 * Opens TLS. `resolve` makes a setting's path absolute. Null: no certificate is set and control/servercert.pem is not
 * there, so that TLS is not offered.
 * @throws {Error} with a sentence when what is set cannot be used.
 */
export function openTls(
  settings: TlsSettings,
  resolve: (path: string) => string,
  wheel: TimerWheel,
  trace: Tracer,
): Tls | null {
  const files = filesOf(settings, resolve);
  const unset = settings.tls_cert === "" || settings.tls_cert === TLS_SETTINGS.tls_cert.default;
  if (unset && (settings.tls_cert === "" || !exists(files.cert))) return null;
  const store = new CertificateStore(files, trace);
  const setup: TlsSetup = {
    source: store,
    wheel,
    trace,
    handshakeSeconds: settings.tls_handshake_seconds,
    maxHandshakes: settings.tls_max_handshakes,
  };
  const front = settings.client_cert === "none" ? new TlsFront(setup) : new OpensslFront({
    ...setup,
    clientCert: settings.client_cert,
    caFile: settings.client_ca === "" ? "" : resolve(settings.client_ca),
  });
  return {
    upgrade: (conn, peer) => front.upgrade(conn, peer),
    refresh: () => store.refresh(),
    close: () => front.close(),
  };
}
