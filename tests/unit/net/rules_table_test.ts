/** Which rule is an address's: tcpserver's order. */
import { assertEquals } from "@std/assert";
import { makeCdb } from "../../../cdb/mod.ts";
import { readRulesCdb } from "../../../net/rules_cdb.ts";
import { parseRules } from "../../../net/rules_text.ts";

const NAMES = { names: true };

/** The rule's number, which stands in its variable R; "-": none; "deny". */
function found(text: string, ip: string, name: string | null = null): string {
  const rule = parseRules(text, NAMES).table.find(ip, name);
  return rule === null ? "-" : rule.deny ? "deny" : rule.env["R"] ?? "allow";
}

/** Each address with the number of its line. */
const numbered = (addresses: readonly string[]): string =>
  addresses.map((address, i) => `${address}:allow,R="${i}"\n`).join("");

// From the most to the least particular, as tcprules(1) has it.
const ORDER = [
  "192.0.2.7",
  "=mx.sub.client.example",
  "192.0.2.",
  "192.0.",
  "192.",
  "=.sub.client.example",
  "=.client.example",
  "=.example",
  "=",
  "",
];

Deno.test("RuleTable.find: tcprules' order, whatever the order of the lines", () => {
  for (const lines of [ORDER, [...ORDER].reverse()]) {
    for (let gone = 0; gone < ORDER.length; gone++) {
      const left = lines.filter((address) => ORDER.indexOf(address) >= gone);
      const at = Number(found(numbered(left), "192.0.2.7", "mx.sub.client.example"));
      assertEquals(left[at], ORDER[gone]);
    }
  }
  assertEquals(found("", "192.0.2.7", "mx.sub.client.example"), "-");
});

Deno.test("RuleTable.find: without a name only addresses count, not even =", () => {
  const text = numbered(ORDER);
  assertEquals(found(text, "198.51.100.1"), "9");
  assertEquals(found(text, "198.51.100.1", "other.test"), "8");
  assertEquals(found(text, "192.0.2.8"), "2");
  assertEquals(found(text, "192.0.3.7"), "3");
  assertEquals(found(text, "192.1.2.7"), "4");
  assertEquals(found("=:deny\n", "192.0.2.7"), "-");
});

Deno.test("RuleTable.find: of several rules for one address the first stands", () => {
  assertEquals(found('1.2.3.4:deny\n1.2.3.4:allow,R="2"\n', "1.2.3.4"), "deny");
  assertEquals(found('1.2.3.:allow,R="1"\n1.2.3.0/24:deny\n', "1.2.3.4"), "1");
  assertEquals(found('1.2.3.0/24:deny\n1.2.3.:allow,R="1"\n', "1.2.3.4"), "deny");
  assertEquals(found(':allow,R="1"\n:deny\n', "1.2.3.4"), "1");
});

Deno.test("RuleTable.find: networks by bits stand among the prefixes by length", () => {
  const text = numbered(["10.", "10.64.0.0/10", "10.64.1.", "10.64.1.128/25", "0.0.0.0/0", "=h"]);
  assertEquals(found(text, "10.1.1.1"), "0");
  assertEquals(found(text, "10.65.1.1"), "1");
  assertEquals(found(text, "10.127.255.255"), "1");
  assertEquals(found(text, "10.128.0.0"), "0");
  assertEquals(found(text, "10.64.1.127"), "2");
  assertEquals(found(text, "10.64.1.128"), "3");
  assertEquals(found(text, "11.0.0.1"), "4");
  assertEquals(found(text, "11.0.0.1", "h"), "5");
  assertEquals(found('1.2.3.4/32:allow,R="x"\n=h:deny\n', "1.2.3.4", "h"), "x");
  // Bits of the host do not count.
  assertEquals(found('10.64.7.9/10:allow,R="x"\n', "10.100.0.1"), "x");
});

Deno.test("RuleTable.find: IPv6, however it is written; IPv4 is its own family", () => {
  const text = numbered(["2001:db8::/32", "2001:db8:0:1::/64", "[2001:DB8::1]", "::/0", ""]);
  assertEquals(found(text, "2001:db8:ffff::1"), "0");
  assertEquals(found(text, "2001:db8:0:1:2::"), "1");
  assertEquals(found(text, "2001:db8:0:0::1"), "2");
  assertEquals(found(text, "2001:db9::1"), "3");
  assertEquals(found(text, "192.0.2.1"), "4");
  assertEquals(found("::ffff:192.0.2.0/120:deny\n", "192.0.2.9"), "deny");
  assertEquals(found("192.0.2.9:deny\n", "::ffff:192.0.2.9"), "deny");
});

Deno.test("RuleTable.find: names in any case", () => {
  assertEquals(found("=MX.Client.Example:deny\n", "1.2.3.4", "mx.CLIENT.example"), "deny");
  assertEquals(found("=.EXAMPLE:deny\n", "1.2.3.4", "mx.example"), "deny");
  assertEquals(found("=.mx.example:deny\n", "1.2.3.4", "mx.example"), "-");
});

Deno.test("readRulesCdb: what tcprules writes finds the same rules", () => {
  const cdb = makeCdb([
    ["127.", "+RELAYCLIENT=\0"],
    ["192.0.2.7", "D\0"],
    ["192.0.2.", "+RELAYCLIENT=@relay\0+DATABYTES=100\0"],
    ["198.51.100.9", "D\0+X=1\0"],
    ["203.0.113.5", "+CUT=1\0+SHORT=x"],
    ["", ""],
    ["192.0.2.7", "+LATER=1\0"],
  ]);
  const { table, notes } = readRulesCdb(cdb, NAMES);
  assertEquals(notes, []);
  assertEquals(table.find("127.0.0.1", null), { deny: false, env: { RELAYCLIENT: "" } });
  assertEquals(table.find("192.0.2.7", null), { deny: true, env: {} });
  assertEquals(table.find("192.0.2.8", null)?.env, { RELAYCLIENT: "@relay", DATABYTES: "100" });
  assertEquals(table.find("198.51.100.9", null), { deny: true, env: { X: "1" } });
  assertEquals(table.find("203.0.113.5", null)?.env, { CUT: "1" });
  assertEquals(table.find("8.8.8.8", null), { deny: false, env: {} });
});
