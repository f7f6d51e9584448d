/** Brings the tables of settings in docs/ up to date: `deno run -A tools/settings_doc.ts`. */
import { withTables } from "../settings/doc_table.ts";

for (const entry of Deno.readDirSync("docs")) {
  if (!entry.name.endsWith(".md")) continue;
  const path = `docs/${entry.name}`;
  const page = Deno.readTextFileSync(path);
  const fresh = withTables(page);
  if (fresh === page) continue;
  Deno.writeTextFileSync(path, fresh);
  console.log(`${path} brought up to date`);
}
