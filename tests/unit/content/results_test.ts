import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fieldOf } from "../../../content/header.ts";
import {
  arcResults,
  dkimResults,
  dmarcResults,
  envelopeResults,
  isForged,
  resultsField,
} from "../../../content/results.ts";
import type { ReverseResult } from "../../../dns/reverse.ts";
import { CLIENT, envelopeOf } from "./kit.ts";

Deno.test("resultsField: all methods, folded, each on lines of its own", () => {
  const reverse: ReverseResult = {
    status: "fcrdns",
    names: ["mx.example.net"],
    confirmed: "mx.example.net",
    problem: "",
  };
  const envelope = envelopeOf({ spf: { result: "pass", domain: "example.net" }, reverse });
  const signature = {
    result: "pass",
    domain: "example.net",
    selector: "s1",
    identity: "@example.net",
    algorithm: "rsa-sha256",
    mark: "AB/d+f=h",
    reason: "",
  } as const;
  const results = [
    ...envelopeResults(envelope),
    ...dkimResults([signature]),
    ...arcResults({ result: "none", instances: [], reason: "" }),
    ...dmarcResults(
      { result: "fail", domain: "example.com", policy: "reject", percent: 100, reason: "no" },
      "quarantine",
    ),
  ];
  assertEquals(
    resultsField("mail.example.org", results),
    `Authentication-Results: mail.example.org;
  spf=pass smtp.mailfrom=friend@example.net;
  iprev=pass (mx.example.net) policy.iprev=192.0.2.7;
  dkim=pass header.d=example.net header.i=@example.net header.s=s1
    header.a=rsa-sha256 header.b="AB/d+f=h";
  arc=none;
  dmarc=fail (p=reject, quarantine) reason="no" header.from=example.com`,
  );
  assertEquals(resultsField("me.example", []), "Authentication-Results: me.example; none");
});

Deno.test("envelopeResults: a null sender by its HELO, a login, what was not asked", () => {
  const shown = (more: Parameters<typeof envelopeOf>[0]) =>
    resultsField("me", envelopeResults(envelopeOf(more))).replace(/\n */g, " ");
  const spf = { result: "softfail", domain: "client.example" } as const;
  assertStringIncludes(shown({ sender: "", spf }), " spf=softfail smtp.helo=client.example");
  assertStringIncludes(shown({ client: { ...CLIENT, login: "ann" } }), " auth=pass smtp.auth=ann");
  assertEquals(shown({}), "Authentication-Results: me; none");
});

Deno.test("resultsField: nothing that a client chose ends a line, a string or a comment", () => {
  const evil = 'a"b\\c\r\nX-Evil: yes; spf=pass (x) \xff';
  const properties = [["smtp.mailfrom", evil]] as const;
  const result = { method: "spf", result: "fail", comment: ")evil(", reason: evil, properties };
  const field = resultsField("me", [result]);
  assert(!/\n(?![ ])/.test(field) && !field.includes("\r"), field);
  assertStringIncludes(field, 'smtp.mailfrom="a\\"b\\\\c??X-Evil: yes; spf=pass (x) ?"');
  assertStringIncludes(field, "(\\)evil\\()");
});

Deno.test("isForged: fields that give our name, however it is written, and no others", () => {
  const of = (value: string, name = "Authentication-Results") =>
    isForged(fieldOf(`${name}: ${value}\n`), "mail.example.org");
  for (
    const value of [
      "mail.example.org; spf=pass",
      "MAIL.Example.org.; none",
      "\n  mail.example.org;\n spf=pass",
      "(a (nested) comment) mail.example.org; none",
      '"mail.example.org"; none',
      "mail.example.org 1; none",
      "mail.example.org/1; none",
      "mail.example.org(x); none",
      "; spf=pass",
      "",
    ]
  ) {
    assertEquals(of(value), true, value);
  }
  assertEquals(of("mail.example.org; none", "authentication-results"), true);
  assertEquals(of("other.example.org; (mail.example.org) none"), false);
  assertEquals(of("xmail.example.org; none"), false);
  assertEquals(of("mail.example.org; none", "X-Authentication-Results"), false);
});

Deno.test("isForged: long runs are no more work than they are long", () => {
  for (const run of ["(", "()", " ", '"', '\\"', "((a)"]) {
    const field = fieldOf(`Authentication-Results: ${run.repeat(200_000 / run.length)}; x\n`);
    assertEquals(typeof isForged(field, "mail.example.org"), "boolean", run);
  }
});
