/**
 * Every recorded case of qmail's look-up and of its rcpthosts, in every field. Takes root: owners
 * and modes matter.
 */
import { assertEquals } from "@std/assert";
import { createLookupService } from "../../../validate/lookup.ts";
import { type System, system } from "../../../validate/system.ts";
import type { SiteLookup } from "../../../validate/types.ts";
import { actual, type Case, expected, HERE, readLines, ROOT } from "./truth.ts";
import { buildSite, type Fixture, writeFile } from "./site_builder.ts";

interface RcptFixture {
  readonly fixture: string;
  readonly me: string;
  readonly rcpthosts: string | null;
  readonly morercpthosts: string | null;
  readonly morercpthosts_cdb: string | null;
  readonly env: Readonly<Record<string, string>>;
}

interface RcptCase {
  readonly id: string;
  readonly fixture: string;
  readonly address: string;
  readonly expect: { readonly accepted: boolean; readonly session_continues: boolean };
}

const group = <T extends { fixture: string }>(items: readonly T[]) =>
  Map.groupBy(items, (item) => item.fixture);

/** Longer than these tests take: everything that a service keeps for a while stays kept. */
const KEEP_MS = 600_000;
const HOUR_MS = 3_600_000;

/** Files as they will be in an hour: what changed within the last second is not trusted to be at rest. */
function anHourOld(): System {
  const real = system();
  return {
    ...real,
    stat(path, follow) {
      const stat = real.stat(path, follow);
      if (typeof stat === "string") return stat;
      return { ...stat, mtime: stat.mtime - HOUR_MS, ctime: stat.ctime - HOUR_MS };
    },
  };
}

/** Asks for names that nobody has, beside those that were recorded: enough for each home to be listed, and more. */
function guessAround(service: SiteLookup, asked: readonly Case[]): void {
  for (const { address } of asked) {
    const at = address.lastIndexOf("@");
    if (at < 0) continue;
    for (let i = 0; i < 4; i++) {
      service.lookup(`zz${i}${address.slice(at)}`);
      service.lookup(`${address.slice(0, at)}-zz${i}${address.slice(at)}`);
    }
  }
}

for (const keepMs of [0, KEEP_MS]) {
  const kept = keepMs === 0 ? "" : ", by a service that was asked for many names before";
  Deno.test({
    name: `createLookupService: every recorded look-up, in every field${kept}`,
    ignore: !HERE || !ROOT,
    fn() {
      const cases = group(readLines<Case>("lookup/cases.jsonl"));
      const wrong: string[] = [];
      let checked = 0;
      for (const fixture of readLines<Fixture>("lookup/fixtures.jsonl")) {
        const root = buildSite(fixture);
        try {
          const service = createLookupService({
            root,
            confBreak: fixture.build.conf_break,
            confPatrn: parseInt(fixture.build.conf_patrn, 8),
            defaultDelivery: fixture.aliasempty,
            keepMs,
            system: keepMs === 0 ? system() : anHourOld(),
          });
          const asked = cases.get(fixture.fixture) ?? [];
          if (keepMs > 0) guessAround(service, asked);
          for (const { id, address, expect } of asked) {
            checked++;
            const result = service.lookup(address);
            const want = JSON.stringify(expected(expect));
            const have = JSON.stringify(actual(result));
            if (want !== have) {
              wrong.push(`${id} ${address}\n want ${want}\n have ${have} ${result.reason}`);
            }
          }
        } finally {
          Deno.removeSync(root, { recursive: true });
        }
      }
      assertEquals(wrong.slice(0, 20), []);
      assertEquals(checked, 1006);
    },
  });
}

/** The address as it is after the SMTP parser took the source route off. */
const withoutRoute = (address: string): string =>
  address.startsWith("@") ? address.slice(address.indexOf(":") + 1 || address.length) : address;

for (const keepMs of [0, KEEP_MS]) {
  Deno.test({
    name:
      `rcptHosts: every recorded answer, but a missing rcpthosts opens nothing (kept ${keepMs} ms)`,
    ignore: !HERE,
    fn() {
      const cases = group(readLines<RcptCase>("rcpthosts/cases.jsonl"));
      const wrong: string[] = [];
      for (const fixture of readLines<RcptFixture>("rcpthosts/fixtures.jsonl")) {
        const root = Deno.makeTempDirSync();
        try {
          Deno.mkdirSync(`${root}/var/qmail/control`, { recursive: true });
          const control = `${root}/var/qmail/control`;
          writeFile(`${control}/me`, fixture.me);
          if (fixture.rcpthosts !== null) writeFile(`${control}/rcpthosts`, fixture.rcpthosts);
          if (fixture.morercpthosts_cdb !== null) {
            writeFile(`${control}/morercpthosts.cdb`, fixture.morercpthosts_cdb);
          }
          const service = createLookupService({ root, keepMs });
          for (const { id, address, expect } of cases.get(fixture.fixture) ?? []) {
            // With RELAYCLIENT set nobody asks.
            if ("RELAYCLIENT" in fixture.env) continue;
            const answer = service.rcptHosts(withoutRoute(address));
            const want = fixture.rcpthosts === null
              ? "missing"
              : expect.accepted
              ? "allowed"
              : expect.session_continues
              ? "refused"
              : "undecided";
            if (answer !== want) wrong.push(`${id} ${address}: want ${want}, have ${answer}`);
          }
        } finally {
          Deno.removeSync(root, { recursive: true });
        }
      }
      assertEquals(wrong, []);
    },
  });
}
