import { assertEquals } from "@std/assert";
import {
  addedFields,
  dateText,
  publicReason,
  type ReceivedBy,
  type ReceivedFrom,
  receivedLine,
  safeText,
  sizeLimit,
} from "../../../queue/incoming.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { controlOf } from "../smtp/kit.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const FROM: ReceivedFrom = {
  remoteHost: null,
  remoteInfo: null,
  remoteIp: "192.0.2.1",
  localHost: null,
  localIp: "192.0.2.9",
};
const BY: ReceivedBy = { helo: null, protocol: "QMTP", tls: null };
const TLS = { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" };

const line = (from: Partial<ReceivedFrom> = {}, by: Partial<ReceivedBy> = {}): string =>
  receivedLine({ ...FROM, ...from }, { ...BY, ...by }, NOW);

Deno.test("receivedLine: qmail's form, with and without names", () => {
  assertEquals(
    line(),
    "Received: from unknown (192.0.2.1)\n  by 192.0.2.9 with QMTP; 2 Jan 2026 03:04:05 -0000\n",
  );
  assertEquals(
    line(
      { remoteHost: "a.example", remoteInfo: "joe", localHost: "mail.example.com" },
      { helo: "b.example", protocol: "ESMTPS", tls: TLS },
    ),
    "Received: from a.example (HELO b.example) (joe@192.0.2.1)\n" +
      "  by mail.example.com with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256); " +
      "2 Jan 2026 03:04:05 -0000\n",
  );
  const named = { remoteHost: "A.example" };
  assertEquals(line(named, { helo: "a.EXAMPLE" }), line(named));
});

Deno.test("receivedLine: nothing that a client chose ends the line or opens a comment", () => {
  const hostile = 'x)\r\nBcc: (\0;<>"';
  const made = line(
    { remoteHost: hostile, remoteInfo: hostile, remoteIp: "", localHost: hostile },
    { helo: `${hostile}2`, tls: { version: hostile, cipher: hostile } },
  );
  assertEquals(
    made,
    "Received: from x???Bcc:??????? (HELO x???Bcc:???????2) (x???Bcc:???????@unknown)\n" +
      "  by x???Bcc:??????? with QMTP (x???Bcc???????? x???Bcc????????); " +
      "2 Jan 2026 03:04:05 -0000\n",
  );
  assertEquals(line({ localIp: "" }).includes("\n  by unknown with "), true);
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

Deno.test("publicReason: only what was written for clients, else the general words and the session", () => {
  const disk = { kind: "deferred", code: "4.3.0", reason: 'Cannot write "/home/joe"' } as const;
  assertEquals(publicReason(disk, "later", 12), "later (session 12)");
  assertEquals(publicReason({ ...disk, isPublic: true }, "later", 12), disk.reason);
});

Deno.test("addedFields: HEADER_ADD as whole fields; nothing of it ends the header", () => {
  const of = (HEADER_ADD: string) => addedFields({ HEADER_ADD });
  assertEquals(addedFields({}), "");
  assertEquals(of(""), "");
  assertEquals(of("X-Site: a"), "X-Site: a\n");
  assertEquals(of("X-Site: a\n b\nX-Two: c\n"), "X-Site: a\n b\nX-Two: c\n");
  assertEquals(of(" folded\nno field\nX: a\r\n\n\nbody\n \t\n"), "X: a\n");
});
