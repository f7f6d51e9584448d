/** Policy in QMTP and QMQP: verdicts as answers, decoys, what mail rules set, what is SMTP's alone. */
import { assertEquals } from "@std/assert";
import { withoutChecks } from "../../../policy/mod.ts";
import { readPolicyConfig } from "../../../policy/config.ts";
import { SMTP_ONLY } from "../../../qmtp/judging.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { deskOf } from "../smtp/kit.ts";
import {
  ACCEPTED,
  controlOf,
  MAIL,
  packageOf,
  queueOf,
  requestOf,
  SITE,
  talk,
  UNKNOWN,
} from "./kit.ts";

const JOE = "joe@example.com";
const JANE = "jane@example.com";
const env = { TCPREMOTEIP: "192.0.2.7" };
const BAD_SENDER = "Dsender is in the list of unwanted senders (#5.7.1)";
const control = {
  ...SITE,
  badmailfrom: "@bad.example\n",
  badrcptto: `${JANE}\n`,
  trapto: "info1@example.com\n",
};

Deno.test("badmailfrom and badrcptto: each recipient has its answer; others get the message", async () => {
  const input = packageOf(`\n${MAIL}`, "a@bad.example", [JOE]) +
    packageOf(`\n${MAIL}`, "a@b", [JANE, JOE]);
  const { answers, queued } = await talk(input, { control, env });
  assertEquals(answers, [BAD_SENDER, "Drecipient takes no mail (#5.1.1)", ACCEPTED]);
  assertEquals(queued.map((q) => q.envelope.recipients), [[JOE]]);
});

Deno.test("QMQP: one refused recipient refuses the whole, by name", async () => {
  const { answers } = await talk(requestOf(MAIL, "a@b", [JOE, JANE]), {
    grammar: "qmqp",
    control,
    env,
  });
  assertEquals(answers, [`Drecipient takes no mail: ${JANE} (#5.1.1)`]);
});

Deno.test("decoys: answered like the others, not in the envelope; alone they are refused", async () => {
  const input = packageOf(`\n${MAIL}`, "a@b", ["info1@example.com", JOE]) +
    packageOf(`\n${MAIL}`, "a@b", ["info1@example.com"]);
  const { answers, queued } = await talk(input, { control, env });
  assertEquals(answers, [ACCEPTED, ACCEPTED, "Dno valid recipients (#5.5.1)"]);
  assertEquals(queued.map((q) => q.envelope.recipients), [[JOE]]);
});

Deno.test("mail rules: sizes and environment hold for their package; a sender is refused as a whole", async () => {
  const mailRules = ":sender\nda@bad:*:not you\nnsmall@b:*::5";
  const message = `\n${MAIL}`;
  const input = ["a@bad", "small@b", "a@b"].map((from) => packageOf(message, from, [JOE])).join("");
  const { answers } = await talk(input, { env, desk: { mailRules } });
  assertEquals(answers, [
    "Dnot you (#5.7.1)",
    "Dmessage is larger than this server takes (#5.3.4)",
    ACCEPTED,
  ]);
});

Deno.test("reject_if_any: the message is refused, and the next one begins anew", async () => {
  const settings = { reject_if_any: "on" } as const;
  const input = packageOf(`\n${MAIL}`, "a@b", [JANE, JOE]) + packageOf(`\n${MAIL}`, "a@b", [JOE]);
  const { answers } = await talk(input, { control, env, settings });
  const whole = "Da recipient of this message was refused, so the message is (#5.7.1)";
  assertEquals(answers.slice(1), [whole, ACCEPTED]);
});

Deno.test("soft_reject: D becomes Z, and an unknown recipient ends no session", async () => {
  const settings = { soft_reject: true };
  const input = packageOf(`\n${MAIL}`, "a@b", ["nobody@example.com"]).repeat(2);
  const { answers } = await talk(input, { env, settings });
  assertEquals(answers, Array(2).fill("Zno mailbox here by that name (#4.1.1)"));
});

