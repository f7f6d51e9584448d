import { assert, assertEquals } from "@std/assert";
import { createCanonicalizer } from "../../../content/dkim_body.ts";
import { canonicalField, unsignedField } from "../../../content/dkim_header.ts";
import { parseTags } from "../../../content/dkim_tags.ts";
import { MAX_SIGNATURES, verifyDkim } from "../../../content/dkim_verify.ts";
import { binaryOf, bytesOf } from "../../../content/binary.ts";
import type { Resolver } from "../../../dns/types.ts";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { messageOf } from "./kit.ts";
import {
  fixture,
  FIXTURES,
  keyLine,
  keyRecord,
  readFixtures,
  readKeys,
  SIGNED_MS,
  signedMail,
} from "./signed_kit.ts";

const keys = readKeys(FIXTURES);

/** The results of all signatures, in one line. */
async function results(
  text: string,
  resolver: Resolver = keys,
  { pieceBytes = 65536, nowMs = SIGNED_MS } = {},
): Promise<string> {
  const message = messageOf(text, pieceBytes);
  const found = await verifyDkim(message, { resolver, nowMs, session: 1 });
  return found.map(({ result }) => result).join(" ");
}

for (const { name, method, wanted, text } of readFixtures(FIXTURES)) {
  if (method !== "dkim") continue;
  Deno.test(`verifyDkim: ${name}.eml, signed by another implementation, is ${wanted}`, async () => {
    assertEquals(await results(text), wanted);
    assertEquals(await results(text, keys, { pieceBytes: 1 }), wanted, "byte by byte");
  });
}

/** `text` with the last character before `mark` changed. */
const changedBefore = (text: string, mark: string): string => {
  const at = text.indexOf(mark) - 1;
  return text.slice(0, at) + (text[at] === "x" ? "y" : "x") + text.slice(at + 1);
};

for (const name of ["plain_simple_simple", "plain_relaxed_relaxed", "ed25519"]) {
  Deno.test(`verifyDkim: ${name}.eml fails when one byte of header or body is another`, async () => {
    const text = fixture(name);
    assertEquals(await results(text), "pass");
    assertEquals(await results(changedBefore(text, "\nDate:")), "fail", "signed header");
    assertEquals(await results(text.slice(0, -8) + "Z" + text.slice(-7)), "fail", "body");
    assertEquals(await results(`${text}\n\nmore\n`), "fail", "longer body");
    assertEquals(await results(`X-New: field\n${text}`), "pass", "a field that is not signed");
  });
}

Deno.test("verifyDkim: white space may change where it is relaxed, not where it is simple", async () => {
  const spaced = (name: string) => fixture(name).replace("See you then.", "See  you then. \t");
  assertEquals(await results(spaced("plain_simple_relaxed")), "pass");
  assertEquals(await results(spaced("plain_relaxed_simple")), "fail");
  const folded = (name: string) => fixture(name).replace("Subject: Lunch", "SUBJECT:\n \tLunch");
  assertEquals(await results(folded("plain_relaxed_simple")), "pass");
  assertEquals(await results(folded("plain_simple_relaxed")), "fail");
});

Deno.test("verifyDkim: empty lines at the end mean nothing; a missing line end is added", async () => {
  const text = fixture("plain_simple_simple");
  assertEquals(await results(`${text}\n\n`), "pass");
  assertEquals(await results(text.slice(0, -1)), "pass");
});

Deno.test("verifyDkim: of two signatures one may be broken and the other not", async () => {
  const text = fixture("two_signatures").replace("  \nTo: ann", "\nTo: ann");
  assertEquals(await results(text), "fail pass");
});

Deno.test("verifyDkim: lines in the header that are no fields leave nothing to be believed", async () => {
  const text = fixture("plain_simple_simple").replace("\n\nSee", "\nno field here\n\nSee");
  assertEquals(await results(text), "neutral");
});

