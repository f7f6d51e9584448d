/** Brings the tables of findings and replies in docs/ up to date: `deno run -A tools/catalogue_doc.ts`. */
import { withCatalogues } from "./catalogue_tables.ts";

for (const path of ["docs/doctor.md", "docs/replies.md"]) {
  const page = Deno.readTextFileSync(path);
  const fresh = withCatalogues(page);
  if (fresh === page) continue;
  Deno.writeTextFileSync(path, fresh);
  console.log(`${path} brought up to date`);
}
