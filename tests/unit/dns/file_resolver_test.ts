import { assertEquals, assertThrows } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import type { QueryType } from "../../../dns/types.ts";
import { ZoneFileError } from "../../../dns/zone_file.ts";

const resolver = createFileResolver(
  `# a comment
Example.ORG.  60 IN MX 10 Mail.Example.org.   ; another
example.org TXT "v=spf1 a \\"x\\" \\233" second
mail.example.org A 192.0.2.1
mail.example.org AAAA 2001:DB8::1
null.example.org MX 0 .
deep.inner.example.org A 192.0.2.2
alias.example.org CNAME mail.example.org
circle.example.org CNAME circle.example.org
lost.example.org CNAME nowhere.example.org
slow.example.org A 192.0.2.3
slow.example.org TIMEOUT
bad.example.org SERVFAIL
half.example.org MX SERVFAIL
*.wild.example.org A 192.0.2.4
known.wild.example.org TXT here
`,
  "zone.txt",
);
const ask = async (name: string, type: QueryType) => {
  const answer = await resolver.query(name, type);
  const shown = answer.records.map((r) =>
    r.type === "A" || r.type === "AAAA"
      ? r.address
      : r.type === "MX"
      ? `${r.preference} ${r.exchange}`
      : r.type === "TXT"
      ? r.texts.join("|")
      : r.type
  );
  return [answer.status, ...shown].join(" ");
};

Deno.test("createFileResolver: records of each form", async () => {
  assertEquals(await ask("example.org", "MX"), "ok 10 mail.example.org");
  assertEquals((await resolver.query("example.org", "MX")).ttlSeconds, 60);
  assertEquals(await ask("EXAMPLE.org.", "TXT"), 'ok v=spf1 a "x" \xe9|second');
  assertEquals(await ask("mail.example.org", "AAAA"), "ok 2001:db8::1");
  assertEquals(await ask("null.example.org", "MX"), "ok 0 ");
});

Deno.test("createFileResolver: no such name, no such record, a name only because of others", async () => {
  assertEquals(await ask("none.example.org", "A"), "nxdomain");
  assertEquals(await ask("mail.example.org", "TXT"), "nodata");
  assertEquals(await ask("inner.example.org", "A"), "nodata");
  assertEquals(await ask("a..b", "A"), "nxdomain");
});

Deno.test("createFileResolver: aliases are followed, circles end", async () => {
  assertEquals(await ask("alias.example.org", "A"), "ok 192.0.2.1");
  assertEquals(await ask("alias.example.org", "CNAME"), "ok CNAME");
  assertEquals(await ask("lost.example.org", "A"), "nxdomain");
  assertEquals(await ask("circle.example.org", "A"), "temporary");
});

Deno.test("createFileResolver: TIMEOUT and SERVFAIL, for a name or for one type", async () => {
  assertEquals(await ask("slow.example.org", "A"), "ok 192.0.2.3");
  assertEquals(await ask("slow.example.org", "MX"), "temporary");
  assertEquals((await resolver.query("slow.example.org", "MX")).rcode, null);
  assertEquals((await resolver.query("bad.example.org", "A")).rcode, 2);
  assertEquals(await ask("half.example.org", "MX"), "temporary");
  assertEquals(await ask("half.example.org", "A"), "nodata");
});

Deno.test("createFileResolver: a wildcard stands for names that are not there", async () => {
  assertEquals(await ask("any.wild.example.org", "A"), "ok 192.0.2.4");
  assertEquals(await ask("a.b.wild.example.org", "A"), "ok 192.0.2.4");
  assertEquals(await ask("known.wild.example.org", "A"), "nodata");
  assertEquals(await ask("below.known.wild.example.org", "A"), "nxdomain");
});

Deno.test("createFileResolver: a line that can't be read is named", () => {
  const faults: Record<string, string> = {
    "a.org": '"" is none of A, AAAA',
    "a.org A": "A needs a value",
    "a.org A 1.2.3": '"1.2.3" is no address for A',
    "a.org AAAA 1.2.3.4": '"1.2.3.4" is no address for AAAA',
    "a..org A 1.2.3.4": '"a..org" is no domain name',
    "a.org MX mail.org": '"mail.org" is no number',
    "a.org SPF x": '"SPF" is none of',
  };
  for (const [line, message] of Object.entries(faults)) {
    const error = assertThrows(() => createFileResolver(`\n${line}\n`, "zone.txt"), ZoneFileError);
    assertEquals(error.message.startsWith(`zone.txt line 2: ${message}`), true, error.message);
  }
});
