/**
 * serve started as root, the secrets root's alone: mechanisms in which no password is sent, and what a client certificate may
 * do there.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { apopDigest, cramDigest } from "../../auth/sasl_digest.ts";
import { openssl } from "../../net/openssl_calls.ts";
import { makeAuthority, makeCertificate } from "../unit/net/tls_kit.ts";
import { makeClosedSite } from "./closed_site.ts";
import { type Front, removeSite, startFront } from "./front.ts";
import { Client, hasProgram, putCertificate, scramProof, setSettings } from "./tls_kit.ts";

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("keeper_logins_test: skipped, it needs root");

const JOE = "joe@example.org";

interface Closed {
  readonly root: string;
  readonly ca: string;
  readonly front: Front;
}

/** A front without root on a closed site where joe's secret is stored in clear; it must say nothing on standard error. */
async function withFront(
  settings: Readonly<Record<string, string>>,
  work: (site: Closed) => Promise<void>,
  prepare: (root: string) => void = () => {},
): Promise<void> {
  const root = await makeClosedSite("{PLAIN}sesame");
  const ca = await putCertificate(root);
  setSettings(root, { auth_delay_seconds: "0", ...settings });
  prepare(root);
  const front = await startFront(root, ["--smtps", "127.0.0.1:0", "--pop3s", "127.0.0.1:0"]);
  try {
    await work({ root, ca, front });
  } finally {
    const ended = await front.stop();
    await removeSite(root);
    assertEquals(ended, { code: 0, stderr: "" });
  }
}

async function smtpClient({ front, ca }: Closed): Promise<[Client, string]> {
  const client = await Client.dialTls(front.port("smtps"), ca);
  await client.smtp(null);
  const offer = (await client.smtp("EHLO c")).find((line) => line.includes("AUTH")) ?? "";
  return [client, offer];
}

async function pop3Client({ front, ca }: Closed): Promise<[Client, string, string]> {
  const client = await Client.dialTls(front.port("pop3s"), ca);
  const greeting = await client.line() ?? "";
  await client.ask("CAPA");
  const offer = (await client.list()).find((line) => line.startsWith("SASL ")) ?? "";
  return [client, offer, /<[^>]+>$/.exec(greeting)?.[0] ?? ""];
}

/** Both protocols say the same in another frame. */
async function cram(client: Client, marker: string, secret: string): Promise<string> {
  const challenge = await client.ask("AUTH CRAM-MD5");
  assert(challenge.startsWith(marker), challenge);
  const digest = cramDigest(secret, atob(challenge.slice(marker.length)));
  return await client.ask(btoa(`${JOE} ${digest}`));
}

async function scram(client: Client, marker: string, secret: string): Promise<string> {
  const first = `n=${JOE},r=fyko+d2lbbFgONRv9qkxdawL`;
  const challenge = await client.ask(`AUTH SCRAM-SHA-256 ${btoa(`n,,${first}`)}`);
  assert(challenge.startsWith(marker), challenge);
  const { final, server } = await scramProof(secret, first, atob(challenge.slice(marker.length)));
  const answer = await client.ask(btoa(final));
  if (!answer.startsWith(marker)) return answer;
  assertEquals(atob(answer.slice(marker.length)), `v=${server}`);
  return await client.ask("");
}

Deno.test({
  name:
    "serve as root: CRAM-MD5 and SCRAM-SHA-256 send mail, though no process that is not root could read the secret",
  ignore: !isRoot,
  fn: () =>
    withFront({}, async (site) => {
      for (const mechanism of [cram, scram]) {
        const [client, offer] = await smtpClient(site);
        assertStringIncludes(offer, "SCRAM-SHA-256 CRAM-MD5");
        assertMatch(await mechanism(client, "334 ", "wrong"), /^535 /);
        assertMatch(await mechanism(client, "334 ", "sesame"), /^235 /);
        client.close();
      }
    }),
});

