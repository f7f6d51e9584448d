import { assertEquals } from "@std/assert";
import { showScore } from "../../../policy/dnsbl.ts";
import { reverseDns } from "../../../policy/reverse_dns.ts";
import { NOTHING_KNOWN } from "../../../policy/types.ts";
import { readFcrdns, readListing, readResult } from "../../../report/findings.ts";

Deno.test("readListing: what the check of lists writes", () => {
  const list = (zone: string, weight: number) => ({
    zone,
    weight,
    codes: [],
    only: "both" as const,
  });
  const found = (zone: string, finding: Record<string, unknown>) => ({
    list: list(zone, 2),
    name: `7.2.0.192.${zone}`,
    finding,
  });
  const score = {
    score: 4,
    lowest: 4,
    highest: 4,
    results: [
      found("a.example", { kind: "listed", codes: ["127.0.0.2", "127.0.0.4"] }),
      found("b.example", { kind: "filtered" }),
      found("c.example", { kind: "error", problem: "x" }),
      found("d-1.example", { kind: "listed", codes: ["127.0.0.9"] }),
    ],
  };
  const text = showScore(score as unknown as Parameters<typeof showScore>[0], 2);
  assertEquals(readListing(text), { zones: ["a.example", "d-1.example"], errors: ["c.example"] });
  assertEquals(readListing(""), { zones: [], errors: [] });
});

Deno.test("readFcrdns: what the check of reverse DNS writes", () => {
  const check = reverseDns("fcrdns", "pass");
  const facts = { client: { ip: "192.0.2.7" } } as unknown as Parameters<typeof check.judge>[0];
  const said = (status: "none" | "exists" | "fcrdns" | "undecided") => {
    const confirmed = status === "fcrdns" ? "none.example" : null;
    const reverse = { status, names: ["none.example"], confirmed, problem: "" };
    return readFcrdns(check.findings?.(facts, { ...NOTHING_KNOWN, reverse }) ?? "");
  };
  assertEquals([said("fcrdns"), said("exists"), said("none"), said("undecided")], [
    true,
    false,
    false,
    null,
  ]);
});

Deno.test("readResult: the result that a check begins with; one signature that passes is enough", () => {
  const of = (check: string, text: string) => readResult(check, text)?.result;
  assertEquals(of("spf", "softfail domain[pass.example] mechanism[~all]"), "softfail");
  assertEquals(of("dkim", "fail domain[a.example] selector[x]: y; pass domain[b.example]"), "pass");
  assertEquals(of("dkim", "none"), "none");
  assertEquals(of("dmarc", "fail domain[a.example] policy[reject]"), "fail");
  assertEquals(of("arc", "pass sealers[x]"), "pass");
  assertEquals(of("spamd", "pass"), undefined);
});
