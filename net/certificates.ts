/**
 * The server's certificates: PEM files with chain and key, found again when they change.
 *
 * control/servercert.pem holds chain and key in one file, as the TLS patches of qmail have it. Further certificates
 * are chosen by the name a client asks for (SNI). A pair that does not fit, or a file that cannot be read, keeps
 * what was in use and says so once. Chains are not verified against authorities here; the clients do that.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { NET_EVENTS } from "../trace/events_net.ts";
import type { Tracer } from "../trace/tracer.ts";
import { note } from "./note.ts";

/** One chain with its key. */
export interface Certificate {
  /** Names it is for, in lower case; may begin with "*.". */
  readonly names: readonly string[];
  /** The chain, the server's own certificate first. */
  readonly certPem: string;
  readonly keyPem: string;
  /** Files it came from, for messages and for libraries that read files. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** What is in use at one time. The first one serves clients that name no server or an unknown one. */
export type CertificateSet = readonly Certificate[];

/** Which files hold the certificates. */
export interface CertificateFiles {
  readonly cert: string;
  /** "": the key is in `cert`. */
  readonly key: string;
  /** Files with chain and key, or directories of them (*.pem). */
  readonly sni: readonly string[];
}

/** Certificates that cannot be used: one sentence for the administrator. */
export class CertificateError extends Error {
  override name = "CertificateError";
}

const CERT_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const KEY_BLOCK = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/;

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new CertificateError(`Certificate file "${path}" does not exist`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new CertificateError(`Certificate file "${path}" may not be read by this user`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CertificateError(`Certificate file "${path}" cannot be read: ${reason}`);
  }
}

function keyOf(text: string, path: string): string {
  const match = KEY_BLOCK.exec(text);
  if (match === null) throw new CertificateError(`"${path}" holds no private key`);
  if (match[1] === "ENCRYPTED PRIVATE KEY" || match[0].includes("Proc-Type: 4,ENCRYPTED")) {
    throw new CertificateError(`The private key in "${path}" is encrypted; store it without`);
  }
  return match[0];
}

/** Names that a certificate is for: its DNS names, or its common name when it has none. */
export function namesOf(certificate: X509Certificate): string[] {
  const alternatives = certificate.subjectAltName ?? "";
  const names = [...alternatives.matchAll(/DNS:([^,\s"]+)/g)].map((m) =>
    (m[1] ?? "").toLowerCase()
  );
  if (names.length > 0) return names;
  const common = /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject ?? "");
  return common?.[1] === undefined ? [] : [common[1].toLowerCase()];
}

/**
 * Reads one certificate. `keyFile` "": the key is in `certFile`.
 * @throws {CertificateError} with the file and what is wrong with it.
 */
export function readCertificate(certFile: string, keyFile: string): Certificate {
  const certText = readText(certFile);
  const blocks = certText.match(CERT_BLOCK);
  if (blocks === null) throw new CertificateError(`"${certFile}" holds no certificate`);
  const keyPath = keyFile === "" ? certFile : keyFile;
  const keyPem = keyOf(keyFile === "" ? certText : readText(keyFile), keyPath);
  let fits: boolean;
  let names: string[];
  try {
    const own = new X509Certificate(blocks[0] ?? "");
    names = namesOf(own);
    fits = own.checkPrivateKey(createPrivateKey(keyPem));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CertificateError(`The certificate in "${certFile}" cannot be used: ${reason}`);
  }
  if (!fits) {
    throw new CertificateError(
      `The private key in "${keyPath}" is not that of the first certificate in "${certFile}"`,
    );
  }
  return {
    names,
    certPem: blocks.join("\n") + "\n",
    keyPem: keyPem + "\n",
    certFile,
    keyFile: keyPath,
  };
}

/** Files named by `sni`, directories replaced by their *.pem in order of name. */
function sniFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    try {
      if (!Deno.statSync(path).isDirectory) return [path];
      return [...Deno.readDirSync(path)].map((entry) => entry.name)
        .filter((name) => name.endsWith(".pem") && !name.startsWith("."))
        .sort().map((name) => `${path}/${name}`);
    } catch {
      return [path]; // Reading it gives the sentence.
    }
  });
}

/** Changes whenever a file is replaced, written, added or taken away. */
function fingerprint(files: CertificateFiles): string {
  const paths = [files.cert, files.key, ...files.sni, ...sniFiles(files.sni)];
  return paths.filter((path) => path !== "").map((path) => {
    try {
      const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
      return `${path}:${dev}:${ino}:${size}:${mtime?.getTime()}:${ctime?.getTime()}`;
    } catch {
      return `${path}:-`;
    }
  }).join("\n");
}

/** Reads all certificates. @throws {CertificateError} for the first that cannot be used. */
export function readCertificates(files: CertificateFiles): CertificateSet {
  const first = readCertificate(files.cert, files.key);
  return [first, ...sniFiles(files.sni).map((path) => readCertificate(path, ""))];
}

/** The certificate for the name a client asked for; the first when it named none or an unknown one. */
export function indexForName(set: CertificateSet, sni: string | null): number {
  if (sni === null) return 0;
  const exact = set.findIndex((certificate) => certificate.names.includes(sni));
  if (exact >= 0) return exact;
  const wild = `*${sni.slice(sni.indexOf("."))}`;
  const matching = set.findIndex((certificate) => certificate.names.includes(wild));
  return sni.includes(".") && matching >= 0 ? matching : 0;
}

/** The certificates in use, read again when their files change. */
export class CertificateStore {
  readonly #files: CertificateFiles;
  readonly #trace: Tracer;
  #set: CertificateSet;
  #seen: string;
  #checkedMs = 0;

  /** @throws {CertificateError} when the certificates cannot be used at the start. */
  constructor(files: CertificateFiles, trace: Tracer) {
    this.#files = files;
    this.#trace = trace;
    this.#seen = fingerprint(files);
    this.#set = readCertificates(files);
    this.#noteLoaded();
  }

  /** The set in use; the same object until the files change. Looks at the files at most once in `everyMs`. */
  current(everyMs = 1000): CertificateSet {
    const now = performance.now();
    if (now - this.#checkedMs >= everyMs) {
      this.#checkedMs = now;
      this.refresh();
    }
    return this.#set;
  }

  /** Looks at the files now. What cannot be used is traced once and changes nothing. */
  refresh(): void {
    const seen = fingerprint(this.#files);
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      this.#set = readCertificates(this.#files);
      this.#noteLoaded();
    } catch (error) {
      this.#noteKept(error);
    }
  }

  /** Takes back a set that a TLS library refused, and says so. */
  keep(set: CertificateSet, error: unknown): void {
    this.#set = set;
    this.#noteKept(error);
  }

  #noteLoaded(): void {
    const names = this.#set.map((certificate) => certificate.names[0] ?? certificate.certFile);
    note(this.#trace, 0, NET_EVENTS.certificatesLoaded, {
      count: this.#set.length,
      names: names.join(" "),
    });
  }

  #noteKept(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    note(this.#trace, 0, NET_EVENTS.certificatesKept, { reason });
  }
}
