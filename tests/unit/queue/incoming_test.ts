import { assertEquals } from "@std/assert";
import { dateText, receivedLine, safeText, sizeLimit } from "../../../queue/incoming.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { controlOf } from "../smtp/kit.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const FROM = {
  remoteHost: null,
  remoteInfo: null,
  remoteIp: "192.0.2.1",
  helo: null,
  local: "mail.example.com",
  protocol: "QMTP",
  comment: "",
};

Deno.test("receivedLine: qmail's form, with and without names", () => {
  assertEquals(
    receivedLine(FROM, NOW),
    "Received: from unknown (192.0.2.1)\n" +
      "  by mail.example.com with QMTP; 2 Jan 2026 03:04:05 -0000\n",
  );
  assertEquals(
    receivedLine({
      ...FROM,
      remoteHost: "a.example",
      remoteInfo: "joe",
      helo: "b.example",
      protocol: "ESMTPS",
      comment: "TLSv1.3 TLS_AES_128_GCM_SHA256",
    }, NOW),
    "Received: from a.example (HELO b.example) (joe@192.0.2.1)\n" +
      "  by mail.example.com with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256); " +
      "2 Jan 2026 03:04:05 -0000\n",
  );
  assertEquals(
    receivedLine({ ...FROM, remoteHost: "A.example", helo: "a.EXAMPLE" }, NOW),
    receivedLine({ ...FROM, remoteHost: "A.example" }, NOW),
  );
});

Deno.test("receivedLine: nothing that a client chose ends the line or opens a comment", () => {
  const hostile = "x)\r\nBcc: (\0;";
  const line = receivedLine({
    ...FROM,
    remoteHost: hostile,
    remoteInfo: hostile,
    remoteIp: "",
    helo: `${hostile}2`,
    local: "",
    comment: hostile,
  }, NOW);
  assertEquals(
    line,
    "Received: from x???Bcc:???? (HELO x???Bcc:????2) (x???Bcc:????@unknown)\n" +
      "  by unknown with QMTP (x???Bcc? ???); 2 Jan 2026 03:04:05 -0000\n",
  );
});

Deno.test("safeText, dateText: what is plain stays, two digits but for the day", () => {
  const plain = "AZaz09.@%+/=:-[]";
  assertEquals(safeText(plain), plain);
  assertEquals(safeText("a_b c"), "a?b?c");
  assertEquals(dateText(Date.UTC(2026, 11, 31, 23, 59, 58)), "31 Dec 2026 23:59:58 -0000");
});

Deno.test("sizeLimit: the setting, then DATABYTES, then control/databytes", () => {
  const of = (setting: number, env: Record<string, string>, file?: string) =>
    sizeLimit(
      { ...defaultSettings(), databytes: setting },
      controlOf(file === undefined ? {} : { databytes: file }),
      env,
    );
  assertEquals(of(0, {}), 0);
  assertEquals(of(0, {}, "30\n"), 30);
  assertEquals(of(0, { DATABYTES: "20" }, "30\n"), 20);
  assertEquals(of(10, { DATABYTES: "20" }, "30\n"), 10);
  assertEquals(of(0, { DATABYTES: "none" }, "30\n"), 0);
  assertEquals(of(0, { DATABYTES: "" }, "30\n"), 0);
});
