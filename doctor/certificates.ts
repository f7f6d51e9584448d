/** Certificates of the tls settings: usable at all, not expired, for the right name, keys for nobody else to read. */
import { X509Certificate } from "node:crypto";
import {
  type Certificate,
  CertificateError,
  type CertificateSet,
  indexForName,
  readCertificates,
} from "../net/certificates.ts";
import { TLS_SETTINGS } from "../settings/tls.ts";
import { READ } from "../validate/files.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { found, octal, quoted, settingPath, statOf } from "./words.ts";

const DAY_MS = 86_400_000;
/** Whoever renews by a program does that a month before the end. */
const SOON_DAYS = 14;

export interface CertificateFact {
  readonly certificate: Certificate;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly isSelfSigned: boolean;
  readonly keyMode: number;
}

export type CertificateFacts =
  | { readonly kind: "none"; readonly path: string }
  | { readonly kind: "unusable"; readonly path: string; readonly reason: string }
  | { readonly kind: "read"; readonly all: readonly CertificateFact[] };

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function one(fact: CertificateFact, nowMs: number): Finding[] {
  const { certificate: { certFile, keyFile }, fromMs, untilMs } = fact;
  const where = { path: certFile };
  const left = Math.floor((untilMs - nowMs) / DAY_MS);
  const renew = `renew it and write chain and key to ${quoted(certFile)}`;
  const findings: Finding[] = [];
  if (nowMs > untilMs) {
    findings.push(found("certificate-expired", where, `It expired on ${day(untilMs)}`, renew));
  } else if (nowMs < fromMs) {
    findings.push(
      found(
        "certificate-expired",
        where,
        `It is valid from ${day(fromMs)} on`,
        "look at this machine's clock: date -u",
      ),
    );
  } else if (left < SOON_DAYS) {
    findings.push(
      found("certificate-expires", where, `It expires on ${day(untilMs)}, in ${left} days`, renew),
    );
  }
  if ((fact.keyMode & READ) !== 0) {
    findings.push(
      found(
        "key-open",
        { path: keyFile },
        `Its mode is ${octal(fact.keyMode)}`,
        `chmod 0600 ${quoted(keyFile)}`,
      ),
    );
  }
  if (fact.isSelfSigned) {
    findings.push(
      found("certificate-self-signed", where, "Nobody but itself vouches for it", renew),
    );
  }
  return findings;
}

/** Does one of them serve clients that ask for `name`, as the service chooses? */
function hasName(set: CertificateSet, name: string): boolean {
  const stranger = set[0];
  // With one in front that is for nobody, only a name that fits leads further.
  return stranger !== undefined && indexForName([{ ...stranger, names: [] }, ...set], name) > 0;
}

/** `me`: control/me, "" for none. */
export function judgeCertificates(facts: CertificateFacts, me: string, nowMs: number): Finding[] {
  switch (facts.kind) {
    case "none":
      return [
        found(
          "certificate-missing",
          { path: facts.path },
          "It does not exist",
          `write chain and key to ${quoted(facts.path)}`,
        ),
      ];
    case "unusable":
      return [
        found(
          "certificate-unusable",
          { path: facts.path },
          facts.reason,
          "openssl x509 -noout -text -in FILE; openssl pkey -noout -in FILE",
        ),
      ];
    case "read": {
      const set = facts.all.map(({ certificate }) => certificate);
      const first = set[0];
      const isNamed = me === "" || first === undefined || hasName(set, me.toLowerCase());
      return [
        ...facts.all.flatMap((fact) => one(fact, nowMs)),
        ...(isNamed || first === undefined ? [] : [found(
          "certificate-name",
          { path: first.certFile },
          `It is for ${first.names.join(", ") || "no name"}, and this host is ${me}`,
          `get one whose subjectAltName has DNS:${me}`,
        )]),
      ];
    }
  }
}

function factOf(certificate: Certificate): CertificateFact {
  const x509 = new X509Certificate(certificate.certPem);
  return {
    certificate,
    fromMs: new Date(x509.validFrom).getTime(),
    untilMs: new Date(x509.validTo).getTime(),
    isSelfSigned: x509.issuer === x509.subject,
    keyMode: statOf(certificate.keyFile)?.mode ?? 0,
  };
}

export function gatherCertificates(patient: Patient): CertificateFacts {
  const { tls_cert, tls_key, tls_sni, smtps_listen, pop3s_listen } = patient.settings;
  const path = settingPath(patient, tls_cert);
  const isWanted = smtps_listen.length + pop3s_listen.length > 0;
  const isDefault = tls_cert === TLS_SETTINGS.tls_cert.default || tls_cert === "";
  if (isDefault && !isWanted && (tls_cert === "" || statOf(path) === null)) {
    return { kind: "none", path: settingPath(patient, TLS_SETTINGS.tls_cert.default) };
  }
  try {
    const set = readCertificates({
      cert: path,
      key: tls_key === "" ? "" : settingPath(patient, tls_key),
      sni: tls_sni.map((name) => settingPath(patient, name)),
    });
    return { kind: "read", all: set.map(factOf) };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { kind: "unusable", path, reason: error.message };
  }
}

export const CERTIFICATES: Check = {
  name: "certificates",
  run(patient) {
    let me = "";
    try {
      me = patient.control.line("me") ?? "";
    } catch {
      // told with the control files
    }
    return judgeCertificates(gatherCertificates(patient), me, patient.nowMs);
  },
};
