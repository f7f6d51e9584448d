/** The pages about policy against the catalogue of its replies. */
import { assert, assertEquals } from "@std/assert";
import { readPolicyConfig } from "../../../policy/config.ts";
import { compileMailRules } from "../../../policy/mailrules.ts";
import { parseMailRules } from "../../../policy/mailrules_parse.ts";
import { CHECK_ORDER } from "../../../policy/mod.ts";
import { AUTHENTICITY_SETTINGS } from "../../../settings/authenticity.ts";
import { CONTENT_SETTINGS, FILTER_SETTINGS } from "../../../settings/content.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { POLICY_SETTINGS } from "../../../settings/policy.ts";
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

/** Every check there is, in its stages. */
function everyCheck() {
  const settings = { ...defaultSettings() };
  for (const name of CHECK_ORDER) if (name in settings) Object.assign(settings, { [name]: "on" });
  const files: Readonly<Record<string, readonly string[]>> = {
    badmailfrom: ["@a"],
    badrcptto: ["@b"],
    trapto: ["c@d"],
  };
  const { policy } = readPolicyConfig(settings, {
    control: {
      line: (name) => name === "spfbehavior" ? "3" : null,
      lines: (name) => files[name] ?? null,
      integer: () => null,
    },
    env: { RBLSMTPD: "x" },
    isOwnDomain: () => false,
    ownNames: new Set(),
    mailRules: compileMailRules(parseMailRules(":sender\nkx:*\n:recipient\nkx:*"), new Map()),
  });
  return policy.stages;
}

Deno.test("CHECK_ORDER: the table of docs/policy.md has each stage's checks in the order of the code", () => {
  const page = Deno.readTextFileSync(`${DOCS}/policy.md`);
  const stages = everyCheck();
  for (const stage of ["connect", "helo", "mail", "rcpt", "rcpt_valid", "data"] as const) {
    const cell = new RegExp(`^\\| ${stage} +\\|[^|]*\\|([^|]*)\\|$`, "m").exec(page)?.[1] ?? "";
    const words = cell.split(",").map((word) => word.trim().split(" ")[0] ?? "");
    const documented = words.filter((word) => CHECK_ORDER.some((name) => name === word));
    const inCode = [...new Set(stages[stage].map(({ check }) => check.name))];
    assertEquals(documented, inCode, stage);
  }
});

Deno.test("CHECK_ORDER: docs/content.md names what looks into messages in the order of the code", () => {
  const page = Deno.readTextFileSync(`${DOCS}/content.md`).replace(/\s+/g, " ");
  const from = CHECK_ORDER.indexOf("header_limits");
  assertEquals(
    CHECK_ORDER.slice(from),
    ["header_limits", "header_rules", "patterns", "dkim", "arc", "dmarc", "filter", "spamd"],
  );
  assert(
    page.includes(
      "in this order: header limits, header rules, patterns, signatures, filter, spamd.",
    ),
  );
});

Deno.test("config/trace.cfg: has every setting of policy and of what looks into messages, commented out", () => {
  const sample = Deno.readTextFileSync(`${DOCS}/../config/trace.cfg`);
  const tables = [POLICY_SETTINGS, AUTHENTICITY_SETTINGS, CONTENT_SETTINGS, FILTER_SETTINGS];
  const missing = tables.flatMap((table) => Object.keys(table))
    .filter((name) => !sample.includes(`\n#${name}: `));
  assertEquals(missing, []);
});
