/**
 * TLS through the system's OpenSSL 3, which can ask clients for certificates (stunnel's and sslserver's job).
 *
 * Same seam as TlsFront: `upgrade` makes a stream a secured one. Only listeners with client_cert ask or require
 * use it. A certificate that no authority of client_ca signed fails the handshake; with "ask" a client may show none.
 * Sessions are not resumed, so that each one shows its certificate.
 */
import type { Certificate, CertificateSet } from "./certificates.ts";
import { indexForName } from "./certificates.ts";
import { Handshakes, readHello } from "./handshakes.ts";
import { cString, lastReason, openssl, type OpensslCalls } from "./openssl_calls.ts";
import { OpensslStream } from "./openssl_stream.ts";
import type { Secured } from "./session.ts";
import type { TlsSetup } from "./tls_front.ts";
import type { Duplex, Peer } from "./types.ts";

/** Whether clients may or must show a certificate. */
export interface ClientCertSetup extends TlsSetup {
  readonly clientCert: "ask" | "require";
  /** PEM file of the authorities. */
  readonly caFile: string;
}

const PEM = 1;
const SET_MIN_PROTO_VERSION = 123;
const TLS1_2 = 0x0303n;
const SET_SESSION_CACHE_MODE = 44;
const NO_TICKET = 1n << 14n;
const SERVER_PREFERENCE = 1n << 22n;
const NO_RENEGOTIATION = 1n << 30n;
const VERIFY_PEER = 1;
const FAIL_IF_NO_PEER_CERT = 2;

/** TLS with client certificates, for a process or worker. */
export class OpensslFront {
  readonly #setup: ClientCertSetup;
  readonly #calls: OpensslCalls;
  readonly #handshakes: Handshakes;
  #set: CertificateSet;
  #contexts: Deno.PointerValue[];

  /** @throws {Error} with a sentence when OpenSSL, a certificate or the authorities cannot be had. */
  constructor(setup: ClientCertSetup) {
    this.#setup = setup;
    this.#calls = openssl();
    this.#handshakes = new Handshakes(setup.trace, setup.maxHandshakes);
    this.#set = setup.source.current();
    this.#contexts = this.#load(this.#set);
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#handshakes.open;
  }

  /** Makes `raw` a TLS stream; as TlsFront.upgrade. */
  async upgrade(raw: Duplex, peer: Peer): Promise<Secured> {
    const { wheel, handshakeSeconds } = this.#setup;
    return await this.#handshakes.run(raw, peer, async () => {
      this.#renew();
      const stream = new OpensslStream(raw, wheel);
      const info = await stream.handshake(handshakeSeconds, async () => {
        const { bytes, sni } = await readHello(raw);
        const context = this.#contexts[indexForName(this.#set, sni)];
        if (context === undefined) throw new Error("TLS is shut down");
        return { bytes, sni, context };
      });
      return { conn: stream, info };
    });
  }

  /** Frees the certificates; running sessions go on. */
  close(): void {
    this.#free(this.#contexts);
    this.#contexts = [];
  }

  #renew(): void {
    const { source } = this.#setup;
    const set = source.current();
    if (set === this.#set) return;
    try {
      const fresh = this.#load(set);
      this.#free(this.#contexts);
      this.#contexts = fresh;
      this.#set = set;
    } catch (error) {
      source.keep(this.#set, error);
    }
  }

  #free(contexts: readonly Deno.PointerValue[]): void {
    for (const context of contexts) this.#calls.SSL_CTX_free(context);
  }

  #load(set: CertificateSet): Deno.PointerValue[] {
    const fresh: Deno.PointerValue[] = [];
    try {
      for (const certificate of set) {
        const context = this.#calls.SSL_CTX_new(this.#calls.TLS_server_method());
        fresh.push(context);
        this.#useCertificate(context, certificate);
        this.#useAuthorities(context);
      }
      return fresh;
    } catch (error) {
      this.#free(fresh);
      throw error;
    }
  }

  #useCertificate(context: Deno.PointerValue, certificate: Certificate): void {
    const c = this.#calls;
    const { certFile, keyFile } = certificate;
    c.ERR_clear_error();
    const used = c.SSL_CTX_use_certificate_chain_file(context, cString(certFile)) === 1 &&
      c.SSL_CTX_use_PrivateKey_file(context, cString(keyFile), PEM) === 1 &&
      c.SSL_CTX_check_private_key(context) === 1;
    if (!used) {
      const reason = lastReason("no reason given");
      throw new Error(`The certificate in "${certFile}" cannot be used: ${reason}`);
    }
    c.SSL_CTX_ctrl(context, SET_MIN_PROTO_VERSION, TLS1_2, null);
    c.SSL_CTX_ctrl(context, SET_SESSION_CACHE_MODE, 0n, null);
    c.SSL_CTX_set_options(context, NO_TICKET | SERVER_PREFERENCE | NO_RENEGOTIATION);
    c.SSL_CTX_set_num_tickets(context, 0n);
  }

  #useAuthorities(context: Deno.PointerValue): void {
    const c = this.#calls;
    const { caFile, clientCert } = this.#setup;
    if (caFile === "") throw new Error(`client_cert=${clientCert} needs client_ca`);
    if (c.SSL_CTX_load_verify_file(context, cString(caFile)) !== 1) {
      const reason = lastReason("no reason given");
      throw new Error(`The authorities in "${caFile}" cannot be used: ${reason}`);
    }
    c.SSL_CTX_set_client_CA_list(context, c.SSL_load_client_CA_file(cString(caFile)));
    const mode = clientCert === "require" ? VERIFY_PEER | FAIL_IF_NO_PEER_CERT : VERIFY_PEER;
    c.SSL_CTX_set_verify(context, mode, null);
  }
}
