/** Settings of TLS (docs/tls.md). */
import { choice, integer, list, text } from "./kinds.ts";

export const TLS_SETTINGS = {
  smtps_listen: list([], "HOST:PORT of each SMTP listener that begins with TLS, such as :465"),
  pop3s_listen: list([], "HOST:PORT of each POP3 listener that begins with TLS, such as :995"),
  tls_cert: text(
    "control/servercert.pem",
    "Certificate chain as PEM, with the key in the same file unless tls_key is set; below the qmail directory when relative",
  ),
  tls_key: text("", "Private key as PEM; empty: in the file of tls_cert"),
  tls_sni: list(
    [],
    "More certificates, chosen by server name: PEM files with chain and key, or directories of *.pem",
  ),
  tls_handshake_seconds: integer(30, "seconds", "Longest TLS handshake", 1, 3600),
  tls_max_handshakes: integer(500, "handshakes", "TLS handshakes at one time", 1),
  client_cert: choice(
    ["none", "ask", "require"],
    "none",
    "Ask clients for a certificate, or require one; needs the system's OpenSSL 3",
  ),
  client_cert_login: choice(
    ["map", "cn", "email"],
    "map",
    "Login of a client certificate (AUTH EXTERNAL): by control/clientcerts, its CN, or its e-mail address",
  ),
  client_ca: text("", "PEM file of the authorities that sign client certificates"),
} as const;