Deno.test({
  name: "serve as root: CRAM-MD5, SCRAM-SHA-256 and APOP open the closed maildrop",
  ignore: !isRoot,
  fn: () =>
    withFront({ pop3_apop: "on" }, async (site) => {
      const apop = async (client: Client, stamp: string, secret: string) =>
        await client.ask(`APOP ${JOE} ${apopDigest(secret, stamp)}`);
      for (const mechanism of ["CRAM-MD5", "SCRAM-SHA-256", "APOP"]) {
        const [client, offer, stamp] = await pop3Client(site);
        assertStringIncludes(offer, "SCRAM-SHA-256 CRAM-MD5");
        assert(stamp !== "");
        const log = (secret: string) =>
          mechanism === "APOP"
            ? apop(client, stamp, secret)
            : (mechanism === "CRAM-MD5" ? cram : scram)(client, "+ ", secret);
        assertMatch(await log("wrong"), /^-ERR \[AUTH\] /, mechanism);
        assertMatch(await log("sesame"), /^\+OK /, mechanism);
        assertEquals(await client.ask("STAT"), "+OK 0 0");
        client.close();
      }
    }),
});

const HAS_OPENSSL = isRoot && hasProgram("openssl", "version") && (() => {
  try {
    openssl(); // Opened once for all tests, or the first would be said to leak it.
    return true;
  } catch (error) {
    console.log(`keeper_logins_test: skipped: ${(error as Error).message}`);
    return false;
  }
})();

Deno.test({
  name:
    "serve as root: a client certificate sends mail while its login is in the users file, and opens no maildrop",
  ignore: !HAS_OPENSSL,
  async fn() {
    const keys = new Map<string, { cert: string; key: string }>();
    await withFront(
      { client_cert: "require", client_ca: "control/ca.pem", client_cert_login: "cn" },
      async ({ ca, front }) => {
        const dial = async (service: string, name: string) => {
          const where = { hostname: "localhost", port: front.port(service), caCerts: [ca] };
          return new Client(await Deno.connectTls({ ...where, ...keys.get(name)! }));
        };
        for (const [name, code] of [[JOE, "235"], ["gone@example.org", "535"]] as const) {
          const client = await dial("smtps", name);
          await client.smtp(null);
          assertMatch((await client.smtp("EHLO c")).join(), /AUTH [^,]*EXTERNAL/);
          assertEquals((await client.smtp("AUTH EXTERNAL ="))[0]!.slice(0, 3), code);
          client.close();
        }
        const client = await dial("pop3s", JOE);
        await client.line();
        for (const command of ["CAPA", "AUTH"]) {
          assertMatch(await client.ask(command), /^\+OK/);
          const listed = (await client.list()).join();
          assertStringIncludes(listed, "PLAIN");
          assertEquals(listed.includes("EXTERNAL"), false, command);
        }
        assertEquals(await client.ask("AUTH EXTERNAL ="), "-ERR mechanism not offered");
        assertEquals(await client.ask("AUTH EXTERNAL"), "-ERR mechanism not offered");
        // A password is as good as without a certificate.
        await client.ask(`USER ${JOE}`);
        assertMatch(await client.ask("PASS sesame"), /^\+OK /);
        client.close();
      },
      (root) => {
        const dir = `${root}/clients`;
        Deno.mkdirSync(dir);
        makeAuthority(dir);
        Deno.copyFileSync(`${dir}/ca.pem`, `${root}/var/qmail/control/ca.pem`);
        for (const name of [JOE, "gone@example.org"]) {
          const path = makeCertificate(dir, `${name}.pem`, ["c.example"], `/CN=${name}`);
          const pem = Deno.readTextFileSync(path);
          const key = pem.indexOf("-----BEGIN PRIVATE KEY");
          keys.set(name, { cert: pem.slice(0, key), key: pem.slice(key) });
        }
      },
    );
  },
});
