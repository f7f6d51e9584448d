/** End to end: what serve makes of TLS, its settings and its clients' doings, over real sockets. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeSite, removeSite, runQfront, startFront } from "./front.ts";
import { certFile, Client, putCertificate, setSettings, until, withTls } from "./tls_kit.ts";

Deno.test("serve: without a certificate STARTTLS and STLS are neither offered nor taken", async () => {
  const root = await makeSite();
  const front = await startFront(root);
  const smtp = await Client.dial(front.smtpPort);
  await smtp.smtp(null);
  assertEquals((await smtp.smtp("EHLO c")).filter((line) => line.includes("STARTTLS")), []);
  assertMatch((await smtp.smtp("STARTTLS"))[0] ?? "", /^50[02] /);
  const pop3 = await Client.dial(front.pop3Port);
  await pop3.line();
  await pop3.ask("CAPA");
  assertEquals((await pop3.list()).filter((line) => line.includes("STLS")), []);
  assertMatch(await pop3.ask("STLS"), /^-ERR /);
  // A certificate that comes later is found without a signal.
  await putCertificate(root);
  const offers = async () => {
    const late = await Client.dial(front.smtpPort);
    await late.smtp(null);
    const lines = await late.smtp("EHLO c");
    late.close();
    return lines.some((line) => line.includes("STARTTLS"));
  };
  while (!await offers()) await new Promise((resolve) => setTimeout(resolve, 50));
  smtp.close();
  pop3.close();
  assertEquals(await front.stop(), { code: 0, stderr: "" });
  await removeSite(root);
});

Deno.test("serve: a listener that begins with TLS and no certificate is one sentence and exit code 78", async () => {
  const root = await makeSite();
  for (const service of ["smtps", "pop3s"]) {
    const { code, stderr } = await runQfront(
      ["serve", "--root", root, "--smtp", "off", "--pop3", "off", `--${service}`, "127.0.0.1:0"],
    );
    assertEquals(code, 78);
    assertMatch(
      stderr,
      new RegExp(`^qfront: A listener for ${service} needs a certificate, [^\n]+\n$`),
    );
  }
  await removeSite(root);
});

Deno.test("serve: what stands behind STARTTLS or STLS in one packet ends the session (CVE-2011-0411)", async () => {
  await withTls({}, async ({ ca, front }) => {
    const smtp = await Client.dial(front.smtpPort);
    await smtp.smtp(null);
    await smtp.smtp("EHLO c");
    await smtp.send("STARTTLS\r\nRSET\r\nMAIL FROM:<evil@example.com>\r\n");
    assertEquals(await smtp.rest(), ["554 5.5.1 commands behind STARTTLS, session ended"]);
    smtp.close();
    const pop3 = await Client.dial(front.pop3Port);
    await pop3.line();
    await pop3.send("STLS\r\nCAPA\r\n");
    assertEquals(await pop3.rest(), ["-ERR nothing may follow STLS in clear, closing"]);
    pop3.close();
    // The dialogue begins anew: what was said in clear is forgotten.
    const good = await Client.dial(front.smtpPort);
    await good.smtp(null);
    await good.smtp("EHLO c");
    await good.smtp("MAIL FROM:<a@example.com>");
    assertMatch((await good.smtp("STARTTLS"))[0]!, /^220 /);
    await good.startTls(ca);
    assertMatch((await good.smtp("RCPT TO:<joe@example.org>"))[0]!, /^503 /);
    const again = await good.smtp("EHLO c");
    assertEquals(again.filter((line) => line.includes("STARTTLS")), []);
    good.close();
  });
});

Deno.test("serve: a client in clear on smtps and a handshake that fails are traced and answered with no word", async () => {
  await withTls({}, async ({ front }) => {
    const clear = await Client.dial(front.port("smtps"));
    await clear.send("EHLO c\r\nQUIT\r\n");
    const rest = (await clear.rest()).join("");
    assert(!/^\d\d\d/.test(rest), rest);
    clear.close();
    await until(() => front.trace().includes("the client does not speak TLS"));
  });
});

Deno.test("serve: SIGHUP takes changed TLS settings; a certificate that does not fit keeps the old one", async () => {
  const root = await makeSite();
  const first = await putCertificate(root);
  const front = await startFront(root, ["--smtps", "127.0.0.1:0"]);
  const greeting = async (ca: string) => {
    const client = await Client.dialTls(front.port("smtps"), ca);
    const line = await client.line();
    client.close();
    return line;
  };
  const running = await Client.dialTls(front.port("smtps"), first);
  assertMatch(await running.line() ?? "", /^220 /);
  // Another certificate with the first one's key.
  const other = `${root}/var/qmail/control/other.pem`;
  const second = await putCertificate(root, ["localhost"], other);
  const key = Deno.readTextFileSync(certFile(root)).slice(first.length);
  Deno.writeTextFileSync(`${root}/mixed.pem`, second + key);
  Deno.renameSync(`${root}/mixed.pem`, certFile(root));
  front.signal("SIGHUP");
  await until(() =>
    front.trace().includes("tls: new certificates are not used, the old ones stay")
  );
  assertMatch(await greeting(first) ?? "", /^220 /);
  // A setting that names a file which is not there: the same.
  setSettings(root, { tls_cert: "control/nosuch.pem" });
  front.signal("SIGHUP");
  await until(() => front.trace().includes("control/nosuch.pem"));
  assertMatch(await greeting(first) ?? "", /^220 /);
  setSettings(root, { tls_cert: "" });
  front.signal("SIGHUP");
  await until(() => front.trace().includes("A listener for smtps needs a certificate"));
  assertMatch(await greeting(first) ?? "", /^220 /);
  setSettings(root, { tls_cert: "control/other.pem" });
  front.signal("SIGHUP");
  while (!await greeting(second).catch(() => null)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertMatch((await running.smtp("NOOP"))[0]!, /^250 /);
  running.close();
  const { code, stderr } = await front.stop();
  assertEquals(code, 0);
  const lines = stderr.trimEnd().split("\n");
  assert(
    lines.every((line) => /^qfront: TLS: .*; what was in use before stays in force$/.test(line)),
    stderr,
  );
  await removeSite(root);
});

Deno.test("serve: two workers both speak TLS", async () => {
  await withTls({ workers: "2" }, async ({ ca, front }) => {
    const ports = [front.port("smtps"), front.port("pop3s")];
    const greetings = await Promise.all(Array.from({ length: 24 }, async (_, i) => {
      const client = await Client.dialTls(ports[i % 2]!, ca);
      const line = await client.line();
      await client.ask("QUIT");
      client.close();
      return line ?? "";
    }));
    assert(greetings.every((line, i) => line.startsWith(i % 2 === 0 ? "220 " : "+OK ")));
    const smtp = await Client.dial(front.smtpPort);
    await smtp.smtp(null);
    assertMatch((await smtp.smtp("STARTTLS"))[0]!, /^220 /);
    await smtp.startTls(ca);
    assertMatch((await smtp.smtp("EHLO c"))[0]!, /^250-/);
    smtp.close();
  });
});

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("tls e2e: keys that only root may read: skipped, it needs root");

Deno.test({
  name:
    "serve: a key that only root may read is read before root is given away, and kept when it can't be read again",
  ignore: !isRoot,
  fn: () =>
    withTls({}, async ({ root, ca, front }) => {
      const greeting = async () => {
        const client = await Client.dialTls(front.port("pop3s"), ca);
        const line = await client.line();
        client.close();
        return line ?? "";
      };
      assertMatch(await greeting(), /^\+OK /);
      Deno.chmodSync(`${certFile(root)}.mine`, 0o600);
      Deno.renameSync(`${certFile(root)}.mine`, certFile(root));
      while (!front.trace().includes("may not be read by this user")) await greeting();
      assertMatch(await greeting(), /^\+OK /);
    }, (root) => {
      Deno.copyFileSync(certFile(root), `${certFile(root)}.mine`);
      Deno.chmodSync(certFile(root), 0o600);
    }),
});
