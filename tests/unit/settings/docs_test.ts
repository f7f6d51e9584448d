import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type FamilyName,
  familyTable,
  shownDefault,
  withTables,
} from "../../../settings/doc_table.ts";
import { loadSettings } from "../../../settings/load.ts";
import { parseTraceCfg } from "../../../settings/parse.ts";
import { defaultSettings, FAMILIES, type Setting } from "../../../settings/mod.ts";

const DOCS = new URL("../../../docs", import.meta.url).pathname;
const SAMPLE = new URL("../../../config/trace.cfg", import.meta.url).pathname;
/** The page of a family has its name, but for these. */
const PAGES: Readonly<Record<string, string>> = { auth: "passwords.md", process: "processes.md" };
const pageOf = (family: string): string => PAGES[family] ?? `${family}.md`;

Deno.test("docs/settings.md: has the table of every family, up to date (tools/settings_doc.ts)", () => {
  const page = Deno.readTextFileSync(`${DOCS}/settings.md`);
  for (const family of Object.keys(FAMILIES) as FamilyName[]) {
    assertStringIncludes(page, `<!-- settings: ${family} -->\n\n${familyTable(family)}`);
    assertStringIncludes(page, `](${pageOf(family)})`);
  }
});

Deno.test("docs: tables of settings in all pages are up to date (tools/settings_doc.ts)", () => {
  for (const entry of Deno.readDirSync(DOCS)) {
    if (!entry.name.endsWith(".md")) continue;
    const page = Deno.readTextFileSync(`${DOCS}/${entry.name}`);
    assertEquals(page, withTables(page), entry.name);
  }
});

for (const [family, settings] of Object.entries(FAMILIES)) {
  const name = pageOf(family);
  Deno.test(`docs/${name}: has each setting of its family in a line with default and unit`, () => {
    const lines = Deno.readTextFileSync(`${DOCS}/${name}`).split("\n");
    const missing = Object.entries<Setting<unknown>>(settings).flatMap(([setting, about]) => {
      const wanted = [`\`${setting}\``, shownDefault(about), about.unit];
      return lines.some((line) => wanted.every((w) => line.includes(w))) ? [] : [wanted.join(" ")];
    });
    assertEquals(missing, [], `docs/${name} lacks ${missing.join(", ")}`);
  });
}

Deno.test("withTables: replaces what stands between the marks, leaves all else", () => {
  const page =
    "a\n<!-- settings: trace -->\nold\n<!-- end of settings -->\nb <!-- settings: x -->\n";
  const fresh = withTables(page);
  assertEquals(
    fresh,
    `a\n<!-- settings: trace -->\n\n${
      familyTable("trace")
    }\n<!-- end of settings -->\nb <!-- settings: x -->\n`,
  );
  assertEquals(withTables(fresh), fresh);
});

Deno.test("config/trace.cfg: reads without a problem, and what is commented out are the defaults", async () => {
  const text = Deno.readTextFileSync(SAMPLE);
  const asShipped = await loadSettings({ cfgText: text, cfgName: "trace.cfg", overrides: [] });
  assertEquals(asShipped.problems, []);
  assertEquals(asShipped.settings, {
    ...defaultSettings(),
    trace_file: "/var/log/qfront/trace",
    trace_level: 3,
  });
  const awake = text.replace(/^#(?=[a-z0-9_]+: )/gm, "");
  assert((await parseTraceCfg(awake)).values.size > 20);
  const loaded = await loadSettings({ cfgText: awake, cfgName: "trace.cfg", overrides: [] });
  assertEquals(loaded.problems, []);
  assertEquals(loaded.settings, asShipped.settings);
});
