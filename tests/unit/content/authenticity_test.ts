import { assertEquals, assertStringIncludes } from "@std/assert";
import { authenticityChecks } from "../../../content/authenticity.ts";
import type { CheckName } from "../../../policy/types.ts";
import type { AuthenticitySettings } from "../../../policy/spf_check.ts";
import type { Resolver } from "../../../dns/types.ts";
import { AUTHENTICITY_SETTINGS } from "../../../settings/authenticity.ts";
import type { Envelope, Opinion } from "../../../content/types.ts";
import { CLIENT, envelopeOf, messageOf } from "./kit.ts";
import { fixture, FIXTURES, readKeys, SIGNED_MS } from "./signed_kit.ts";

const DEFAULTS = Object.fromEntries(
  Object.entries(AUTHENTICITY_SETTINGS).map(([name, { default: value }]) => [name, value]),
) as AuthenticitySettings;

const resolver = readKeys(FIXTURES, '_dmarc.example.org TXT "v=DMARC1; p=reject"');

/** Opinions of all checks that are not off, by name. */
async function opinions(
  settings: Partial<AuthenticitySettings>,
  text: string,
  envelope: Partial<Envelope> = {},
  by: Resolver = resolver,
): Promise<Partial<Record<CheckName, Opinion>>> {
  const site = { resolver: by, trouble: "pass", random: () => 0 } as const;
  const checks = authenticityChecks({ ...DEFAULTS, ...settings }, site);
  const message = messageOf(text);
  const earlier = new Map<CheckName, Opinion>();
  for (const check of checks) {
    const opinion = await check.examine(
      message,
      envelopeOf({ nowMs: SIGNED_MS, spf: { result: "none", domain: "" }, ...envelope }),
      earlier,
    );
    earlier.set(check.name, opinion);
  }
  return Object.fromEntries(earlier);
}

const ALL = { dkim: "on", arc: "on", dmarc: "on" } as const;

Deno.test("authenticityChecks: all are off by default", () => {
  const site = { resolver, trouble: "pass", random: () => 0 } as const;
  assertEquals(authenticityChecks(DEFAULTS, site), []);
});

Deno.test("authenticityChecks: the last check that is on tells all results, in one field", async () => {
  const { dkim, arc, dmarc } = await opinions(ALL, fixture("arc_two"));
  assertEquals([dkim?.addFields, arc?.addFields], [undefined, undefined]);
  const field = dmarc?.addFields?.[0] ?? "";
  for (const word of ["dkim=fail", "arc=pass (i=1 list.example, i=2 hub.example)", "dmarc=fail"]) {
    assertStringIncludes(field, word);
  }
  assertEquals(dkim?.finding?.startsWith("fail domain[example.org] selector[r2048]: "), true);
  assertEquals(arc?.finding, "pass sealers[list.example hub.example]");
});

Deno.test("authenticityChecks: a check in shadow tells nothing in the message", async () => {
  const { dkim, dmarc } = await opinions(
    { dkim: "on", dmarc: "shadow" },
    fixture("plain_simple_simple"),
  );
  assertStringIncludes(dkim?.addFields?.[0] ?? "", "dkim=pass");
  assertEquals(dkim?.addFields?.[0]?.includes("dmarc="), false);
  assertEquals(dmarc?.addFields, undefined);
  assertEquals(dmarc?.finding, "pass domain[example.org] policy[reject]");
});

Deno.test("authenticityChecks: DMARC verifies signatures where dkim is off", async () => {
  const { dmarc } = await opinions({ dmarc: "on" }, fixture("plain_simple_simple"));
  assertStringIncludes(
    dmarc?.addFields?.[0] ?? "",
    "dmarc=pass (p=reject) header.from=example.org",
  );
});

Deno.test("authenticityChecks: DMARC refuses as it may, and an ARC chain that is believed saves", async () => {
  const shown = async (settings: Partial<AuthenticitySettings>) => {
    const { dmarc } = await opinions({ ...ALL, ...settings }, fixture("arc_two"));
    return dmarc?.verdict.kind === "refuse" ? dmarc.verdict.reply.id : dmarc?.quarantine ?? "";
  };
  assertEquals(await shown({ dmarc_action: "reject" }), "dmarc_refused");
  assertEquals(await shown({}), "");
  assertEquals((await shown({ dmarc_action: "quarantine" })).startsWith("DMARC of "), true);
  const believed = ["list.example", "hub.example"];
  assertEquals(await shown({ dmarc_action: "reject", arc_trusted: believed }), "");
  assertEquals(
    await shown({ dmarc_action: "reject", arc_trusted: ["hub.example"] }),
    "dmarc_refused",
  );
});

Deno.test("authenticityChecks: forged results of our name are struck out", async () => {
  const text = `Authentication-Results: mail.example.org; spf=pass\nFrom: joe@example.org\n\n`;
  const struck = async (settings: Partial<AuthenticitySettings>) => {
    const { dkim } = await opinions({ dkim: "on", ...settings }, text);
    return messageOf(text).fields.filter((field) => dkim?.strikes?.(field)).map(({ name }) => name);
  };
  assertEquals(await struck({}), ["Authentication-Results"]);
  assertEquals(await struck({ authentication_results: false }), []);
});

Deno.test("authenticityChecks: mail of logins is not examined; their name is told where wanted", async () => {
  const checks = (login: boolean) =>
    authenticityChecks({ ...DEFAULTS, ...ALL, authentication_results_login: login }, {
      resolver,
      trouble: "pass",
      random: () => 0,
    }).map(({ name, sparesTrusted }) => `${name} ${sparesTrusted}`);
  assertEquals(checks(false), ["dkim true", "arc true", "dmarc true"]);
  assertEquals(checks(true), ["dkim true", "arc true", "dmarc false"]);
  const client = { ...CLIENT, login: "ann" };
  const { dmarc } = await opinions({ dmarc: "on" }, fixture("arc_none"), {
    client,
    spf: null,
  });
  assertEquals(dmarc?.addFields, [
    "Authentication-Results: mail.example.org;\n  auth=pass smtp.auth=ann",
  ]);
});

Deno.test("authenticityChecks: keys are asked for once, whichever checks want the result", async () => {
  const asked: string[] = [];
  const counting: Resolver = {
    query(name, type) {
      asked.push(name);
      return resolver.query(name, type);
    },
  };
  await opinions(ALL, fixture("plain_simple_simple"), {}, counting);
  assertEquals(asked.toSorted(), ["_dmarc.example.org", "r2048._domainkey.example.org"]);
});
