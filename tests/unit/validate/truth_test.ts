/**
 * Every recorded case of qmail's look-up and of its rcpthosts, in every field. Takes root: owners
 * and modes matter.
 */
import { assertEquals } from "@std/assert";
import { createLookupService } from "../../../validate/lookup.ts";
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

Deno.test({
  name: "createLookupService: every recorded look-up, in every field",
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
        });
        for (const { id, address, expect } of cases.get(fixture.fixture) ?? []) {
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

/** The address as it is after the SMTP parser took the source route off. */
const withoutRoute = (address: string): string =>
  address.startsWith("@") ? address.slice(address.indexOf(":") + 1 || address.length) : address;

Deno.test({
  name: "rcptHosts: every recorded answer, but a missing rcpthosts opens nothing",
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
        const service = createLookupService({ root });
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
