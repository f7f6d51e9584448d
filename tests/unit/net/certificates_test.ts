import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CertificateError,
  CertificateStore,
  indexForName,
  readCertificate,
} from "../../../net/certificates.ts";
import { HAS_OPENSSL, makeAuthority, makeCertificate } from "./tls_kit.ts";
import { Notebook } from "./toy.ts";

function certTest(name: string, body: (dir: string) => void): void {
  Deno.test({
    name,
    ignore: !HAS_OPENSSL,
    fn() {
      const dir = Deno.makeTempDirSync({ prefix: "qfront-cert-" });
      try {
        makeAuthority(dir);
        body(dir);
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });
}

certTest("readCertificate: chain and key in one file, and in two", (dir) => {
  const whole = makeCertificate(dir, "servercert.pem", ["a.example", "b.example"]);
  const one = readCertificate(whole, "");
  assertEquals(one.names, ["a.example", "b.example"]);
  assertEquals([one.certFile, one.keyFile], [whole, whole]);
  const [cert = "", key = ""] = Deno.readTextFileSync(whole).split(/(?=-----BEGIN PRIVATE)/);
  const chain = cert + Deno.readTextFileSync(`${dir}/ca.pem`);
  Deno.writeTextFileSync(`${dir}/cert.pem`, chain);
  Deno.writeTextFileSync(`${dir}/key.pem`, key);
  const two = readCertificate(`${dir}/cert.pem`, `${dir}/key.pem`);
  assertEquals(two.certPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assertEquals(two.keyPem, one.keyPem);
});

certTest(
  "readCertificate: each thing that can be wrong is a sentence with the file's name",
  (dir) => {
    const good = makeCertificate(dir, "good.pem", ["a.example"]);
    const wrong = (name: string, text: string, key: string, says: string) => {
      Deno.writeTextFileSync(`${dir}/${name}`, text);
      assertThrows(() => readCertificate(`${dir}/${name}`, key), CertificateError, says);
    };
    const cert = Deno.readTextFileSync(good).split(/(?=-----BEGIN PRIVATE)/)[0] ?? "";
    const missing = `${dir}/nowhere.pem`;
    assertThrows(
      () => readCertificate(missing, ""),
      CertificateError,
      `Certificate file "${missing}" does not exist`,
    );
    wrong("empty.pem", "", "", `"${dir}/empty.pem" holds no certificate`);
    wrong("nokey.pem", cert, "", `"${dir}/nokey.pem" holds no private key`);
    wrong("other.pem", cert, `${dir}/ca.key`, "is not that of the first certificate");
    const garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    wrong("garbage.pem", garbage, `${dir}/ca.key`, "cannot be used");
    const encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    wrong("encrypted.pem", cert + encrypted, "", "is encrypted");
  },
);

certTest(
  "CertificateStore: reads a replaced file again, keeps the old one when it is wrong, and says so once",
  (dir) => {
    const cert = makeCertificate(dir, "servercert.pem", ["a.example"]);
    const trace = new Notebook();
    const store = new CertificateStore({ cert, key: "", sni: [] }, trace);
    const first = store.current(0);
    assert(store.current(0) === first);
    makeCertificate(dir, "servercert.pem", ["b.example"]);
    assertEquals(store.current(0)[0]?.names, ["b.example"]);
    Deno.writeTextFileSync(cert, "half a file");
    const kept = store.current(0);
    assertEquals(kept[0]?.names, ["b.example"]);
    assert(store.current(0) === kept);
    assertEquals(trace.ids, [
      "net.tls.certificates",
      "net.tls.certificates",
      "net.tls.certificates.kept",
    ]);
    assertStringIncludes(trace.lines.at(-1) ?? "", "holds no certificate");
  },
);

certTest(
  "CertificateStore: a directory's *.pem are certificates for their names, new ones included",
  (dir) => {
    const cert = makeCertificate(dir, "servercert.pem", ["a.example"]);
    Deno.mkdirSync(`${dir}/sni`);
    Deno.copyFileSync(makeCertificate(dir, "b.pem", ["b.example"]), `${dir}/sni/b.pem`);
    Deno.writeTextFileSync(`${dir}/sni/README`, "no certificate");
    const store = new CertificateStore({ cert, key: "", sni: [`${dir}/sni`] }, new Notebook());
    assertEquals(store.current(0).map((c) => c.names[0]), ["a.example", "b.example"]);
    Deno.copyFileSync(makeCertificate(dir, "c.pem", ["c.example"]), `${dir}/sni/c.pem`);
    assertEquals(store.current(0).map((c) => c.names[0]), ["a.example", "b.example", "c.example"]);
  },
);

certTest("CertificateStore: a site that cannot be used is an error at the start", (dir) => {
  const files = { cert: `${dir}/nowhere.pem`, key: "", sni: [] };
  assertThrows(() => new CertificateStore(files, new Notebook()), CertificateError, "nowhere.pem");
});

Deno.test("indexForName: exact before wildcard, one label only, the first for everything else", () => {
  const set = [["x.example"], ["*.example.org"], ["mail.example.org"]].map((names) => ({
    names,
    certPem: "",
    keyPem: "",
    certFile: "",
    keyFile: "",
  }));
  assertEquals(indexForName(set, "mail.example.org"), 2);
  assertEquals(indexForName(set, "www.example.org"), 1);
  assertEquals(indexForName(set, "a.b.example.org"), 0);
  assertEquals(indexForName(set, "example.org"), 0);
  assertEquals(indexForName(set, "org"), 0);
  assertEquals(indexForName(set, null), 0);
});
