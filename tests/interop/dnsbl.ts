/**
 * Block lists as they are: Debian's rbldnsd serves the zones, and nsd one whose answers do not fit into
 * a datagram; a running `qfront serve` asks them about clients that a proxy names. Run by run.ts,
 * which unpacks the packages; skipped aloud where there are none.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { send, traced, withServed } from "./front_kit.ts";
import { findServer, startNsd, startRbldnsd } from "./name_servers.ts";

const RBLDNSD = findServer("rbldnsd");
const NSD = findServer("nsd");

/** The test entries of RFC 5782. */
const TESTED = { ip4: "127.0.0.2\n", ip6: "::ffff:7f00:2/128\n" };
const list = (ip4: string, ip6 = "") => ({
  ip4: TESTED.ip4 + ip4,
  ip6: TESTED.ip6 + ip6,
});

const LISTS = {
  "bl.test": list(
    ":127.0.0.2:Listed, see https://bl.test/$\n192.0.2.7\n192.0.2.8\n" +
      ":127.0.0.9:Dynamic\n192.0.2.9\n",
    ":127.0.0.2:Network of spammers\n2001:db8:7::/48\n",
  ),
  "more.test": list("192.0.2.8\n192.0.2.16/28\n"),
  "good.test": list("192.0.2.8\n192.0.2.20\n"),
  // To everything: "you may not ask us".
  "closed.test": { ip4: ":127.255.255.254:Query refused\n0.0.0.0/0\n", ip6: "" },
};
const MAIL = "From: ann@client.test\nTo: joe@example.org\nSubject: hi\n\nhi\n";

Deno.test({
  name: "dnsbl with rbldnsd: listed by IPv4 and IPv6 with the text of the list; others get through",
  ignore: RBLDNSD === null,
  async fn() {
    await using server = await startRbldnsd(RBLDNSD, LISTS);
    const settings = {
      dns_servers: server.address,
      dnsbl: "on",
      dnsbl_lists: "bl.test=127.0.0.2 closed.test",
    };
    await withServed({ settings }, async (front) => {
      await traced(front, "dnsbl: closed.test is not asked any more");
      assertEquals(
        await send(front, { ip: "192.0.2.7" }),
        "553 5.7.1 bl.test: Listed, see https://bl.test/192.0.2.7",
      );
      assertEquals(
        await send(front, { ip: "2001:db8:7::25" }),
        "553 5.7.1 bl.test: Network of spammers",
      );
      for (const ip of ["192.0.2.1", "192.0.2.9", "2001:db8:8::25"]) {
        assertMatch(await send(front, { ip, message: MAIL }), /^250 /, ip);
      }
      await traced(front, "dnsbl ip[192.0.2.9]: score=0 of 1 lists=bl.test[other codes]");
      const name = `5.2.0.0.${"0.0.0.0.".repeat(4)}7.0.0.0.8.b.d.0.1.0.0.2.bl.test`;
      await traced(front, `dns: A ${name}: 1 record`);
      const trace = front.trace();
      assertStringIncludes(trace, "rcpt_valid: 553 dnsbl by rule[dnsbl: bl.test] ip[192.0.2.7]");
      assertStringIncludes(
        trace,
        "lists=bl.test[127.0.0.2]*1 enough_alone=bl.test",
      );
      assertMatch(
        trace,
        /dnsbl: closed\.test is not asked any more: closed\.test answers 127\.255\.255\.254, which is/,
      );
      assert(!trace.includes("7.2.0.192.closed.test"));
    });
  },
});

Deno.test({
  name: "dnsbl with rbldnsd: 127.255.255.x of a list that passed its test is no listing",
  ignore: RBLDNSD === null,
  async fn() {
    const half = list(":127.255.255.254:Query refused\n192.0.2.0/24\n");
    await using server = await startRbldnsd(RBLDNSD, { "half.test": half });
    const settings = { dns_servers: server.address, dnsbl: "on", dnsbl_lists: "half.test" };
    await withServed({ settings }, async (front) => {
      assertMatch(await send(front, { ip: "192.0.2.7", message: MAIL }), /^250 /);
      await traced(front, "dnsbl ip[192.0.2.7]: score=0 of 1 lists=half.test[error]");
    });
    await withServed({ settings: { ...settings, on_dns_trouble: "defer" } }, async (front) => {
      assertMatch(await send(front, { ip: "192.0.2.7", message: MAIL }), /^451 4\.4\.3 /);
    });
  },
});