Deno.test("verifyDkim: a header longer than what is looked at passes nothing", async () => {
  const more = `X-Long: ${"a".repeat(300_000)}\nFrom: eve@example.net\n`;
  const text = fixture("plain_simple_simple").replace("\n\nSee", `\n${more}\nSee`);
  assertEquals(await results(text), "neutral");
});

Deno.test("verifyDkim: no more signatures are looked at than the limit", async () => {
  const count = (await results(fixture("eleven_signatures"))).split(" ").length;
  assertEquals(count, MAX_SIGNATURES);
});

/** The result of our own signature with some tags and the record of its key. */
async function own(tags: Readonly<Record<string, string>>, record = keyRecord()): Promise<string> {
  const zone = createFileResolver(keyLine("own._domainkey.example.org", record), "zone");
  return await results(signedMail(tags), zone);
}

Deno.test("verifyDkim: each tag of a signature that can be wrong", async () => {
  assertEquals(await own({}), "pass");
  const table: readonly (readonly [Record<string, string>, string])[] = [
    [{ v: "2" }, "neutral"],
    [{ v: "" }, "neutral"],
    [{ d: "" }, "neutral"],
    [{ bh: "" }, "neutral"],
    [{ bh: "AAAA" }, "fail"],
    [{ h: "subject" }, "neutral"],
    [{ c: "strange" }, "neutral"],
    [{ q: "dns/other" }, "neutral"],
    [{ q: "dns/txt" }, "pass"],
    [{ i: "@mail.example.org" }, "pass"],
    [{ i: "@example.net" }, "neutral"],
    [{ i: "@badexample.org" }, "neutral"],
    [{ l: "7" }, "pass"],
    [{ l: "8" }, "fail"],
    [{ l: "-1" }, "neutral"],
    [{ t: "5", x: "4" }, "neutral"],
    [{ x: String(SIGNED_MS / 1000) }, "pass"],
    [{ x: String(SIGNED_MS / 1000 - 1) }, "fail"],
    [{ a: "rsa-sha1" }, "policy"],
    [{ a: "dsa-sha256" }, "policy"],
    [{ a: "ed25519-sha256" }, "permerror"],
    [{ s: "other" }, "permerror"],
    [{ s: "a..b" }, "neutral"],
    [{ z: "From:joe@example.org" }, "pass"],
  ];
  for (const [tags, wanted] of table) {
    assertEquals(await own(tags), wanted, JSON.stringify(tags));
  }
});

Deno.test("verifyDkim: each tag of a key record that can be wrong", async () => {
  const table = [
    ["", "pass"],
    ["v=DKIM2; ", "permerror"],
    ["k=ed25519; ", "permerror"],
    ["h=sha1:sha256; ", "pass"],
    ["h=sha1; ", "permerror"],
    ["s=email; ", "pass"],
    ["s=*; ", "pass"],
    ["s=other; ", "permerror"],
    ["n=what;; t=s ; ", "pass"],
  ] as const;
  for (const [tags, wanted] of table) assertEquals(await own({}, keyRecord(tags)), wanted, tags);
  assertEquals(await own({ i: "@mail.example.org" }, keyRecord("t=s; ")), "permerror");
  assertEquals(await own({}, "p="), "permerror", "revoked");
  assertEquals(await own({}, "p=AAAA"), "permerror", "no key");
  assertEquals(await own({}, "hello"), "permerror", "no record");
  const short = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL3bYT2fSs8DL5g5eoz1L1Iyyzj3xC+iI7ndrnp6kFhNgH" +
    "9kJ3bmXgkNcLaVHGYgO2mJOjDaNVIZgAwGKsLFNkkCAwEAAQ==";
  assertEquals(await own({}, `p=${short}`), "policy", "512 bits");
});

Deno.test("verifyDkim: a domain that is only testing does not fail", async () => {
  const zone = (tags: string) =>
    createFileResolver(keyLine("own._domainkey.example.org", keyRecord(tags)), "zone");
  const changed = signedMail().replace("Subject: hi", "Subject: ho");
  assertEquals(await results(changed, zone("")), "fail");
  assertEquals(await results(changed, zone("t=y; ")), "neutral");
});

