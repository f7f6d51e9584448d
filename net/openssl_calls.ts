/**
 * The calls into the system's OpenSSL 3 that openssl.ts makes. Opened only where client certificates are asked for;
 * everything else of TLS needs no library of the system.
 */

const P = "pointer" as const;
const B = "buffer" as const;
const I = "i32" as const;

const SSL = {
  TLS_server_method: { parameters: [], result: P },
  SSL_CTX_new: { parameters: [P], result: P },
  SSL_CTX_free: { parameters: [P], result: "void" },
  SSL_CTX_use_certificate_chain_file: { parameters: [P, B], result: I },
  SSL_CTX_use_PrivateKey_file: { parameters: [P, B, I], result: I },
  SSL_CTX_check_private_key: { parameters: [P], result: I },
  SSL_CTX_ctrl: { parameters: [P, I, "i64", P], result: "i64" },
  SSL_CTX_set_options: { parameters: [P, "u64"], result: "u64" },
  SSL_CTX_set_num_tickets: { parameters: [P, "usize"], result: I },
  SSL_CTX_set_verify: { parameters: [P, I, P], result: "void" },
  SSL_CTX_load_verify_file: { parameters: [P, B], result: I },
  SSL_CTX_set_client_CA_list: { parameters: [P, P], result: "void" },
  SSL_load_client_CA_file: { parameters: [B], result: P },
  SSL_new: { parameters: [P], result: P },
  SSL_free: { parameters: [P], result: "void" },
  SSL_set_bio: { parameters: [P, P, P], result: "void" },
  SSL_set_accept_state: { parameters: [P], result: "void" },
  SSL_do_handshake: { parameters: [P], result: I },
  SSL_read: { parameters: [P, B, I], result: I },
  SSL_write: { parameters: [P, B, I], result: I },
  SSL_get_error: { parameters: [P, I], result: I },
  SSL_shutdown: { parameters: [P], result: I },
  SSL_get_version: { parameters: [P], result: P },
  SSL_get_current_cipher: { parameters: [P], result: P },
  SSL_CIPHER_get_name: { parameters: [P], result: P },
  SSL_get1_peer_certificate: { parameters: [P], result: P },
} as const;

const CRYPTO = {
  BIO_new: { parameters: [P], result: P },
  BIO_free: { parameters: [P], result: I },
  BIO_s_mem: { parameters: [], result: P },
  BIO_write: { parameters: [P, B, I], result: I },
  BIO_read: { parameters: [P, B, I], result: I },
  BIO_ctrl_pending: { parameters: [P], result: "usize" },
  X509_get_subject_name: { parameters: [P], result: P },
  X509_NAME_print_ex: { parameters: [P, P, I, "u64"], result: I },
  X509_get1_email: { parameters: [P], result: P },
  X509_email_free: { parameters: [P], result: "void" },
  OPENSSL_sk_num: { parameters: [P], result: I },
  OPENSSL_sk_value: { parameters: [P, I], result: P },
  X509_free: { parameters: [P], result: "void" },
  ERR_clear_error: { parameters: [], result: "void" },
  ERR_get_error: { parameters: [], result: "u64" },
  ERR_reason_error_string: { parameters: ["u64"], result: P },
} as const;

/** The opened libraries' calls. */
export type OpensslCalls =
  & Deno.DynamicLibrary<typeof SSL>["symbols"]
  & Deno.DynamicLibrary<typeof CRYPTO>["symbols"];

let calls: OpensslCalls | null = null;

/**
 * OpenSSL's calls, opened at first need and kept.
 * @throws {Error} with a sentence where the system has no OpenSSL 3.
 */
export function openssl(): OpensslCalls {
  calls ??= openLibraries("libcrypto.so.3", "libssl.so.3");
  return calls;
}

/** @throws {Error} with a sentence where one of the two can't be opened. */
export function openLibraries(libcrypto: string, libssl: string): OpensslCalls {
  try {
    const crypto = Deno.dlopen(libcrypto, CRYPTO).symbols;
    return { ...crypto, ...Deno.dlopen(libssl, SSL).symbols };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      "Client certificates need OpenSSL 3 (libssl.so.3 and libcrypto.so.3), which cannot be opened: " +
        `install it or set client_cert=none (${reason})`,
      { cause: error },
    );
  }
}

/** `text` as a C string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** A C string's text; "" for a null pointer. */
export function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}

/** OpenSSL's reason for its last error. Forgets all errors. */
export function lastReason(fallback: string): string {
  const c = openssl();
  const code = c.ERR_get_error();
  const text = code === 0n ? "" : textAt(c.ERR_reason_error_string(code));
  c.ERR_clear_error();
  return text === "" ? fallback : text;
}
