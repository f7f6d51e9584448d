/** The RFC 7208 test suite; each scenario's DNS is a zone of the resolver's double. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { createZoneResolver } from "../../../dns/file_resolver.ts";
import { canonicalIp, canonicalName } from "../../../dns/names.ts";
import type { DnsRecord } from "../../../dns/types.ts";
import { escapedName } from "../../../dns/wire.ts";
import type { ZoneName } from "../../../dns/zone_file.ts";
import { checkHost, spfIdentity } from "../../../policy/spf.ts";
import { SPF_DIFFERS } from "../../truth/spf_differs.ts";

interface Case {
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  readonly result: string | readonly string[];
  readonly explanation?: string;
}

type Data = string | number | readonly (string | number)[] | null;
type Entry = "TIMEOUT" | Readonly<Record<string, Data>>;

interface Scenario {
  readonly description: string;
  readonly tests: Readonly<Record<string, Case>>;
  readonly zonedata: Readonly<Record<string, readonly Entry[]>>;
}

const SUITE = new URL("../../../../shared/spf/rfc7208-tests.yml", import.meta.url).pathname;

function readScenarios(): Scenario[] | null {
  try {
    const parts = Deno.readTextFileSync(SUITE).split(/^---$/m);
    return parts.map((part) => parse(part)).filter((doc) => doc !== null) as Scenario[];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function recordOf(name: string, type: string, data: Data): DnsRecord {
  const head = { name, ttlSeconds: 300 };
  const text = String(data);
  switch (type) {
    case "A":
    case "AAAA":
      return { type, ...head, address: canonicalIp(text) ?? "" };
    case "MX": {
      const [preference, exchange] = data as [number, string];
      return { type, ...head, preference, exchange };
    }
    case "PTR":
    case "CNAME":
      return { type, ...head, target: text };
    default: {
      const texts = Array.isArray(data) ? data.map(String) : [text];
      return { type: "TXT", ...head, texts };
    }
  }
}

/** One name: its SPF records are TXT records as well, unless TXT records are given. */
function zoneName(name: string, entries: readonly Entry[]): ZoneName {
  const zone: ZoneName = { records: [], failures: new Map() };
  const pairs = entries.flatMap((e) => e === "TIMEOUT" ? [] : Object.entries(e));
  const hasTxt = pairs.some(([type]) => type === "TXT");
  for (const [type, data] of pairs) {
    if (data === "NONE" || (type === "SPF" && hasTxt)) continue;
    zone.records.push(recordOf(name, type, data));
  }
  if (entries.includes("TIMEOUT")) zone.failures.set("*", "TIMEOUT");
  return zone;
}

function resolverOf(scenario: Scenario) {
  const zone = new Map<string, ZoneName>();
  for (const [name, entries] of Object.entries(scenario.zonedata)) {
    const known = escapedName(canonicalName(name));
    zone.set(known, zoneName(known, entries));
  }
  return createZoneResolver(zone);
}

const scenarios = readScenarios();
if (scenarios === null) {
  Deno.test({ name: `the RFC 7208 test suite is not at ${SUITE}`, ignore: true, fn: () => {} });
}
const seen: string[] = [];
for (const scenario of scenarios ?? []) {
  const resolver = resolverOf(scenario);
  Deno.test(`checkHost: RFC 7208 test suite, ${scenario.description}`, async (t) => {
    for (const [name, test] of Object.entries(scenario.tests)) {
      seen.push(name);
      await t.step(name, async () => {
        const { sender, domain } = spfIdentity(test.mailfrom, test.helo);
        const question = { ip: test.host, domain, sender, helo: test.helo };
        const got = await checkHost(question, resolver, { receiver: "receiver.example" });
        const allowed = [test.result].flat();
        const same = allowed.includes(got.result) &&
          (test.explanation === undefined ||
            got.explanation === (test.explanation === "DEFAULT" ? "" : test.explanation));
        const wanted = `${allowed.join(" or ")} ${test.explanation ?? ""}`;
        const differs = Object.hasOwn(SPF_DIFFERS, name);
        assertEquals(same, !differs, `wanted ${wanted}, got ${JSON.stringify(got)}`);
      });
    }
  });
}

Deno.test({
  name: "checkHost: all scenarios of the suite ran, and what differs is among them",
  ignore: scenarios === null,
  fn() {
    assert(seen.length >= 200, `${seen.length} scenarios`);
    for (const name of Object.keys(SPF_DIFFERS)) assert(seen.includes(name), name);
  },
});
