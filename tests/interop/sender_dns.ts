/**
 * What a real nsd says about senders: SPF, MX and null MX, reverse DNS, names that do not exist and
 * zones that it can't serve. Run by run.ts, which unpacks the package; skipped aloud without it.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { mailOf, send, traced, withServed } from "./front_kit.ts";
import { findServer, startNsd } from "./name_servers.ts";

const NSD = findServer("nsd");
const MESSAGE = "From: ann@client.test\nTo: joe@example.org\nSubject: hi\n\nhi\n";

const ZONES = {
  "test": [
    "up A 192.0.2.1",
    "client MX 10 mx.client",
    'client TXT "some other record"',
    'client TXT "v=spf1 include:_spf.client.test " "exp=why.client.test -all"',
    '_spf.client TXT "v=spf1 mx:client.test ip6:2001:db8:7::/48 ~all"',
    'why.client TXT "%{i} is none of %{d}"',
    "mx.client A 192.0.2.7",
    "alias CNAME client",
    "nomail MX 0 .",
    "addressonly A 192.0.2.30",
    'nothing TXT "no address, no MX"',
    "",
  ].join("\n"),
  "2.0.192.in-addr.arpa": "7 PTR mx.client.test.\n9 PTR mx.client.test.\n",
  // Its file is missing: SERVFAIL.
  "broken.test": null,
};

Deno.test({
  name: "spf with nsd: pass by include and mx, fail with the domain's words, none, temperror",
  ignore: NSD === null,
  async fn() {
    await using server = await startNsd(NSD, ZONES, "up.test");
    const settings = { dns_servers: server.address };
    await withServed({ settings, control: { spfbehavior: "3\n" } }, async (front) => {
      const passes = await send(front, { ip: "192.0.2.7", message: MESSAGE });
      assertMatch(passes, /^250 /);
      const six = await send(front, { ip: "2001:db8:7::1", message: MESSAGE });
      assertMatch(six, /^250 /);
      assertMatch(
        await send(front, { ip: "192.0.2.8" }),
        /^550 5\.7\.23 .*192\.0\.2\.8 is none of client\.test/,
      );
      assertMatch(await send(front, { ip: "192.0.2.8", from: "a@alias.test" }), /^550 5\.7\.23 /);
      const none = await send(front, { ip: "192.0.2.8", from: "a@nomail.test", message: MESSAGE });
      assertMatch(none, /^250 /);
      assertMatch(await send(front, { ip: "192.0.2.8", from: "a@broken.test" }), /^451 4\.7\.24 /);
      const told = mailOf(front).map((mail) => /^Received-SPF: (\w+)/m.exec(mail)?.[1]);
      assertEquals(told.toSorted(), ["none", "pass", "pass"]);
      const mail = mailOf(front).find((text) => text.includes("client-ip=192.0.2.7")) ?? "";
      assertStringIncludes(mail, 'envelope-from="ann@client.test"');
      await traced(front, "dns: TXT broken.test: temporary");
    });
  },
});

Deno.test({
  name:
    "sender_domain with nsd: MX, A and alias are mail domains; null MX, none and no name are not",
  ignore: NSD === null,
  async fn() {
    await using server = await startNsd(NSD, ZONES, "up.test");
    const settings = { dns_servers: server.address, sender_domain: "on" };
    await withServed({ settings }, async (front) => {
      const said = new Map<string, string>();
      for (const name of ["client", "alias", "addressonly", "broken", "nomail", "gone"]) {
        const reply = await send(front, { ip: "192.0.2.7", from: `a@${name}.test` });
        said.set(name, reply.split(" ").slice(0, 2).join(" "));
      }
      assertEquals(Object.fromEntries(said), {
        client: "250 2.1.5",
        alias: "250 2.1.5",
        addressonly: "250 2.1.5",
        broken: "250 2.1.5",
        nomail: "550 5.7.27",
        gone: "550 5.1.8",
      });
    });
    await withServed({ settings: { ...settings, on_dns_trouble: "defer" } }, async (front) => {
      const reply = await send(front, { ip: "192.0.2.7", from: "a@broken.test" });
      assertMatch(reply, /^451 4\.4\.3 /);
    });
  },
});

Deno.test({
  name: "reverse_dns with nsd: a name that leads back, one that does not, none",
  ignore: NSD === null,
  async fn() {
    await using server = await startNsd(NSD, ZONES, "up.test");
    const settings = { dns_servers: server.address, reverse_dns: "on", require_rdns: "fcrdns" };
    await withServed({ settings }, async (front) => {
      assertMatch(await send(front, { ip: "192.0.2.7" }), /^250 /);
      assertMatch(await send(front, { ip: "192.0.2.8" }), /^451 4\.7\.25 /);
      assertMatch(await send(front, { ip: "192.0.2.9" }), /^451 4\.7\.25 /);
      await traced(front, "reverse_missing");
      await traced(front, "reverse_mismatch");
    });
  },
});
