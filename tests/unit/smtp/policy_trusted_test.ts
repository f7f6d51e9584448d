/** Whom policy spares, and whom it counts all the same: forwarders, users, the queue's own word under soft_reject. */
import { assert, assertEquals } from "@std/assert";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import {
  authOf,
  controlOf,
  deskOf,
  lookupOf,
  queueOf,
  rigOf,
  type Setup,
  SITE,
  talk,
} from "./kit.ts";

const STRANGER = { TCPREMOTEIP: "192.0.2.7" };
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const RCPT = "RCPT TO:<joe@example.com>\r\n";
const DATA = "DATA\r\nSubject: x\r\n\r\n.\r\n";
const AUTH = `EHLO h\r\nAUTH PLAIN ${btoa("\0joe@example.com\0sesame")}\r\n`;

const memoryOf = (settings: Partial<Settings>) =>
  deskOf({ ...defaultSettings(), ...settings }, controlOf(SITE)).state;

Deno.test("strict_pipelining: known forwarders are not asked for manners", async () => {
  const settings = { strict_pipelining: "on" } as const;
  const pipelined = `EHLO h\r\n${MAIL}${RCPT}${DATA}`;
  const refused = await talk(pipelined, { settings, env: STRANGER });
  assertEquals(refused.codes, ["220", "554"]);
  const known_forwarders = ["192.0.2.0/24"];
  const { codes } = await talk(pipelined, {
    settings: { ...settings, known_forwarders },
    env: STRANGER,
  });
  assertEquals(codes.join(" "), "220 250 250 250 354 250");
});

Deno.test("ban: who comes to log in on submission is not refused for the guesser in his network", async () => {
  const settings = { ban: "on", smtp_auth: "always" } as const;
  const state = memoryOf(settings);
  state.addBan("192.0.2.0/24", "it guessed", null);
  const setup: Setup = { settings, env: STRANGER, desk: { state }, deps: { auth: authOf() } };
  assertEquals((await talk("", setup)).codes, ["554"]);
  const { codes } = await talk(`EHLO h\r\n${MAIL}${AUTH}${MAIL}${RCPT}${DATA}`, {
    ...setup,
    service: "submission",
  });
  assertEquals(codes.join(" "), "220 250 530 250 235 250 250 354 250");
});

Deno.test("rates: a login has limits of its own, from whatever address, counted over sessions", async () => {
  const settings = {
    rates: "on",
    smtp_auth: "always",
    max_message_rate: 1,
    max_login_message_rate: 3,
    max_login_recipient_rate: 4,
  } as const;
  const state = memoryOf(settings);
  const session = async (ip: string, input: string) => {
    const deps = { auth: authOf() };
    const env = { TCPREMOTEIP: ip };
    const { codes } = await talk(`${AUTH}${input}`, {
      ...{ settings, env, deps, desk: { state }, service: "submission" },
    });
    return codes.slice(3).join(" ");
  };
  assertEquals(await session("192.0.2.7", `${MAIL}${RCPT}${MAIL}${RCPT}`), "250 250 250 250");
  assertEquals(await session("198.51.100.9", `${MAIL}${RCPT.repeat(3)}`), "250 250 250 450");
  assertEquals(await session("203.0.113.1", MAIL), "450");
  const { codes } = await talk(`HELO h\r\n${MAIL}`, {
    ...{ settings, env: { TCPREMOTEIP: "203.0.113.9" }, desk: { state } },
  });
  assertEquals(codes.at(-1), "250", "strangers have nothing of a login's count");
});

Deno.test("rates: in shadow a login is counted and nothing refused", async () => {
  const settings = { rates: "shadow", smtp_auth: "always", max_login_message_rate: 1 } as const;
  const state = memoryOf(settings);
  const setup: Setup = { settings, env: STRANGER, desk: { state }, deps: { auth: authOf() } };
  const { codes } = await talk(`${AUTH}${MAIL.repeat(3)}`, { ...setup, service: "submission" });
  assertEquals(codes.slice(3), ["250", "250", "250"]);
  assertEquals(state.recent("", "192.0.2.7", "joe@example.com").loginMessages, 3);
});

Deno.test("soft_reject: what the queue refuses for good comes again, its text stays", async () => {
  const outcome = { kind: "refused", code: "5.7.1", reason: "not you", isPublic: true } as const;
  const input = `HELO h\r\n${MAIL}${RCPT}${DATA}${MAIL}${RCPT}${DATA}`;
  const hard = await talk(input, { queue: queueOf({ outcome }) });
  assertEquals(hard.codes.filter((code) => code === "554").length, 2);
  const soft = await talk(input, { queue: queueOf({ outcome }), settings: { soft_reject: true } });
  assertEquals(soft.codes.filter((code) => code.startsWith("5")), []);
  assert(soft.said.includes("451 4.3.0 "), soft.said);
});

Deno.test("check_fqdn: DEFAULTHOST and DEFAULTDOMAIN complete addresses before anybody judges them", async () => {
  const env = { ...STRANGER, DEFAULTHOST: "pc", DEFAULTDOMAIN: "example.com" };
  const control = { ...SITE, badmailfrom: "bad@pc.example.com\n" };
  const lookup = lookupOf({
    known: ["joe@pc.example.com"],
    locals: ["pc.example.com"],
    rcptHosts: ["pc.example.com"],
  });
  const input = `HELO h\r\nMAIL FROM:<ann>\r\nRCPT TO:<joe>\r\nRCPT TO:<joe@pc>\r\n${DATA}` +
    "MAIL FROM:<bad>\r\nRCPT TO:<joe>\r\n";
  const on = { env, control, lookup, settings: { check_fqdn: "on" } } as const;
  const { codes, queue } = await talk(input, on);
  assertEquals(codes.slice(2).join(" "), "250 250 250 354 250 250 553");
  const to = "joe@pc.example.com";
  assertEquals(queue.taken[0]?.envelope, { sender: "ann@pc.example.com", recipients: [to, to] });
  const shadow = await talk("HELO h\r\nMAIL FROM:<ann>\r\n", {
    ...on,
    settings: { check_fqdn: "shadow" },
  });
  assertEquals(shadow.codes.at(-1), "250");
  const { engine } = rigOf({ ...on, settings: {} });
  assertEquals(engine.start(), undefined);
});

Deno.test("mailrules: RELAYCLIENT of a rule about a recipient is that recipient's alone", async () => {
  const mailRules = ":recipient\nn*:x@far.example::::RELAYCLIENT=";
  const to = (address: string) => `RCPT TO:<${address}>\r\n`;
  const input = `HELO h\r\n${MAIL}${to("x@far.example")}${to("y@far.example")}${RCPT}` +
    `${to("x@far.example")}${to("z@far.example")}${DATA}`;
  const { codes, queue } = await talk(input, { env: STRANGER, desk: { mailRules } });
  assertEquals(codes.slice(3).join(" "), "250 553 250 250 553 354 250");
  assertEquals(queue.environments[0]?.["RELAYCLIENT"], undefined);
});
