import { assertEquals, assertStringIncludes } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import type { Resolver } from "../../../dns/types.ts";
import { checkHost, spfIdentity, type SpfPolicy } from "../../../policy/spf.ts";
import { receivedSpf } from "../../../policy/spf_header.ts";
import { parseMacroString } from "../../../policy/spf_macro.ts";
import { inNetwork, parseSpfRecord } from "../../../policy/spf_record.ts";
import { parseIp } from "../../../net/ip.ts";

const ZONE = `
pass.example TXT "v=spf1 ip4:192.0.2.0/24 -all"
soft.example TXT "v=spf1 ~all"
neutral.example TXT "v=spf1 ?all"
open.example TXT "v=spf1 a:mail.pass.example"
fail.example TXT "v=spf1 -all exp=why.example"
plain.example TXT "v=spf1 -all"
slow.example TIMEOUT
bad.example TXT "v=spf1 nonsense:x"
none.example A 192.0.2.80
mail.pass.example A 192.0.2.99
forwarder.example TXT "v=spf1 ip4:198.51.100.0/24 -all"
why.example TXT "%{i} may not send for %{o}, %{r} %{t} %{l}"
`;
const resolver = createFileResolver(ZONE, "zone");

function check(domain: string, ip: string, policy: SpfPolicy = {}, with_: Resolver = resolver) {
  const question = { ip, domain, sender: `joe@${domain}`, helo: "client.example" };
  return checkHost(question, with_, policy);
}

Deno.test("checkHost: each verdict, with the term that decided", async () => {
  const of = async (domain: string, ip = "203.0.113.5") => {
    const { result, mechanism, source } = await check(domain, ip);
    return [result, mechanism, source].join(" ");
  };
  assertEquals(await of("pass.example", "192.0.2.7"), "pass ip4:192.0.2.0/24 record");
  assertEquals(await of("pass.example"), "fail -all record");
  assertEquals(await of("soft.example"), "softfail ~all record");
  assertEquals(await of("neutral.example"), "neutral ?all record");
  assertEquals(await of("open.example"), "neutral default record");
  assertEquals(await of("none.example"), "none  record");
  assertEquals(await of("slow.example"), "temperror  record");
  assertEquals(await of("bad.example"), "permerror  record");
});

Deno.test("checkHost: a client without a numeric address, or a domain that can have none: none", async () => {
  assertEquals((await check("pass.example", "unknown")).result, "none");
  for (const domain of ["", "localhost", "[192.0.2.1]", "a..example"]) {
    assertEquals((await check(domain, "192.0.2.7")).result, "none", domain);
  }
});

Deno.test("checkHost: problems are sentences that name the record or the server's failure", async () => {
  assertEquals(
    (await check("bad.example", "192.0.2.7")).problem,
    'SPF record of "bad.example": "nonsense:x" is no term of an SPF record',
  );
  assertStringIncludes((await check("slow.example", "192.0.2.7")).problem, "TIMEOUT");
});

Deno.test("checkHost: the explanation of the domain, else spfexp, else none", async () => {
  const policy = { receiver: "mx.example.org", nowSeconds: 1_100_000_000, exp: "see %{d}" };
  assertEquals(
    (await check("fail.example", "203.0.113.5", policy)).explanation,
    "203.0.113.5 may not send for fail.example, mx.example.org 1100000000 joe",
  );
  assertEquals(
    (await check("plain.example", "203.0.113.5", policy)).explanation,
    "see plain.example",
  );
  assertEquals((await check("plain.example", "203.0.113.5")).explanation, "");
  assertEquals((await check("soft.example", "203.0.113.5", policy)).explanation, "");
});

Deno.test("checkHost: no byte of the sender can leave the explanation's line, nor make it long", async () => {
  const sender = `a\r\n550 x\xff${"y".repeat(1000)}@fail.example`;
  const question = { ip: "203.0.113.5", domain: "fail.example", sender, helo: "x" };
  const { explanation } = await checkHost(question, resolver);
  assertStringIncludes(explanation, " a??550 x?yyy");
  assertEquals(explanation.length, 400);
});

Deno.test("checkHost: spfguess stands in for a missing record only", async () => {
  const policy = { guess: "a/24 -all" };
  const guessed = await check("none.example", "192.0.2.7", policy);
  assertEquals([guessed.result, guessed.mechanism, guessed.source], ["pass", "a/24", "guess"]);
  assertEquals((await check("none.example", "203.0.113.5", policy)).result, "fail");
  assertEquals((await check("soft.example", "192.0.2.7", policy)).source, "record");
});

Deno.test("checkHost: spfrules are tried before fail, softfail, neutral and none", async () => {
  const policy = { rules: "include:forwarder.example" };
  for (const domain of ["plain.example", "soft.example", "open.example", "none.example"]) {
    const { result, source } = await check(domain, "198.51.100.9", policy);
    assertEquals([result, source], ["pass", "rules"], domain);
  }
  assertEquals((await check("plain.example", "203.0.113.5", policy)).result, "fail");
  assertEquals((await check("pass.example", "192.0.2.7", policy)).source, "record");
  assertEquals((await check("slow.example", "198.51.100.9", policy)).result, "temperror");
});

Deno.test("checkHost: spfrules that can't be asked soften a fail; wrong ones change nothing, aloud", async () => {
  const slow = { rules: "include:slow.example" };
  assertEquals((await check("plain.example", "203.0.113.5", slow)).result, "temperror");
  assertEquals((await check("soft.example", "203.0.113.5", slow)).result, "softfail");
  const wrong = await check("plain.example", "203.0.113.5", { rules: "what" });
  assertEquals(wrong.result, "fail");
  assertStringIncludes(wrong.problem, "control/spfrules");
  const guess = await check("none.example", "203.0.113.5", { guess: "what" });
  assertEquals(guess.result, "none");
  assertStringIncludes(guess.problem, "control/spfguess");
});

