/**
 * What the bench of policy adds to the bench site: control files for every check, a file that stands
 * in for the DNS, a message of 4 KiB with a DKIM signature, and a spamd that only answers.
 */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { signedHeader } from "../../content/dkim_header.ts";
import { fieldOf, parseHeader } from "../../content/header.ts";
import { DOMAIN, type Site } from "./site.ts";

/** Whom the load generator speaks for: not on this machine, and no relay client. */
export const CLIENT_IP = "192.0.2.7";
export const PROXY_LINE = `PROXY TCP4 ${CLIENT_IP} 192.0.2.1 4711 25\r\n`;
const SENDER_DOMAIN = "remote.test";

const lines = (count: number, line: (number: number) => string): string =>
  Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");

const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** The message, as a Maildir would have it. */
export function signedMessage(bytes: number): string {
  const header = [
    "Received: from inside.remote.test (inside.remote.test [198.51.100.4])",
    "  by mx.remote.test with ESMTP; Fri, 20 Nov 2026 13:00:00 +0000",
    `From: Some Sender <s@${SENDER_DOMAIN}>`,
    `To: bench@${DOMAIN}`,
    "Subject: =?utf-8?Q?A_subject_of_the_bench?=",
    "Message-ID: <1.20261120@remote.test>",
    "Date: Fri, 20 Nov 2026 13:00:00 +0000",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    "",
  ].join("\n");
  const line = "Some text of a message, as long as lines of messages usually are\n";
  const body = line.repeat(Math.ceil((bytes - header.length - 600) / line.length));
  const bh = createHash("sha256").update(body.replaceAll("\n", "\r\n")).digest("base64");
  const signed = ["from", "to", "subject", "date", "message-id"];
  const raw = `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${SENDER_DOMAIN};\n` +
    `  s=s1; h=${signed.join(":")}; bh=${bh};\n  b=`;
  const text = signedHeader(
    parseHeader(header, true).fields,
    signed,
    fieldOf(`${raw}\n`),
    "relaxed",
  );
  const b = sign("sha256", new TextEncoder().encode(text), keys.privateKey).toString("base64");
  return `${raw}${b}\n${header}\n${body}`;
}

function zone(): string {
  const record = `v=DKIM1; p=${
    keys.publicKey.export({ type: "spki", format: "der" }).toString("base64")
  }`;
  const parts = (record.match(/.{1,200}/g) ?? []).map((part) => `"${part}"`).join(" ");
  const lists = ["bl1.test", "bl2.test", "bl3.test"].map((list) => `2.0.0.127.${list} A 127.0.0.2`);
  return [
    `client.test A ${CLIENT_IP}`,
    "7.2.0.192.in-addr.arpa PTR client.test",
    `${SENDER_DOMAIN} MX 10 mx.${SENDER_DOMAIN}`,
    `${SENDER_DOMAIN} TXT "v=spf1 include:_spf.${SENDER_DOMAIN} -all"`,
    `_spf.${SENDER_DOMAIN} TXT "v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all"`,
    `_dmarc.${SENDER_DOMAIN} TXT "v=DMARC1; p=reject"`,
    `mx.${SENDER_DOMAIN} A 192.0.2.25`,
    `s1._domainkey.${SENDER_DOMAIN} TXT ${parts}`,
    ...lists,
    "",
  ].join("\n");
}

/** Writes it all; the names of zone and message. */
export function addPolicyFiles(site: Site, top: string): { zone: string; message: string } {
  const control: Record<string, string> = {
    badmailfrom: lines(80, (i) => `bad${i}@bad${i}.test`) + lines(20, (i) => `@worse${i}.test`),
    badrcptto: lines(20, (i) => `gone${i}@${DOMAIN} no longer here`),
    trapto: lines(5, (i) => `trap${i}@${DOMAIN}`),
    badhelo: lines(20, (i) => `*.dyn${i}.test`),
    mailrules: `:sender\n${lines(10, (i) => `d*@rule${i}.test:*:No mail of yours, please`)}` +
      `:recipient\n${lines(10, (i) => `d*:rule${i}@${DOMAIN}:No mail for him, please`)}`,
    headerrules: lines(20, (i) => `refuse Subject: *word${i}*`) +
      "refuse @body: *make money fast*\n",
    patterns: Deno.readTextFileSync(`${top}/config/badmimes`) + "/*prohibited word*\n",
  };
  for (const [name, text] of Object.entries(control)) {
    Deno.writeTextFileSync(`${site.qmailDir}/control/${name}`, text);
  }
  const paths = { zone: `${site.dir}/policy.zone`, message: `${site.dir}/signed.eml` };
  Deno.writeTextFileSync(paths.zone, zone());
  Deno.writeTextFileSync(paths.message, signedMessage(4096));
  return paths;
}

/** A spamd that reads a question and answers at once; it costs the bench's own process. */
export function startSpamd(): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = new TextEncoder().encode(
    "SPAMD/1.1 0 EX_OK\r\nContent-length: 8\r\nSpam: False ; 1.0 / 5.0\r\n\r\nBENCHED\n",
  );
  const serve = async (conn: Deno.Conn) => {
    try {
      const buffer = new Uint8Array(65_536);
      while (await conn.read(buffer) !== null);
      await conn.write(answer);
    } finally {
      conn.close();
    }
  };
  void (async () => {
    for await (const conn of listener) serve(conn).catch(() => {}); // The server went: its round is over.
  })();
  return listener;
}
