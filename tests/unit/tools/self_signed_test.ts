import { assert, assertEquals } from "@std/assert";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { makeSelfSigned } from "../../../tools/self_signed.ts";

function halves(pem: string): { cert: string; key: string } {
  const at = pem.indexOf("-----BEGIN PRIVATE KEY");
  return { cert: pem.slice(0, at), key: pem.slice(at) };
}

Deno.test("makeSelfSigned: a certificate for its names, signed by its own key", async () => {
  const { cert, key } = halves(
    await makeSelfSigned(["mail.example.org", "localhost", "127.0.0.1"], 30),
  );
  const certificate = new X509Certificate(cert);
  assert(certificate.checkPrivateKey(createPrivateKey(key)));
  assertEquals(certificate.subject, "CN=mail.example.org");
  assertEquals(
    certificate.subjectAltName,
    "DNS:mail.example.org, DNS:localhost, IP Address:127.0.0.1",
  );
  assertEquals(certificate.ca, false);
  const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
  assert(days > 29.9 && days <= 30, String(days));
});

Deno.test("makeSelfSigned: every one can be read, whatever its random numbers begin with", async () => {
  for (let i = 0; i < 100; i++) {
    const { cert } = halves(await makeSelfSigned(["localhost"], 1));
    const certificate = new X509Certificate(cert);
    assert(certificate.verify(certificate.publicKey), cert);
  }
});

Deno.test("makeSelfSigned: the runtime's TLS takes it on both sides", async () => {
  const { cert, key } = halves(await makeSelfSigned(["localhost"], 1));
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const port = (listener.addr as Deno.NetAddr).port;
  const accepting = listener.accept();
  const theirs = await Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] });
  const ours = await accepting;
  await Promise.all([ours.handshake(), theirs.handshake()]);
  ours.close();
  theirs.close();
  listener.close();
});
