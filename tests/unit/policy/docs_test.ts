/** The pages about policy against the catalogue of its replies. */
import { assert } from "@std/assert";
import { POLICY_REPLIES } from "../../../policy/replies.ts";

const DOCS = new URL("../../../docs", import.meta.url).pathname;

Deno.test("POLICY_REPLIES: docs/policy.md has every id with its code, docs/spf.md those of SPF", () => {
  const page = (name: string) => Deno.readTextFileSync(`${DOCS}/${name}`).replace(/ +/g, " ");
  const [policy, spf] = [page("policy.md"), page("spf.md")];
  for (const { id, code, enhanced } of Object.values(POLICY_REPLIES)) {
    const text = id.startsWith("spf_") ? spf : policy;
    assert(text.includes(`| \`${id}\` | ${code} ${enhanced} |`), `${id} (${code} ${enhanced})`);
  }
});