Deno.test("checkHost: a record that asks for %{p} a thousand times costs one PTR look-up", async () => {
  const text = `v=spf1 exists:${"%{p}.".repeat(1000)}%{d} -all`;
  const parts = text.match(/.{1,250}/g) ?? [];
  const zone = `many.example TXT ${parts.map((p) => `"${p}"`).join(" ")}\n` +
    "5.113.0.203.in-addr.arpa PTR host.example\nhost.example A 203.0.113.5\n";
  const file = createFileResolver(zone, "zone");
  const asked: string[] = [];
  const counting: Resolver = {
    query: (name, type) => (asked.push(type), file.query(name, type)),
  };
  assertEquals((await check("many.example", "203.0.113.5", {}, counting)).result, "fail");
  assertEquals(asked, ["TXT", "PTR", "A", "A"]);
});

Deno.test("checkHost: ten terms may ask the DNS, eleven may not; two look-ups may find nothing", async () => {
  const terms = (n: number) => Array.from({ length: n }, () => "a:mail.pass.example").join(" ");
  const voids = (n: number) => Array.from({ length: n }, (_, i) => `a:v${i}.example`).join(" ");
  const zone = createFileResolver(
    `${ZONE}
ten.example TXT "v=spf1 ${terms(10)} -all"
eleven.example TXT "v=spf1 ${terms(11)} -all"
two.example TXT "v=spf1 ${voids(2)} -all"
three.example TXT "v=spf1 ${voids(3)} -all"`,
    "zone",
  );
  const of = async (domain: string) => (await check(domain, "203.0.113.5", {}, zone)).result;
  assertEquals(await of("ten.example"), "fail");
  assertEquals(await of("eleven.example"), "permerror");
  assertEquals(await of("two.example"), "fail");
  assertEquals(await of("three.example"), "permerror");
});

Deno.test("parseSpfRecord, parseMacroString: long hostile texts end soon, in a fault or not", () => {
  const faulty = (term: string) => {
    try {
      parseSpfRecord(`v=spf1 ${term}`);
      return false;
    } catch {
      return true;
    }
  };
  const long = 60_000;
  assertEquals(faulty(`a:x.${"a".repeat(long)}!`), true);
  assertEquals(faulty(`a:x.${"a-".repeat(long)}!`), true);
  assertEquals(faulty(`a:${"/1".repeat(long)}`), true);
  assertEquals(faulty(`a:${"x.".repeat(long)}example`), false);
  assertEquals(faulty(`${"m".repeat(long)}`), true);
  assertEquals(parseMacroString("%{s}".repeat(long))?.length, long);
});

Deno.test("inNetwork: leading bits, N-1, N, N+1; IPv4 and IPv6 never match each other", () => {
  const of = (a: string, b: string, bits: number) =>
    inNetwork(parseIp(a) ?? new Uint8Array(16), parseIp(b) ?? new Uint8Array(16), bits);
  assertEquals(
    [124, 125, 126].map((bits) => of("192.0.2.7", "192.0.2.3", bits)),
    [true, true, false],
  );
  assertEquals(of("192.0.2.7", "192.0.2.7", 128), true);
  assertEquals(of("2001:db8::1", "192.0.2.1", 0), false);
  assertEquals(of("2001:db8::1", "2001:db8:ffff::", 33), false);
  assertEquals(of("2001:db8::1", "2001:db8:ffff::", 32), true);
});

Deno.test("spfIdentity: the sender's domain; a null sender is asked about by HELO", () => {
  assertEquals(spfIdentity('"a@b"@c.example', "h.example"), {
    identity: "mailfrom",
    sender: '"a@b"@c.example',
    domain: "c.example",
  });
  assertEquals(spfIdentity("", "h.example"), {
    identity: "helo",
    sender: "postmaster@h.example",
    domain: "h.example",
  });
});

const FACTS = {
  receiver: "mx.example.org",
  ip: "192.0.2.7",
  envelopeFrom: "joe@pass.example",
  helo: "client.example",
  identity: "mailfrom",
  domain: "pass.example",
} as const;

Deno.test("receivedSpf: the form of RFC 7208 section 9.1", async () => {
  assertEquals(
    receivedSpf(await check("pass.example", "192.0.2.7"), FACTS),
    `Received-SPF: pass (mx.example.org: domain of joe@pass.example designates 192.0.2.7 as permitted sender)
  receiver=mx.example.org;
  client-ip=192.0.2.7;
  envelope-from="joe@pass.example";
  helo=client.example;
  identity=mailfrom;
  mechanism="ip4:192.0.2.0/24"
`,
  );
});

Deno.test("receivedSpf: nothing a client chose ends line, comment or quotes", async () => {
  const spf = await check("plain.example", "192.0.2.7");
  const envelopeFrom = 'a)\r\nX: "y\\"@\xe4.example';
  const field = receivedSpf(spf, { ...FACTS, envelopeFrom, helo: "h\n(", ip: "2001:db8::1" });
  assertEquals(field.split("\n").length, 8);
  assertStringIncludes(field, 'domain of a\\)??X: "y\\\\"@?.example does not designate');
  assertStringIncludes(field, 'envelope-from="a)??X: \\"y\\\\\\"@?.example";');
  assertStringIncludes(field, 'helo="h?(";\n');
  assertStringIncludes(field, 'client-ip="2001:db8::1";\n');
});
