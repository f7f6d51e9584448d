import { assertEquals, assertStringIncludes } from "@std/assert";
import { knownReplies } from "../../../cli/reply_catalogue.ts";
import { withCatalogues } from "../../../tools/catalogue_tables.ts";

const DOCS = new URL("../../../docs", import.meta.url).pathname;

for (const name of ["doctor.md", "replies.md"]) {
  Deno.test(`docs/${name}: its tables are up to date (tools/catalogue_doc.ts)`, () => {
    const page = Deno.readTextFileSync(`${DOCS}/${name}`);
    assertEquals(page, withCatalogues(page));
    assertStringIncludes(page, "<!-- table: ");
  });
}

Deno.test("docs/replies.md: has every reply that says no or not now", () => {
  const page = Deno.readTextFileSync(`${DOCS}/replies.md`);
  const denials = knownReplies().filter(({ code }) => /^(4|5|Z|D|-ERR)/.test(code));
  const missing = denials.filter(({ id }) => !page.includes(`| \`${id}\``));
  assertEquals(missing.map(({ id }) => id), []);
});
