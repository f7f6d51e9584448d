import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Output, Peer, Rules } from "../../../net/types.ts";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import { createSmtpConfigReader } from "../../../smtp/config.ts";
import { createSmtpProtocol } from "../../../smtp/protocol.ts";
import {
  type ClientOverride,
  decodeXtext,
  parseXclient,
  peerAs,
  withoutClient,
} from "../../../smtp/xclient.ts";
import { bytesOf } from "../../../smtp/text.ts";
import { Notebook } from "../net/toy.ts";
import {
  authOf,
  codesOf,
  controlOf,
  IPS,
  lookupOf,
  NOW,
  peerOf,
  queueOf,
  SITE,
  TestOutput,
} from "./kit.ts";

const UNDERSTOOD: readonly [argument: string, override: ClientOverride][] = [
  ["ADDR=192.0.2.7", { addr: "192.0.2.7" }],
  ["addr=192.0.2.7 Name=Mx.Example", { addr: "192.0.2.7", name: "Mx.Example" }],
  ["ADDR=IPV6:2001:DB8:0::7", { addr: "2001:db8::7" }],
  ["ADDR=ipv6:::ffff:192.0.2.7", { addr: "192.0.2.7" }],
  ["ADDR=[UNAVAILABLE] NAME=[tempunavail]", { addr: null, name: null }],
  ["PORT=0 DESTPORT=65535", { port: 0, destPort: 65535 }],
  ["PORT=[UNAVAILABLE] DESTADDR=192.0.2.1", { port: null, destAddr: "192.0.2.1" }],
  ["PROTO=smtp", { extended: false }],
  ["PROTO=ESMTP", { extended: true }],
  ["HELO=a+20b+2Bc LOGIN=joe@example.com", { helo: "a b+c", login: "joe@example.com" }],
  ["HELO=a  LOGIN=[UNAVAILABLE] ", { helo: "a", login: null }],
  ["HELO=a HELO=b", { helo: "b" }],
  [`HELO=${"h".repeat(255)}`, { helo: "h".repeat(255) }],
];

Deno.test("parseXclient: what hosts say of their clients", () => {
  for (const [argument, override] of UNDERSTOOD) {
    assertEquals(parseXclient(argument), override, argument);
  }
});

const NOT_UNDERSTOOD = [
  "",
  "ADDR",
  "=x",
  "COLOUR=blue",
  "ADDR=",
  "ADDR=192.0.2.300",
  "ADDR=IPV6:192.0.2.7",
  "ADDR=2001:db8::7",
  "ADDR=mx.example",
  "PORT=65536",
  "PORT=-1",
  "PORT=x",
  "PROTO=LMTP",
  "PROTO=[UNAVAILABLE]",
  "NAME=a+20b",
  "NAME=",
  "HELO=",
  "HELO=a+2",
  "HELO=a+zz",
  "HELO=a+0Ab",
  "LOGIN=+00",
  `HELO=${"h".repeat(256)}`,
];

Deno.test("parseXclient: what is no attribute of it, or no value", () => {
  for (const argument of NOT_UNDERSTOOD) assertEquals(parseXclient(argument), null, argument);
});

Deno.test("decodeXtext: every byte that can be written, but no control character", () => {
  for (let byte = 0; byte < 256; byte++) {
    const hex = byte.toString(16).padStart(2, "0");
    const isControl = byte < 32 || byte === 127;
    for (const one of [`+${hex}`, `+${hex.toUpperCase()}`]) {
      assertEquals(decodeXtext(one), isControl ? null : String.fromCharCode(byte), one);
    }
  }
  assertEquals(decodeXtext("a+"), null);
});

const PROXY_PEER: Peer = {
  ...peerOf({ TCPREMOTEIP: "10.0.0.1", TCPLOCALIP: "10.0.0.2", TCPREMOTEHOST: "filter.example" }),
  remoteInfo: "nobody",
  env: { RELAYCLIENT: "", DATABYTES: "5", TCPREMOTEHOST: "filter.example" },
};

