/**
 * A self-signed certificate for trying things (RFC 5280, ECDSA on P-256 of RFC 5480), made with the runtime's own
 * WebCrypto: nothing has to be installed. Only as much DER (X.690) as such a certificate needs; no authority signs
 * anything here, and nobody should trust it but who made it.
 */

type Bytes = Uint8Array<ArrayBuffer>;

const TAG = { integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, time: 23, sequence: 0x30 };
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

const OID = {
  commonName: "2.5.4.3",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
};

/** One value: tag, length, content. */
function der(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const size = content.reduce((sum, part) => sum + part.length, 0);
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  const whole = new Uint8Array(1 + length.length + size);
  whole.set([tag, ...length]);
  let at = 1 + length.length;
  for (const part of content) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const bytes = (...values: number[]): Bytes => Uint8Array.from(values);
const text = (value: string): Bytes => new TextEncoder().encode(value);
const sequence = (...content: readonly Uint8Array[]): Bytes => der(TAG.sequence, ...content);

/** A number that is not negative, from its bytes with the highest first. */
function unsigned(value: Uint8Array): Bytes {
  let from = 0;
  while (from < value.length - 1 && value[from] === 0) from++;
  const short = value.subarray(from);
  return der(TAG.integer, (short[0] ?? 0) > 127 ? bytes(0) : bytes(), short);
}

function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const encoded = [first * 40 + second, ...rest].flatMap((part) => {
    const sevens = [part & 127];
    for (let left = part >>> 7; left > 0; left >>>= 7) sevens.unshift((left & 127) | 128);
    return sevens;
  });
  return der(TAG.oid, bytes(...encoded));
}

/** "261120130000Z"; for years up to 2049. */
const time = (ms: number): Bytes =>
  der(TAG.time, text(new Date(ms).toISOString().slice(2).replace(/[-:T]|\.\d+/g, "")));

const nameOf = (common: string): Bytes =>
  sequence(der(SET, sequence(oid(OID.commonName), der(TAG.utf8, text(common)))));

const isIpv4 = (name: string): boolean => /^\d+(\.\d+){3}$/.test(name);

/** An extension that is not critical. */
const extension = (id: string, value: Uint8Array): Bytes =>
  sequence(oid(id), der(TAG.octets, value));

function extensions(names: readonly string[]): Bytes {
  const alternatives = names.map((name) =>
    isIpv4(name) ? der(IP_ADDRESS, bytes(...name.split(".").map(Number))) : der(
      DNS_NAME,
      text(name),
    )
  );
  return der(
    EXTENSIONS,
    sequence(
      extension(OID.subjectAltName, sequence(...alternatives)),
      extension(OID.basicConstraints, sequence()),
    ),
  );
}

function pem(label: string, content: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...content)).replace(/.{1,64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${base64}-----END ${label}-----\n`;
}

const DAY_MS = 86_400_000;

/**
 * A new key and its certificate for `names` (host names and IPv4 addresses, the first also as common name), valid from an
 * hour ago for `days` days: both as PEM, in one text.
 */
export async function makeSelfSigned(names: readonly string[], days: number): Promise<string> {
  const subtle = crypto.subtle;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const keys = await subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const publicKey = new Uint8Array(await subtle.exportKey("spki", keys.publicKey));
  const privateKey = new Uint8Array(await subtle.exportKey("pkcs8", keys.privateKey));
  const signing = sequence(oid(OID.ecdsaWithSha256));
  const subject = nameOf(names[0] ?? "localhost");
  const now = Math.floor(Date.now() / 1000) * 1000;
  const facts = sequence(
    der(VERSION, unsigned(bytes(2))),
    unsigned(crypto.getRandomValues(new Uint8Array(16))),
    signing,
    subject,
    sequence(time(now - DAY_MS / 24), time(now + days * DAY_MS)),
    subject,
    publicKey,
    extensions(names),
  );
  const sha256 = { name: "ECDSA", hash: "SHA-256" };
  const raw = new Uint8Array(await subtle.sign(sha256, keys.privateKey, facts));
  const signature = sequence(unsigned(raw.subarray(0, 32)), unsigned(raw.subarray(32)));
  const whole = sequence(facts, signing, der(TAG.bits, bytes(0), signature));
  return pem("CERTIFICATE", whole) + pem("PRIVATE KEY", privateKey);
}
