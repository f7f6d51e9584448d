import { assertEquals, assertStringIncludes } from "@std/assert";
import { withCatalogues } from "../../../tools/catalogue_tables.ts";

const DOCS = new URL("../../../docs", import.meta.url).pathname;

for (const name of ["doctor.md", "replies.md"]) {
  Deno.test(`docs/${name}: its tables are up to date (tools/catalogue_doc.ts)`, () => {
    const page = Deno.readTextFileSync(`${DOCS}/${name}`);
    assertEquals(page, withCatalogues(page));
    assertStringIncludes(page, "<!-- table: ");
  });
}