Deno.test({
  name: "dnsbl with rbldnsd: weights are added up, those of the good taken off",
  ignore: RBLDNSD === null,
  async fn() {
    await using server = await startRbldnsd(RBLDNSD, LISTS);
    const settings = {
      dns_servers: server.address,
      dnsbl: "on",
      dnsbl_lists: "bl.test*2 more.test*3 good.test*-4",
      dnsbl_threshold: "2",
    };
    await withServed({ settings }, async (front) => {
      const said = new Map<string, string>();
      for (const ip of ["192.0.2.7", "192.0.2.8", "192.0.2.17", "192.0.2.20"]) {
        said.set(ip, (await send(front, { ip })).slice(0, 3));
      }
      assertEquals(Object.fromEntries(said), {
        "192.0.2.7": "553", // 2
        "192.0.2.8": "250", // 2 + 3 - 4
        "192.0.2.17": "553", // 3
        "192.0.2.20": "250", // 3 - 4
      });
      await traced(
        front,
        "dnsbl ip[192.0.2.8]: score=1 of 2 " +
          "lists=bl.test[127.0.0.2]*2 more.test[127.0.0.2]*3 good.test[127.0.0.2]*-4",
      );
    });
  },
});

Deno.test({
  name: "dnsbl with rbldnsd: lists that fail the test of RFC 5782 are switched off aloud",
  ignore: RBLDNSD === null,
  async fn() {
    const lists = {
      ...LISTS,
      "wild.test": { ip4: "0.0.0.0/0\n", ip6: "" },
      "empty.test": { ip4: "192.0.2.7\n", ip6: "" },
    };
    await using server = await startRbldnsd(RBLDNSD, lists);
    const settings = {
      dns_servers: server.address,
      dnsbl: "on",
      dnsbl_lists: "wild.test empty.test more.test",
    };
    await withServed({ settings }, async (front) => {
      await traced(front, "dnsbl: wild.test is not asked any more: wild.test lists 127.0.0.1,");
      await traced(front, "dnsbl: empty.test is not asked any more: empty.test does not list");
      assertMatch(await send(front, { ip: "192.0.2.7" }), /^250 /);
      assertMatch(await send(front, { ip: "192.0.2.17" }), /^553 5\.7\.1 .*more\.test/);
      assert(!/dns: \w+ 7\.2\.0\.192\.(wild|empty)\.test/.test(front.trace()));
    });
  },
});

Deno.test({
  name:
    "dnsbl with rbldnsd: the next name server is asked when one falls silent; all silent is no no",
  ignore: RBLDNSD === null,
  async fn() {
    await using first = await startRbldnsd(RBLDNSD, LISTS);
    await using second = await startRbldnsd(RBLDNSD, LISTS);
    const settings = {
      dns_servers: `${first.address} ${second.address}`,
      dns_timeout_seconds: "2",
      dns_cache_entries: "0",
      dnsbl: "on",
      dnsbl_lists: "bl.test",
    };
    await withServed({ settings }, async (front) => {
      assertMatch(await send(front, { ip: "192.0.2.7" }), /^553 /);
      first.stop();
      assertMatch(await send(front, { ip: "192.0.2.8" }), /^553 /);
      await traced(front, `dns: Name server ${first.address}: no answer within`);
      second.stop();
      assertMatch(await send(front, { ip: "192.0.2.7", message: MAIL }), /^250 /);
      await traced(front, `dns: Name server ${second.address}: no answer within`);
      await traced(front, "dnsbl ip[192.0.2.7]: score=0 of 1 lists=bl.test[error]");
      second.go();
      assertMatch(await send(front, { ip: "192.0.2.7" }), /^553 /);
    });
  },
});

Deno.test({
  name: "dnsbl with nsd: a text that does not fit into a datagram is asked for over TCP",
  ignore: NSD === null,
  async fn() {
    const part = (letter: string) => `"${letter.repeat(240)}"`;
    // More than the resolver reads of a datagram.
    const long = [..."abcdefghijklmnopqrst"].map(part).join(" ");
    const zone = `2.0.0.127 A 127.0.0.2\n7.2.0.192 A 127.0.0.2\n7.2.0.192 TXT ${long}\n`;
    await using server = await startNsd(NSD, { "big.test": zone }, "2.0.0.127.big.test");
    const settings = { dns_servers: server.address, dnsbl: "on", dnsbl_lists: "big.test" };
    await withServed({ settings }, async (front) => {
      const said = await send(front, { ip: "192.0.2.7" });
      assert(said.startsWith(`553 5.7.1 big.test: ${"a".repeat(240)}bbb`), said);
      assert(said.length <= 510);
      await traced(front, "dns: TXT 7.2.0.192.big.test: 1 record");
    });
  },
});
