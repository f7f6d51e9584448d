/** End to end: clients that stall in the handshake, and a certificate that changes while clients come. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { certFile, certificateOf, Client, putCertificate, until, withTls } from "./tls_kit.ts";

/** Open descriptors of a process. */
const descriptors = (pid: number): number => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

const STALLED = 100;
const QUICK = { tls_handshake_seconds: "1", max_sessions_per_address: "1000" };

Deno.test("serve: 100 silent clients in the handshake, by STARTTLS and at once, are gone with their descriptors", async () => {
  await withTls(QUICK, async ({ ca, front }) => {
    const login = async () => {
      const client = await Client.dialTls(front.port("smtps"), ca);
      assertMatch(await client.line() ?? "", /^220 /);
      await client.ask("QUIT");
      client.close();
    };
    await login(); // What is opened once and stays is open now.
    await until(() => front.trace().includes("end=quit"));
    const before = descriptors(front.pid);
    const behindStarttls = async () => {
      const client = await Client.dial(front.smtpPort);
      await client.smtp(null);
      assertMatch((await client.smtp("STARTTLS"))[0]!, /^220 /);
      return client;
    };
    // Half of those that begin with TLS send the beginning of a ClientHello.
    const atOnce = async (i: number) => {
      const client = await Client.dial(front.port(i % 2 === 0 ? "smtps" : "pop3s"));
      if (i % 4 < 2) await client.send("\x16\x03\x01\x02");
      return client;
    };
    const each = <T>(make: (i: number) => T) => Array.from({ length: STALLED }, (_, i) => make(i));
    const silent = await Promise.all([...each(behindStarttls), ...each(atOnce)]);
    await login(); // They are in nobody's way.
    assertEquals((await Promise.all(silent.map((client) => client.rest()))).flat(), []);
    await until(() => descriptors(front.pid) <= before);
    for (const client of silent) client.close();
    const stalled = () =>
      front.trace().match(/tls: no handshake with 127\.0\.0\.1: not finished in time/g)?.length ??
        0;
    await until(() => stalled() >= silent.length);
    assertEquals(stalled(), silent.length);
  });
});

Deno.test("serve: a certificate changes under load, no session is lost and new ones see the new certificate", async () => {
  await withTls({}, async ({ root, ca, front }) => {
    const fresh = `${root}/var/qmail/control/fresh.pem`;
    const second = await putCertificate(root, ["localhost"], fresh);
    let sessions = 0;
    let isOver = false;
    const failures: string[] = [];
    const load = async (port: number, starttls: boolean) => {
      while (!isOver) {
        try {
          const client = starttls
            ? await Client.dial(port)
            : await Client.dialTls(port, ca, second);
          if (starttls) {
            await client.smtp(null);
            assertMatch((await client.smtp("STARTTLS"))[0]!, /^220 /);
            await client.startTls(ca, second);
            assertMatch((await client.smtp("EHLO c"))[0]!, /^250-/);
          } else assertMatch(await client.line() ?? "", /^(220 |\+OK )/);
          assertMatch(await client.ask("QUIT"), /^(221 |\+OK )/);
          client.close();
          sessions++;
        } catch (error) {
          failures.push(String(error));
        }
      }
    };
    const loads = [
      load(front.smtpPort, true),
      load(front.port("smtps"), false),
      load(front.port("pop3s"), false),
    ];
    const kept = await Client.dialTls(front.port("smtps"), ca);
    await until(() => sessions >= 20);
    Deno.renameSync(fresh, certFile(root));
    assertEquals(certificateOf(Deno.readTextFileSync(certFile(root))), second);
    const sees = async (authority: string): Promise<boolean> => {
      try {
        const client = await Client.dialTls(front.port("smtps"), authority);
        const line = await client.line();
        client.close();
        return line !== null;
      } catch {
        return false;
      }
    };
    while (!await sees(second)) await new Promise((resolve) => setTimeout(resolve, 20));
    const then = sessions;
    await until(() => sessions >= then + 20);
    isOver = true;
    await Promise.all(loads);
    assertEquals(failures, []);
    assert(!await sees(ca));
    assertMatch(await kept.line() ?? "", /^220 /);
    assertMatch(await kept.ask("NOOP"), /^250 /);
    kept.close();
  });
});