Deno.test("parseTags: tags with white space, none twice, empty parts passed over", () => {
  const shown = (text: string) => {
    const tags = parseTags(text);
    return tags === null ? null : [...tags].map(([name, value]) => `${name}:${value}`).join(" ");
  };
  assertEquals(shown(" a = b ;\t c= d e ;"), "a:b c:d e");
  assertEquals(shown("a=b;;c="), "a:b c:");
  assertEquals(shown("p=AB=="), "p:AB==");
  assertEquals(shown(""), "");
  for (const bad of ["a=b; a=c", "a", "=b", "1=b", "a b=c"]) assertEquals(shown(bad), null, bad);
});

Deno.test("canonicalField: the examples of RFC 6376 section 3.4.5", () => {
  assertEquals(canonicalField("A: X\n", "relaxed"), "a:X\r\n");
  assertEquals(canonicalField("B : Y\t\n\tZ  \n", "relaxed"), "b:Y Z\r\n");
  assertEquals(canonicalField("B : Y\t\n\tZ  \n", "simple"), "B : Y\t\r\n\tZ  \r\n");
});

Deno.test("unsignedField: the value of b= alone is gone, wherever it stands", () => {
  const relaxed = (raw: string) => unsignedField(raw, "relaxed");
  assertEquals(relaxed("S: a=1; b=AB\n CD; bh=XX\n"), "s:a=1; b=; bh=XX");
  assertEquals(relaxed("S: bh=XX; b=AB\n CD\n"), "s:bh=XX; b=");
  assertEquals(relaxed("S: b =AB; d=b.example\n"), "s:b =; d=b.example");
  assertEquals(unsignedField("S: b=AB;\n d=x\n", "simple"), "S: b=;\r\n d=x");
});

Deno.test("createCanonicalizer: the body of RFC 6376 section 3.4.5, and empty ones", () => {
  const canonical = (way: "simple" | "relaxed", body: string) => {
    let text = "";
    const { update, end } = createCanonicalizer(way, (bytes) => text += binaryOf(bytes));
    update(bytesOf(body));
    end();
    return text;
  };
  const body = " C \nD \t E\n\n\n";
  assertEquals(canonical("relaxed", body), " C\r\nD E\r\n");
  assertEquals(canonical("simple", body), " C \r\nD \t E\r\n");
  assertEquals([canonical("relaxed", ""), canonical("simple", "")], ["", "\r\n"]);
  assertEquals([canonical("relaxed", " \n\t\n"), canonical("simple", "\n\n")], ["", "\r\n"]);
  const long = `${"a ".repeat(40_000)}b\n`;
  assertEquals(canonical("relaxed", long), `${long.slice(0, -1)}\r\n`);
  assertEquals(canonical("simple", `${"\n".repeat(40_000)}x`), `${"\r\n".repeat(40_000)}x\r\n`);
});

Deno.test("verifyDkim: changed at random it never passes for what it is not, and never rejects", async () => {
  const text = fixture("two_signatures");
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let i = 0; i < 150; i++) {
    const at = random(text.length);
    const with_ = String.fromCharCode(random(256));
    const changed = text.slice(0, at) + with_ + text.slice(at + random(3));
    const words = (await results(changed)).split(" ").filter((word) => word !== "");
    assert(words.length <= 2 && words.every((word) => /^[a-z]+$/.test(word)), `${i}: ${words}`);
  }
});

Deno.test("verifyDkim: long runs in a header are no more work than they are long", async () => {
  const long = 200_000;
  for (const run of [" ", "\t", ";", "b=", "b", "\n ", "(", "="]) {
    const value = `v=1; a=${run.repeat(long / run.length)}x; b=AB`;
    const words = await results(`DKIM-Signature: ${value}\nFrom: a@example.org\n\nx\n`);
    assert(["neutral", "policy"].includes(words), JSON.stringify(run) + words);
  }
});
