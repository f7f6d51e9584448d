/** The text of tcprules(1): what it says, what is an error, what will match nobody. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseRules, RulesError } from "../../../net/rules_text.ts";

const read = (text: string, names = true) => parseRules(text, { names });
const env = (text: string, ip: string) => read(text).table.find(ip, null)?.env;

Deno.test("parseRules: the examples of tcprules(1)", () => {
  const text = [
    "# who may relay",
    "",
    "127.0.0.1:allow,RELAYCLIENT=\"\",DATABYTES='100'",
    "10.119.75.38:deny",
    "18.23.:allow,A=/x/,B=|a,b=c|  \t",
    ":allow",
  ].join("\n");
  const { table, notes } = read(text);
  assertEquals(notes, []);
  assertEquals(table.find("127.0.0.1", null), {
    deny: false,
    env: { RELAYCLIENT: "", DATABYTES: "100" },
  });
  assertEquals(table.find("10.119.75.38", null)?.deny, true);
  assertEquals(table.find("18.23.4.5", null)?.env, { A: "x", B: "a,b=c" });
  assertEquals(table.find("8.8.8.8", null), { deny: false, env: {} });
});

Deno.test("parseRules: a value may hold what looks like a rule", () => {
  assertEquals(env('1.2.3.4:allow,RBLSMTPD="-go:deny, away"\n', "1.2.3.4"), {
    RBLSMTPD: "-go:deny, away",
  });
  assertEquals(env('1.2.3.4:deny,X="1"\n', "1.2.3.4"), { X: "1" });
});

Deno.test("parseRules: ranges are their first, their last and what lies between", () => {
  const { table, notes } = read("1.2.3.37-53:deny\n10.2-3.:deny\n7-8.:deny\n9.9.9.250-999:deny\n");
  const denied = (ip: string): boolean => table.find(ip, null)?.deny === true;
  const cases = {
    "1.2.3.36": false,
    "1.2.3.37": true,
    "1.2.3.53": true,
    "1.2.3.54": false,
    "10.1.0.1": false,
    "10.2.0.1": true,
    "10.3.9.9": true,
    "10.4.0.1": false,
    "7.0.0.1": true,
    "8.255.0.1": true,
    "9.9.9.249": false,
    "9.9.9.255": true,
  };
  for (const [ip, expected] of Object.entries(cases)) assertEquals(denied(ip), expected, ip);
  assertEquals(notes, []);
});

Deno.test("parseRules: what tcprules refuses is an error with the line's number", () => {
  const wrong = [
    "1.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:permit",
    "1.2.3.4:allowed",
    "1.2.3.4:allow,X",
    "1.2.3.4:allow,X=",
    '1.2.3.4:allow,X="1',
    '1.2.3.4:allow,="1"',
    '1.2.3.4:allow X="1"',
    '1.2.3.4:allow,X="1"Y="2"',
    "1.2.3.x-9:deny",
    "my-host.example:allow",
    "1.2.3.9-4:deny",
  ];
  for (const line of wrong) {
    assertThrows(() => read(`# ok\n:allow\n${line}\n`), RulesError, "Line 3: ", line);
  }
});

Deno.test("parseRules: networks whose length or address is none are errors", () => {
  for (
    const address of ["1.2.3.0/33", "1.2.3/24", "1.2.3.0/", "1.2.3.0/-1", "2001:db8::/129", "x:y"]
  ) {
    assertThrows(() => read(`${address}:deny\n`), RulesError, `"${address}"`);
  }
});

Deno.test("parseRules: rules that match nobody are accepted, as tcprules does, and noted", () => {
  for (
    const address of [
      "1.2.3",
      "localhost",
      "1.2.3.4.",
      "1.2.3.256",
      "01.2.3.4",
      " 1.2.3.4",
      "joe@1.2.3.4",
      "@=h",
    ]
  ) {
    const { table, notes } = read(`${address}:deny\n`);
    assertEquals([notes.length, table.find("1.2.3.4", "localhost")], [1, null], address);
    assertEquals(notes[0]?.startsWith(`Line 1: "${address}" `), true, notes[0]);
  }
});

Deno.test("parseRules: rules for names without reverse DNS are skipped, and noted", () => {
  const { table, notes } = read("=h.example:deny\n=.example:deny\n=:deny\n", false);
  assertEquals(notes.length, 3);
  assertEquals(
    notes[1],
    'Line 2: "=.example" asks reverse DNS, which is not done: the rule is skipped',
  );
  assertEquals([table.asksNames, table.find("1.2.3.4", "h.example")], [false, null]);
});