Deno.test("known forwarders: refused, and the session goes on", async () => {
  const settings = { known_forwarders: ["192.0.2.0/24"] };
  const input = packageOf(`\n${MAIL}`, "a@b", ["nobody@example.com"]).repeat(2);
  assertEquals((await talk(input, { env, settings })).answers, [UNKNOWN, UNKNOWN]);
  assertEquals((await talk(input, { env })).answers, [UNKNOWN]);
});

Deno.test("ban: QMTP is hung up on, QMQP gets its one answer", async () => {
  const settings = { ...defaultSettings(), ban: "on" } as const;
  const { state } = deskOf(settings, controlOf(SITE));
  state.addBan("192.0.2.0/24", "guessing", 600);
  const setup = { env, settings, desk: { state } };
  const qmtp = await talk(packageOf(`\n${MAIL}`, "a@b", [JOE]), setup);
  assertEquals([qmtp.answers, qmtp.engine.wants], [[], "close"]);
  const qmqp = await talk(requestOf(MAIL, "a@b", [JOE]), { ...setup, grammar: "qmqp" });
  assertEquals(qmqp.answers, ["Dyour network is refused for a while (#5.7.1)"]);
});

Deno.test("withoutChecks: what only SMTP has is not asked here", () => {
  const settings = { ...defaultSettings(), helo: "on", helo_dns: "on", own_sender: "on" } as const;
  const { policy } = readPolicyConfig(settings, {
    control: controlOf(SITE),
    env: {},
    isOwnDomain: () => false,
    ownNames: new Set(),
    mailRules: null,
  });
  const names = (p: typeof policy) =>
    Object.values(p.stages).flat().map(({ check }) => `${check.name}`);
  const rest = names(withoutChecks(policy, SMTP_ONLY));
  assertEquals(rest, names(policy).filter((name) => !SMTP_ONLY.some((one) => one === name)));
  assertEquals([rest.includes("helo"), rest.includes("own_sender")], [false, true]);
});

Deno.test("max_messages: the package behind the last one is put off, and the session ends; MAXMSGS too", async () => {
  const input = packageOf(`\n${MAIL}`, "a@b", [JOE]).repeat(4);
  const late = "Ztoo many messages in one session (#4.7.0)";
  const bySetting = await talk(input, { env, settings: { max_messages: 2 } });
  assertEquals(bySetting.answers, [ACCEPTED, ACCEPTED, late]);
  const byVariable = await talk(input, { env: { ...env, MAXMSGS: "1" } });
  assertEquals(byVariable.answers, [ACCEPTED, late]);
  assertEquals(byVariable.queued.length, 1);
});

Deno.test("soft_reject: what the queue refuses for good is Z", async () => {
  const outcome = { kind: "refused", code: "5.7.1", reason: "not you", isPublic: true } as const;
  const setup = { env, queue: queueOf({ outcome }), settings: { soft_reject: true } };
  const { answers } = await talk(packageOf(`\n${MAIL}`, "a@b", [JOE]), setup);
  assertEquals(answers, ["Znot you (#4.7.1)"]);
});

Deno.test("check_fqdn: DEFAULTHOST completes sender and recipients", async () => {
  const setup = {
    env: { ...env, DEFAULTHOST: "example.com" },
    settings: { check_fqdn: "on" },
  } as const;
  const { answers, queued } = await talk(packageOf(`\n${MAIL}`, "ann", ["joe"]), setup);
  assertEquals(answers, [ACCEPTED]);
  assertEquals(queued[0]?.envelope, { sender: "ann@example.com", recipients: [JOE] });
});

Deno.test("mail rules: RELAYCLIENT of a rule about a recipient is that recipient's alone", async () => {
  const mailRules = ":recipient\nn*:x@far.example::::RELAYCLIENT=";
  const input = packageOf(`\n${MAIL}`, "a@b", ["x@far.example", "y@far.example", JOE]);
  const { queued } = await talk(input, { env, desk: { mailRules } });
  assertEquals(queued.map((q) => q.envelope.recipients), [["x@far.example", JOE]]);
});