Deno.test("peerAs: another address is another client, of whom nothing else is known", () => {
  const peer = peerAs(PROXY_PEER, { addr: "192.0.2.7" }, { RULE: "1" });
  assertEquals([peer.remoteIp, peer.remotePort, peer.remoteHost], ["192.0.2.7", 0, null]);
  assertEquals([peer.remoteInfo, peer.env], [null, { RULE: "1" }]);
  assertEquals([peer.localIp, peer.localPort], ["10.0.0.2", 25]);
  assertEquals(peerAs(PROXY_PEER, { addr: null }, {}).remoteIp, "unknown");
});

Deno.test("peerAs: what is not named stays", () => {
  const peer = peerAs(PROXY_PEER, { name: "mx.example", destAddr: "192.0.2.1", destPort: 587 }, {});
  assertEquals([peer.remoteIp, peer.remotePort], ["10.0.0.1", 40000]);
  assertEquals([peer.localIp, peer.localPort], ["192.0.2.1", 587]);
  assertEquals(peer.env, { RELAYCLIENT: "", DATABYTES: "5", TCPREMOTEHOST: "mx.example" });
});

Deno.test("withoutClient: what was granted to an address is not another one's", () => {
  assertEquals(withoutClient(PROXY_PEER.env), { DATABYTES: "5" });
});

interface Site {
  readonly settings?: Partial<Settings>;
  readonly rules?: Rules;
  readonly ip?: string;
  readonly env?: Record<string, string>;
}

/** A session of a listed host with the whole service behind it. */
async function talk(input: string, site: Site = {}) {
  const output: Output & { said: string } = new TestOutput();
  const trace = new Notebook();
  const queue = queueOf();
  const settings = { ...defaultSettings(), xclient_from: ["10.0.0.0/8"], ...site.settings };
  const protocol = createSmtpProtocol({
    configs: createSmtpConfigReader(controlOf(SITE), IPS),
    settings: () => settings,
    lookup: lookupOf(),
    queue,
    tracer: trace,
    clock: () => NOW,
    auth: authOf(),
  });
  const { ip = "10.0.0.1", env = {}, rules } = site;
  const peer: Peer = { ...peerOf({ TCPREMOTEIP: ip, TCPLOCALIP: "10.0.0.2" }), env, rules };
  const engine = protocol.open(peer, output);
  await engine.start();
  await engine.receive(bytesOf(input));
  return { said: output.said, codes: codesOf(output.said), queue, trace, engine };
}

const MESSAGE =
  "MAIL FROM:<a@b.example>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n";

Deno.test("XCLIENT: begins anew with a greeting, and the mail is the named client's", async () => {
  const { codes, queue, said } = await talk(
    "EHLO filter\r\nXCLIENT ADDR=192.0.2.7 NAME=mx.example HELO=mx.said PROTO=ESMTP\r\n" + MESSAGE,
  );
  assertEquals(codes, ["220", "250", "220", "250", "250", "354", "250"]);
  assertStringIncludes(said, "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n");
  const received = queue.taken[0]?.message.split("\n").slice(0, 2).join("") ?? "";
  assertMatch(received, /from mx\.example \(HELO mx\.said\) \(192\.0\.2\.7\).*with ESMTP/);
  assertEquals(queue.environments[0]?.["TCPREMOTEIP"], "192.0.2.7");
  assertEquals(queue.environments[0]?.["TCPREMOTEHOST"], "mx.example");
});

Deno.test("XCLIENT: an administrator is shown the named client, and the host before", async () => {
  const { engine } = await talk("EHLO filter\r\n");
  assertEquals(engine.view?.().ip, "10.0.0.1");
  await engine.receive(bytesOf("XCLIENT ADDR=192.0.2.7\r\n"));
  assertEquals(engine.view?.().ip, "192.0.2.7");
});

Deno.test("XCLIENT: other hosts are not offered it, and get 550", async () => {
  const { codes, said } = await talk("EHLO h\r\nXCLIENT ADDR=192.0.2.7\r\n", { ip: "192.0.2.1" });
  assertEquals(codes, ["220", "250", "550"]);
  assertEquals(said.includes("XCLIENT NAME"), false);
});

