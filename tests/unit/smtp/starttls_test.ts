/** STARTTLS: offered when it can be had, nothing in clear survives it. */
import { assert, assertEquals } from "@std/assert";
import type { SecureInfo } from "../../../net/types.ts";
import { bytesOf } from "../../../smtp/text.ts";
import { authOf, codesOf, feed, rigOf, type Setup, talk } from "./kit.ts";

const INFO: SecureInfo = { version: "TLSv1.3", cipher: "X", sni: null, clientSubject: null };
const TLS: Setup = { deps: { tls: true } };
const EHLO = "EHLO h\r\n";
const START = "STARTTLS\r\n";
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<joe@example.com>\r\n";

Deno.test("STARTTLS: offered where TLS can be had, until it is on", async () => {
  const has = (said: string) => said.includes("250 STARTTLS\r\n");
  assertEquals(has((await talk(EHLO, TLS)).said), true);
  assertEquals(has((await talk(EHLO)).said), false);
  const rig = rigOf(TLS);
  rig.engine.secured?.(INFO);
  await feed(rig.engine, EHLO + START);
  assertEquals(has(rig.output.said), false);
  assertEquals(codesOf(rig.output.said), ["220", "250", "503"]);
});

Deno.test("STARTTLS: 220 and the wish for TLS, in any case of letters", async () => {
  for (const word of ["STARTTLS", "starttls", "StartTls"]) {
    const rig = rigOf(TLS);
    await feed(rig.engine, `${EHLO}${word}\r\n`, [3, 10, 14], null);
    assertEquals(codesOf(rig.output.said), ["220", "250", "220"]);
    assertEquals(rig.engine.wants, "tls");
  }
  for (const word of ["STARTTL", "STARTTLSX", "\x13TARTTLS", "S\x14ARTTLS"]) {
    assertEquals((await talk(`${word}\r\n`, TLS)).codes, ["220", "500"]);
  }
});

Deno.test("STARTTLS: refused with an argument and where TLS can't be had; the session goes on", async () => {
  assertEquals((await talk("STARTTLS now\r\nNOOP\r\n", TLS)).codes, ["220", "501", "250"]);
  assertEquals((await talk("STARTTLS\r\nNOOP\r\n")).codes, ["220", "502", "250"]);
});

Deno.test("CVE-2011-0411 (STARTTLS injection): anything behind it ends the session, nothing is carried out", async () => {
  for (const more of ["NOOP\r\n", "R", "\n", "\x16\x03\x01", MAIL + RCPT + "DATA\r\n"]) {
    const rig = rigOf(TLS);
    await feed(rig.engine, EHLO + START + more);
    assertEquals(codesOf(rig.output.said), ["220", "250", "554"], JSON.stringify(more));
    assertEquals([rig.engine.wants, rig.queue.taken.length], ["close", 0]);
  }
});

Deno.test("CVE-2011-0411 (STARTTLS injection): behind a command that had to wait as well", async () => {
  const rig = rigOf({ ...TLS, service: "smtp", deps: { tls: true, deliverability: slow } });
  await feed(rig.engine, EHLO + MAIL + RCPT + START + "NOOP\r\n");
  assertEquals(codesOf(rig.output.said), ["220", "250", "250", "250", "554"]);
});

const slow = (): Promise<null> => Promise.resolve(null);

Deno.test("secured: HELO, transaction and login of the clear dialogue are gone, failures stay", async () => {
  const bad = `AUTH PLAIN ${btoa("\0joe@example.com\0x")}\r\n`;
  const good = `AUTH PLAIN ${btoa("\0joe@example.com\0sesame")}\r\n`;
  const rig = rigOf({
    service: "submission",
    settings: { smtp_auth: "always", max_auth_failures: 1 },
    deps: { tls: true, auth: authOf() },
  });
  await feed(rig.engine, EHLO + bad + good + MAIL + RCPT + START, [], null);
  assertEquals(rig.engine.wants, "tls");
  const before = rig.output.said.length;
  rig.engine.secured?.(INFO);
  assertEquals(rig.engine.wants, "input");
  await rig.engine.receive(bytesOf("DATA\r\n" + good + MAIL + EHLO + bad));
  assertEquals(codesOf(rig.output.said.slice(before)), ["503", "503", "530", "250", "535", "421"]);
});

Deno.test("secured: half a line and half an exchange in clear are gone", async () => {
  const rig = rigOf({
    service: "submission",
    settings: { smtp_auth: "always" },
    deps: { tls: true, auth: authOf() },
  });
  await feed(rig.engine, EHLO + "AUTH LOGIN\r\nabc", [], null);
  rig.engine.secured?.(INFO);
  const before = rig.output.said.length;
  await rig.engine.receive(bytesOf("NOOP\r\n"));
  assertEquals(codesOf(rig.output.said.slice(before)), ["250"]);
});

Deno.test("Received: ESMTPS with version and cipher after STARTTLS and a new EHLO", async () => {
  const rig = rigOf(TLS);
  await feed(rig.engine, EHLO + START, [], null);
  rig.engine.secured?.(INFO);
  await rig.engine.receive(bytesOf(`${EHLO}${MAIL}${RCPT}DATA\r\nx\r\n.\r\n`));
  assert(rig.queue.taken[0]?.message.includes(" with ESMTPS (TLSv1.3 X); "));
});
