/** What a client's verified certificate says of its owner, read through OpenSSL. */
import type { OpensslCalls } from "./openssl_calls.ts";
import type { SecureInfo } from "./types.ts";

/** XN_FLAG_RFC2253. */
const RFC_2253 = 0x1110317n;

/** The part of a handshake's outcome that is about the client's certificate. */
export type PeerFacts = Pick<SecureInfo, "clientSubject" | "clientEmails">;

/** Reads it from a connection whose handshake is done; nothing where none was shown. */
export function readPeer(calls: OpensslCalls, ssl: Deno.PointerValue): PeerFacts {
  const certificate = calls.SSL_get1_peer_certificate(ssl);
  if (certificate === null) return { clientSubject: null };
  try {
    return {
      clientSubject: subjectOf(calls, certificate),
      clientEmails: emailsOf(calls, certificate),
    };
  } finally {
    calls.X509_free(certificate);
  }
}

/** The subject as RFC 2253 writes it. */
function subjectOf(c: OpensslCalls, certificate: Deno.PointerValue): string {
  const text = c.BIO_new(c.BIO_s_mem());
  c.X509_NAME_print_ex(text, c.X509_get_subject_name(certificate), 0, RFC_2253);
  const buffer = new Uint8Array(Number(c.BIO_ctrl_pending(text)));
  const count = c.BIO_read(text, buffer, buffer.length);
  c.BIO_free(text);
  return new TextDecoder().decode(buffer.subarray(0, Math.max(0, count)));
}

/** The addresses of subject and subjectAltName (rfc822Name), each once; OpenSSL leaves out those with a NUL in them. */
function emailsOf(c: OpensslCalls, certificate: Deno.PointerValue): readonly string[] {
  const list = c.X509_get1_email(certificate);
  if (list === null) return [];
  const count = Math.max(0, c.OPENSSL_sk_num(list));
  const emails = Array.from({ length: count }, (_, i) => binaryAt(c.OPENSSL_sk_value(list, i)));
  c.X509_email_free(list);
  return emails;
}

/** A C string of any bytes, one char a byte. */
function binaryAt(pointer: Deno.PointerValue): string {
  if (pointer === null) return "";
  const view = new Deno.UnsafePointerView(pointer);
  let text = "";
  for (let byte = view.getUint8(0); byte !== 0; byte = view.getUint8(text.length)) {
    text += String.fromCharCode(byte);
  }
  return text;
}
