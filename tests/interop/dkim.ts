/**
 * Mail signed and sealed just now by Debian's python3-dkim and libmail-dkim-perl: what they sign is
 * verified, with keys that nobody has seen before; by the checks alone, and by a running
 * `qfront serve` that asks a real nsd for the keys. Run by run.ts, which unpacks the packages;
 * skipped aloud where there are none.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { verifyArc } from "../../content/arc.ts";
import { verifyDkim } from "../../content/dkim_verify.ts";
import { messageOf } from "../unit/content/kit.ts";
import { type Fixture, readFixtures, readKeys } from "../unit/content/signed_kit.ts";
import { mailOf, send, traced, withServed } from "./front_kit.ts";
import { findServer, type NameServer, startNsd } from "./name_servers.ts";
import { missingSigner, withSigned } from "./signers.ts";

const why = missingSigner();
const NSD = findServer("nsd");

Deno.test({
  name: "verifyDkim, verifyArc: mail that python3-dkim and Mail::DKIM sign now",
  ignore: why !== null,
  fn: () =>
    withSigned(async (folder) => {
      const context = { resolver: readKeys(folder), nowMs: Date.now(), session: 1 };
      const fixtures = readFixtures(folder);
      assert(fixtures.length > 30);
      for (const { name, method, wanted, text } of fixtures) {
        const message = messageOf(text);
        const found = method === "dkim"
          ? (await verifyDkim(message, context)).map(({ result }) => result).join(" ")
          : (await verifyArc(message, context)).result;
        assertEquals(found, wanted, name);
      }
    }),
});

/** nsd with the keys of a folder; the one that is too slow to answer is SERVFAIL here. */
function serveKeys(folder: string): Promise<NameServer> {
  const zones: Record<string, string | null> = { "test": "up A 192.0.2.1\n" };
  for (const line of Deno.readTextFileSync(`${folder}/keys.zone`).split("\n")) {
    const [, selector, domain, record] = /^(\w+\._domainkey)\.(\S+) (.*)$/.exec(line) ?? [];
    if (selector === undefined || domain === undefined || record === undefined) continue;
    if (record === "TIMEOUT") zones[`${selector}.${domain}`] = null;
    else zones[domain] = `${zones[domain] ?? ""}${selector} ${record}\n`;
  }
  return startNsd(NSD, zones, "up.test");
}

/** What the first field of a delivered message tells of a method. */
function toldOf(mail: string, method: string): string {
  const field = /^Authentication-Results: .*\n(?:[ \t].*\n)*/m.exec(mail)?.[0] ?? "";
  return [...field.matchAll(/^\s+(\w+)=(\w+)/gm)].filter(([, name]) => name === method)
    .map(([, , result]) => result).join(" ");
}

Deno.test({
  name:
    "qfront serve with nsd: what they sign now passes, is told, and fails when a word is another",
  ignore: why !== null || NSD === null,
  fn: () =>
    withSigned(async (folder) => {
      await using server = await serveKeys(folder);
      const settings = { dns_servers: server.address, dkim: "on", arc: "on" };
      await withServed({ settings }, async (front) => {
        const fixtures = readFixtures(folder);
        assert(fixtures.length > 30);
        for (const fixture of [...fixtures, ...alteredOf(fixtures)]) {
          const message = `X-Fixture: ${fixture.name}\n${fixture.text}`;
          assertMatch(await send(front, { ip: "192.0.2.7", message }), /^250 /, fixture.name);
        }
        const told = new Map(
          mailOf(front).map((mail) => {
            return [/^X-Fixture: (.*)$/m.exec(mail)?.[1] ?? "", mail];
          }),
        );
        for (const { name, method, wanted } of [...fixtures, ...alteredOf(fixtures)]) {
          assertEquals(toldOf(told.get(name) ?? "", method), wanted, name);
        }
        await traced(front, "dns: TXT r2048._domainkey.example.org: 1 record");
        await traced(front, "dns: TXT slow._domainkey.example.org: temporary");
      });
    }),
});

/** Those that passed with another subject: none does any more. */
function alteredOf(fixtures: readonly Fixture[]): readonly Fixture[] {
  return fixtures.filter(({ name, wanted }) => /^(perl_)?plain_/.test(name) && wanted === "pass")
    .map((fixture) => ({
      ...fixture,
      name: `altered_${fixture.name}`,
      text: fixture.text.replace("Lunch at one", "Lunch at two"),
      wanted: "fail",
    }));
}
