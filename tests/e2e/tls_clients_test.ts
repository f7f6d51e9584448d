/** End to end: TLS and logins with other people's clients (openssl, curl, nodemailer), and SCRAM by one of our own. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createTransport } from "nodemailer";
import {
  Client,
  hasProgram,
  putCertificate,
  runProgram,
  scramProof,
  storeClearSecret,
  type TlsSite,
  until,
  withTls,
} from "./tls_kit.ts";

const HAS_OPENSSL = hasProgram("openssl", "version");
const HAS_CURL = hasProgram("curl", "--version");

/** The newest message of joe, which is removed. */
function takeMessage(root: string): string {
  const dir = `${root}/home/joe/Maildir/new`;
  const [name, ...more] = [...Deno.readDirSync(dir)].map((entry) => entry.name);
  assertEquals(more, []);
  const text = Deno.readTextFileSync(`${dir}/${name}`);
  Deno.removeSync(`${dir}/${name}`);
  return text;
}

Deno.test({
  name: "serve: openssl s_client by STARTTLS, STLS and at once, in each version, by server name",
  ignore: !HAS_OPENSSL,
  fn: () =>
    withTls({ tls_sni: "control/second.pem" }, async ({ front }) => {
      const ways: [number, string[]][] = [
        [front.smtpPort, ["-starttls", "smtp"]],
        [front.port("submission"), ["-starttls", "smtp"]],
        [front.pop3Port, ["-starttls", "pop3"]],
        [front.port("smtps"), []],
        [front.port("pop3s"), []],
      ];
      for (const [port, how] of ways) {
        for (const [flag, version] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]] as const) {
          const said = await runProgram(
            "openssl",
            ["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", flag, ...how],
            "QUIT\r\n",
          );
          assertStringIncludes(said, `New, ${version}, Cipher is`);
          assertMatch(said, /^(221 |\+OK )/m);
        }
      }
      for (const [name, subject] of [["b.example", "b.example"], ["other.example", "localhost"]]) {
        const said = await runProgram(
          "openssl",
          [
            ...["s_client", "-connect", `127.0.0.1:${front.smtpPort}`, "-starttls", "smtp"],
            ...["-ign_eof", "-servername", name!],
          ],
          "QUIT\r\n",
        );
        assertMatch(said, new RegExp(`subject=CN ?= ?${subject}`));
      }
      assertMatch(front.trace(), /tls: TLSv1\.3 TLS_\S+ for b\.example\n/);
    }, async (root) => {
      await putCertificate(root, ["b.example"], `${root}/var/qmail/control/second.pem`);
    }),
});

/** curl, told to trust the site's certificate. */
async function curl({ root, ca }: TlsSite, args: string[], input = ""): Promise<string> {
  Deno.writeTextFileSync(`${root}/ca.pem`, ca);
  const user = ["--user", "joe@example.org:sesame"];
  return await runProgram(
    "curl",
    ["-q", "-sS", "--cacert", `${root}/ca.pem`, ...user, ...args],
    input,
  );
}

Deno.test({
  name: "serve: curl sends by STARTTLS and smtps and reads by STLS and pop3s",
  ignore: !HAS_CURL,
  fn: () =>
    withTls({}, async (site) => {
      const { front, root } = site;
      const mail = ["--mail-from", "joe@example.org", "--mail-rcpt", "joe@example.org", "-T", "-"];
      for (
        const to of [
          ["--ssl-reqd", `smtp://localhost:${front.port("submission")}`],
          [`smtps://localhost:${front.port("smtps")}`],
        ]
      ) {
        assertEquals(await curl(site, [...to, ...mail], "Subject: x\r\n\r\nhello\r\n"), "");
        assertMatch(takeMessage(root), / with ESMTPSA \(TLSv1\.3 TLS_[A-Z0-9_]+\); /);
      }
      const open = ["--ssl-reqd", `smtp://localhost:${front.smtpPort}`];
      await runProgram(
        "curl",
        ["-q", "-sS", "--cacert", `${root}/ca.pem`, ...open, ...mail],
        "Subject: y\r\n\r\nhello\r\n",
      );
      const text = takeMessage(root);
      assertMatch(text, / with ESMTPS \(TLSv1\.3 TLS_[A-Z0-9_]+\); /);
      Deno.writeTextFileSync(`${root}/home/joe/Maildir/new/1.a.host`, text);
      for (
        const from of [
          ["--ssl-reqd", `pop3://localhost:${front.pop3Port}/1`],
          [`pop3s://localhost:${front.port("pop3s")}/1`],
        ]
      ) assertStringIncludes(await curl(site, from), "hello\r\n");
      await until(() => (front.trace().match(/pop3_session: /g) ?? []).length === 2);
      const trace = front.trace();
      assertMatch(trace, /smtp_auth: login ok: .*login\[joe@example\.org\]/);
      assertMatch(trace, /setup: tls: TLSv1\.3 TLS_/);
      assertMatch(trace, /pop3_session: .*login\[joe@example\.org\].* tls\[TLSv1\.3 TLS_\w+\]/);
    }),
});

Deno.test("serve: nodemailer by STARTTLS and at once, with PLAIN, LOGIN and CRAM-MD5", async () => {
  await withTls({}, async ({ root, ca, front }) => {
    for (const [service, secure] of [["submission", false], ["smtps", true]] as const) {
      for (const authMethod of ["PLAIN", "LOGIN", "CRAM-MD5"]) {
        const transport = createTransport({
          host: "localhost",
          port: front.port(service),
          secure,
          requireTLS: true,
          tls: { ca },
          authMethod,
          auth: { user: "joe@example.org", pass: "sesame" },
        });
        const from = "joe@example.org";
        const sent = await transport.sendMail({ from, to: from, subject: "hi", text: "x" });
        transport.close();
        assertMatch(sent.response, /^250 /);
        assertMatch(takeMessage(root), / with ESMTPSA \(TLSv1\.3 TLS_[A-Z0-9_]+\); /);
        await until(() => front.trace().includes(`mechanism[${authMethod}]`));
      }
    }
  }, storeClearSecret);
});

Deno.test("serve: SCRAM-SHA-256 over TLS by SMTP and by POP3, the server proves itself too", async () => {
  await withTls({}, async ({ ca, front }) => {
    const first = "n=joe@example.org,r=fyko+d2lbbFgONRv9qkxdawL";
    const login = async (client: Client, marker: string) => {
      const challenge = await client.ask(`AUTH SCRAM-SHA-256 ${btoa(`n,,${first}`)}`);
      assert(challenge.startsWith(marker), challenge);
      const { final, server } = await scramProof(
        "sesame",
        first,
        atob(challenge.slice(marker.length)),
      );
      const answer = await client.ask(btoa(final));
      assertEquals(atob(answer.slice(marker.length)), `v=${server}`);
      return await client.ask("");
    };
    const smtp = await Client.dialTls(front.port("smtps"), ca);
    await smtp.smtp(null);
    const offer = (await smtp.smtp("EHLO c")).find((line) => line.includes("AUTH"));
    assertStringIncludes(offer ?? "", "SCRAM-SHA-256");
    assertMatch(await login(smtp, "334 "), /^235 /);
    smtp.close();
    const pop3 = await Client.dial(front.pop3Port);
    await pop3.line();
    assertMatch(await pop3.ask("STLS"), /^\+OK /);
    await pop3.startTls(ca);
    assertMatch(await login(pop3, "+ "), /^\+OK /);
    assertEquals(await pop3.ask("STAT"), "+OK 0 0");
    pop3.close();
  }, storeClearSecret);
});