Deno.test("XCLIENT: may be said again by the same host, and adds up", async () => {
  const { queue, trace } = await talk(
    "XCLIENT ADDR=192.0.2.7\r\nXCLIENT HELO=mx.said LOGIN=joe@example.com\r\n" +
      MESSAGE.replace("joe@example.com", "any@where.example"),
  );
  assertMatch(queue.taken[0]?.message ?? "", /\(HELO mx\.said\) \(192\.0\.2\.7\)/);
  assertEquals(queue.taken[0]?.envelope.recipients, ["any@where.example"]);
  const lines = trace.lines.join("\n");
  assertStringIncludes(lines, "setup: xclient: by[10.0.0.1] ip[192.0.2.7] name[] helo[] login[]");
  assertStringIncludes(lines, "setup: remoteip: 192.0.2.7");
});

Deno.test("XCLIENT: not in a transaction; a slip changes nothing and is counted", async () => {
  const { codes, queue } = await talk(
    "MAIL FROM:<a@b.example>\r\nXCLIENT ADDR=192.0.2.7\r\nRSET\r\nXCLIENT ADDR=x\r\nXCLIENT\r\n" +
      MESSAGE,
  );
  assertEquals(codes.slice(0, 6), ["220", "250", "503", "250", "501", "501"]);
  assertEquals(queue.environments[0]?.["TCPREMOTEIP"], "10.0.0.1");
  const limited = await talk("XCLIENT x\r\n".repeat(3), { settings: { max_syntax_errors: 2 } });
  assertEquals(limited.codes, ["220", "501", "501", "501", "421"]);
  assertEquals(limited.engine.wants, "close");
});

Deno.test("XCLIENT: the host's right to relay is not its client's", async () => {
  const abroad = MESSAGE.replace("joe@example.com", "any@where.example");
  const own = await talk(abroad, { env: { RELAYCLIENT: "" } });
  assertEquals(own.codes.slice(0, 3), ["220", "250", "250"]);
  const others = await talk(`XCLIENT ADDR=192.0.2.7\r\n${abroad}`, { env: { RELAYCLIENT: "" } });
  assertEquals(others.codes.slice(0, 4), ["220", "220", "250", "553"]);
});

Deno.test("XCLIENT: connection rules are asked about the named client", async () => {
  const asked: string[] = [];
  const rules: Rules = (ip) => {
    asked.push(ip);
    const env = ip === "192.0.2.9" ? null : ip === "192.0.2.7" ? { RELAYCLIENT: "" } : {};
    return Promise.resolve(env);
  };
  const abroad = MESSAGE.replace("joe@example.com", "any@where.example");
  const trusted = await talk(`XCLIENT ADDR=192.0.2.7\r\n${abroad}`, { rules });
  assertEquals(trusted.codes.slice(0, 4), ["220", "220", "250", "250"]);
  const denied = await talk(`XCLIENT ADDR=192.0.2.9\r\n${abroad}`, { rules });
  assertEquals(denied.codes, ["220", "554"]);
  assertEquals(denied.engine.wants, "close");
  assertEquals(asked, ["192.0.2.7", "192.0.2.9"]);
});

Deno.test("XCLIENT: TLS stays, and the login that was named with it", async () => {
  const output = new TestOutput();
  const settings = { ...defaultSettings(), xclient_from: ["10.0.0.1"] };
  const queue = queueOf();
  const protocol = createSmtpProtocol({
    configs: createSmtpConfigReader(controlOf(SITE), IPS),
    settings: () => settings,
    lookup: lookupOf(),
    queue,
    tracer: new Notebook(),
    clock: () => NOW,
  });
  const engine = protocol.open(peerOf({ TCPREMOTEIP: "10.0.0.1" }), output);
  const info = { version: "TLSv1.3", cipher: "AES", sni: null, clientSubject: null };
  engine.secured?.(info);
  await engine.start();
  await engine.receive(bytesOf(`XCLIENT LOGIN=joe@example.com PROTO=ESMTP\r\n${MESSAGE}`));
  assertMatch(queue.taken[0]?.message ?? "", /with ESMTPSA/);
});
