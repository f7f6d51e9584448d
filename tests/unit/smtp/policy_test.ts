/** Policy in the dialogue: which answer becomes of a verdict, what ends, what is forgotten, what is not asked. */
import { assert, assertEquals } from "@std/assert";
import type { Resolver } from "../../../dns/types.ts";
import { type CheckCounts, createPolicyCounts } from "../../../policy/counts.ts";
import type { PolicyState } from "../../../policy/state_types.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { deskOf, feed, lookupOf, NOW, rigOf, type Setup, SITE, talk } from "./kit.ts";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import { controlOf } from "./kit.ts";

const STRANGER = { TCPREMOTEIP: "192.0.2.7" };
const MAIL = "MAIL FROM:<a@b.example>\r\n";
const rcpt = (local: string) => `RCPT TO:<${local}@example.com>\r\n`;
const DATA = "DATA\r\nSubject: x\r\n\r\n.\r\n";
const REJECT = { on_invalid_rcpt: "reject" } as const;
const KNOWN = { known: ["joe@example.com", "jane@example.com", "info1@example.com"] };

/** The codes behind the greeting. */
async function after(input: string, setup: Setup = {}): Promise<string> {
  const talked = await talk(input, {
    lookup: lookupOf(KNOWN),
    ...setup,
    env: { ...STRANGER, ...setup.env },
  });
  return talked.codes.slice(1).join(" ");
}

/** A desk whose memory is watched. */
function watched(settings: Partial<Settings>, watch: Partial<PolicyState>) {
  const all = { ...defaultSettings(), ...settings };
  const { state } = deskOf(all, controlOf(SITE));
  const memory = new Proxy(state, {
    get(real, key): unknown {
      if (Object.hasOwn(watch, key)) return Reflect.get(watch, key);
      const value: unknown = Reflect.get(real, key);
      return typeof value === "function" ? value.bind(real) : value;
    },
  });
  return { settings, desk: { state: memory } };
}

Deno.test("policy at connect: the refusal stands in the greeting's place, and the session is over", async () => {
  const ban = { network: "192.0.2.0/24", reason: "it guessed", untilMs: NOW + 1000 };
  const setup = watched({ ban: "on" }, { ban: () => ban });
  const { said, engine } = await talk("EHLO h\r\n", { ...setup, env: STRANGER });
  assertEquals(said, "554 5.7.1 your network is refused for a while\r\n");
  assertEquals(engine.wants, "close");
});

Deno.test("policy at connect: soft_reject makes it 421; in shadow the greeting comes", async () => {
  const ban = { network: "192.0.2.0/24", reason: "it guessed", untilMs: NOW + 1000 };
  const soft = watched({ ban: "on", soft_reject: true }, { ban: () => ban });
  assertEquals((await talk("", { ...soft, env: STRANGER })).codes, ["421"]);
  const shadow = watched({ ban: "shadow" }, { ban: () => ban });
  assertEquals((await talk("", { ...shadow, env: STRANGER })).codes, ["220"]);
});

Deno.test("policy: who spoke before the greeting is refused in its place", async () => {
  const { engine, output } = rigOf({ settings: { early_talker: "on" }, env: STRANGER });
  assertEquals(engine.greetDelaySeconds, 0);
  engine.spokeEarly?.();
  await feed(engine, "EHLO h\r\n");
  assertEquals(output.said, "554 5.5.0 you talked before the greeting\r\n");
});

Deno.test("greetDelaySeconds: nobody waits where nobody asks, and never those who are known", () => {
  const delay = (settings: Partial<Settings>, env: Record<string, string> = {}) =>
    rigOf({ settings, env: { ...STRANGER, ...env } }).engine.greetDelaySeconds;
  assertEquals(delay({}), undefined);
  assertEquals(delay({ greet_delay_seconds: 3 }), 3);
  assertEquals(delay({ greet_delay_seconds: 3 }, { RELAYCLIENT: "" }), undefined);
  assertEquals(delay({ greet_delay_seconds: 3 }, { TCPREMOTEIP: "127.0.0.1" }), undefined);
  const known_forwarders = ["192.0.2.0/24"];
  assertEquals(delay({ greet_delay_seconds: 3, known_forwarders }), undefined);
});

Deno.test("strict_pipelining: commands behind DATA end the session, those of one group do not", async () => {
  const settings = { strict_pipelining: "on" } as const;
  const { engine, output, queue } = rigOf({ settings, env: STRANGER });
  await engine.start();
  const send = (text: string) => engine.receive(Uint8Array.from(text, (c) => c.charCodeAt(0)));
  await send("EHLO h\r\n");
  await send(`${MAIL}${rcpt("joe")}${rcpt("jane")}DATA\r\n`);
  await send("Subject: x\r\n\r\n.\r\n");
  assertEquals(queue.taken.length, 1);
  await send(`${MAIL}${rcpt("joe")}DATA\r\nSubject: x\r\n`);
  assert(output.said.endsWith("554 5.5.0 commands came before their turn\r\n"));
  assertEquals([engine.wants, queue.taken.length], ["close", 1]);
});

Deno.test("policy: where nobody asks, no promise is made, and a session has no visit", () => {
  const asked: string[] = [];
  const resolver: Resolver = {
    query(name) {
      asked.push(name);
      throw new Error("Nobody may ask");
    },
  };
  const { engine } = rigOf({ env: STRANGER, desk: { resolver }, settings: REJECT });
  assertEquals(engine.start(), undefined);
  const input = `EHLO h\r\n${MAIL}${rcpt("nobody")}${rcpt("joe")}RSET\r\n`;
  assertEquals(engine.receive(Uint8Array.from(input, (c) => c.charCodeAt(0))), undefined);
  assertEquals(asked, []);
});

Deno.test("policy at MAIL: a refused sender leaves no transaction, not even the one before", async () => {
  const desk = { mailRules: ":sender\ndbad@*:*:not you" };
  const before = `HELO h\r\n${MAIL}${rcpt("joe")}`;
  const input = `${before}MAIL FROM:<bad@b.example>\r\n${rcpt("joe")}DATA\r\n`;
  assertEquals(await after(input, { desk }), "250 250 250 553 503 503");
});

Deno.test("mailrules: K at RCPT asks nobody, not even the look-up; what it appends goes into the envelope", async () => {
  const asked: string[] = [];
  const desk = { mailRules: ":recipient\nK*:x@far.example:::-in" };
  const { codes, queue } = await talk(`HELO h\r\n${MAIL}RCPT TO:<x@far.example>\r\n${DATA}`, {
    desk,
    env: STRANGER,
    lookup: lookupOf({ ...KNOWN, asked }),
  });
  assertEquals(codes.slice(3), ["250", "354", "250"]);
  assertEquals(asked, []);
  assertEquals(queue.taken[0]?.envelope.recipients, ["x@far.example-in"]);
});

Deno.test("mailrules: what a rule sets goes to qmail-queue and ends with its transaction", async () => {
  const desk = { mailRules: ":sender\nna@*:*::::QMAILQUEUE=/bin/scan,DATABYTES=10" };
  const message = (sender: string) => `MAIL FROM:<${sender}>\r\n${rcpt("joe")}${DATA}`;
  const { codes, queue } = await talk(`HELO h\r\n${message("a@b")}${message("c@b")}`, {
    desk,
    env: STRANGER,
    lookup: lookupOf(KNOWN),
  });
  assertEquals(codes.slice(2).join(" "), "250 250 354 552 250 250 354 250");
  assertEquals(queue.environments.map((env) => env["QMAILQUEUE"]), ["/bin/scan", undefined]);
});

Deno.test("mailrules: in shadow nothing is refused and nothing set", async () => {
  const desk = { mailRules: ":sender\nna@*:*::::RELAYCLIENT=,DATABYTES=1\nda@*:*:no" };
  const input = `HELO h\r\n${MAIL}RCPT TO:<x@far.example>\r\n${rcpt("joe")}${DATA}`;
  assertEquals(
    await after(input, { desk, settings: { mailrules: "shadow" } }),
    "250 250 553 250 354 250",
  );
});

Deno.test("reject_if_any: RSET, MAIL and the end of a message begin anew", async () => {
  const settings = { ...REJECT, reject_if_any: "on", reject_if_any_of: ["invalid"] } as const;
  const bad = `${MAIL}${rcpt("joe")}${rcpt("nobody")}`;
  const good = `${MAIL}${rcpt("joe")}${DATA}`;
  for (const between of ["RSET\r\n", "", "HELO h\r\n"]) {
    const codes = await after(`HELO h\r\n${bad}${between}${good}`, { settings });
    assert(codes.endsWith("250 250 354 250"), codes);
  }
  assert((await after(`HELO h\r\n${bad}DATA\r\n${good}`, { settings })).endsWith("354 250"));
});

Deno.test("decoys: answered like valid ones, never in an envelope, their guesser is banned at once", async () => {
  const control = { ...SITE, trapto: "info1@example.com\n" };
  const tracer = createMemoryTracer(1);
  const settings = { ...defaultSettings(), ban: "on" } as const;
  const { state } = deskOf(settings, controlOf(control), STRANGER, { tracer });
  const { codes, queue } = await talk(
    `HELO h\r\n${MAIL}${rcpt("info1")}${rcpt("joe")}${DATA}${MAIL}${rcpt("info1")}DATA\r\nNOOP\r\n`,
    { settings, control, tracer, env: STRANGER, desk: { state }, lookup: lookupOf(KNOWN) },
  );
  assertEquals(codes.slice(2).join(" "), "250 250 250 354 250 250 250 554 250");
  assertEquals(queue.taken.map((m) => m.envelope.recipients), [["joe@example.com"]]);
  assert(state.ban("192.0.2.7", "192.0.2.0/24") !== null);
  const lines = tracer.lines();
  assert(
    lines.includes(
      "(1) policy: decoy: ip[192.0.2.7] wants <info1@example.com> from <a@b.example>",
    ),
  );
});

Deno.test("decoys: relay clients and forwarders are not caught, in shadow nobody is", async () => {
  const control = { ...SITE, trapto: "info1@example.com\n" };
  const input = `HELO h\r\n${MAIL}${rcpt("info1")}${DATA}`;
  const known_forwarders = ["192.0.2.7"];
  assertEquals(await after(input, { control, env: { RELAYCLIENT: "" } }), "250 250 250 354 250");
  assertEquals(
    await after(input, { control, settings: { known_forwarders } }),
    "250 250 250 354 250",
  );
  assertEquals(
    await after(input, { control, settings: { decoy: "shadow" } }),
    "250 250 250 354 250",
  );
});

Deno.test("known forwarders: an unknown recipient is refused, no session of theirs ends, nobody counts it", async () => {
  const noted: string[] = [];
  const setup = watched(
    { known_forwarders: ["192.0.2.0/24"], ban: "on", max_unknown_recipients: 1 },
    {
      noteRecipient: (_ip, _network, _domain, outcome, client) =>
        noted.push(`${outcome} ${client.isForwarder}`),
    },
  );
  const input = `HELO h\r\n${MAIL}${rcpt("nobody").repeat(5)}${rcpt("joe")}`;
  assertEquals(await after(input, setup), "250 250 550 550 550 550 550 250");
  assertEquals(
    noted,
    [...Array(5).fill("invalid true"), "valid true"],
    "the memory knows whom it never bans",
  );
});

Deno.test("outcomes are noted only where something goes by them", async () => {
  for (const [settings, most] of [[{}, 0], [{ harvest: "on" }, 2], [{ rates: "on" }, 2]] as const) {
    let noted = 0;
    const setup = watched({ ...REJECT, ...settings }, { noteRecipient: () => noted++ });
    await after(`HELO h\r\n${MAIL}${rcpt("nobody")}${rcpt("joe")}`, setup);
    assertEquals(noted, most);
  }
});

Deno.test("rates: what was noted is judged at connect, MAIL and RCPT, this time included", async () => {
  const settings = { rates: "on", max_recipient_rate: 2 } as const;
  assertEquals(
    await after(`HELO h\r\n${MAIL}${rcpt("joe").repeat(3)}`, { settings }),
    "250 250 250 250 450",
  );
  const all = { ...defaultSettings(), rates: "on", max_connection_rate: 1 } as const;
  const { state } = deskOf(all, controlOf(SITE));
  const again = () => talk("", { settings: all, env: STRANGER, desk: { state } });
  assertEquals([(await again()).codes, (await again()).codes], [["220"], ["421"]]);
});

Deno.test("tarpit: the answer to an unknown recipient waits, trusted clients never do", async () => {
  const waits: number[] = [];
  let done = 0;
  const pause = (seconds: number) => {
    waits.push(seconds);
    return Promise.resolve();
  };
  const setup = watched({ ...REJECT, tarpit_seconds: 2 }, {
    tarpit: (n) => n * 2,
    tarpitDone: () => done++,
  });
  const input = `HELO h\r\n${MAIL}${rcpt("nobody").repeat(2)}${rcpt("joe")}`;
  assertEquals(await after(input, { ...setup, deps: { pause } }), "250 250 550 550 250");
  assertEquals([waits, done], [[2, 4], 2]);
  await after(input, { ...setup, deps: { pause }, env: { RELAYCLIENT: "" } });
  assertEquals(waits.length, 2);
});

Deno.test("soft_reject: unknown recipients, relaying, limits and hops are 4xx; no session ends with the first", async () => {
  const settings = { soft_reject: true, max_hops: 1, databytes: 50 } as const;
  const tooLong = `DATA\r\n${"x".repeat(60)}\r\n.\r\n`;
  const input = `HELO h\r\nMAIL FROM:<a@b> SIZE=51\r\n${MAIL}${rcpt("nobody")}` +
    `RCPT TO:<x@far.example>\r\n${rcpt("joe")}${tooLong}` +
    `${MAIL}${rcpt("joe")}DATA\r\nReceived: x\r\n\r\n.\r\n`;
  assertEquals(await after(input, { settings }), "250 452 250 450 451 250 354 452 250 250 354 451");
});

Deno.test("counts: applied, softened, shadow and accepted, by check", async () => {
  const counts = createPolicyCounts();
  const control = { ...SITE, badmailfrom: "a@b.example\n", badrcptto: "jane@example.com\n" };
  const desk = { counts, mailRules: ":recipient\nk*:joe@example.com" };
  const settings = { badrcptto: "shadow", soft_reject: true, max_recipients: 2 } as const;
  await after(
    `HELO h\r\n${MAIL}${rcpt("joe")}MAIL FROM:<c@d>\r\n${rcpt("jane")}${rcpt("joe").repeat(2)}`,
    {
      control,
      desk,
      settings,
    },
  );
  const none = { accepted: 0, applied: 0, softened: 0, shadow: 0 };
  assertEquals(
    new Map<string, CheckCounts>(counts.snapshot()),
    new Map<string, CheckCounts>(Object.entries({
      badmailfrom: { ...none, applied: 1, softened: 1 },
      badrcptto: { ...none, shadow: 1 },
      mailrules: { ...none, accepted: 1 },
      counters: { ...none, applied: 1 },
    })),
  );
});

Deno.test("limits: one trace line with the rule, whoever passes them", async () => {
  const tracer = createMemoryTracer(2);
  await talk(`HELO h\r\n${MAIL}${rcpt("joe").repeat(2)}`, {
    tracer,
    desk: { tracer },
    env: { ...STRANGER, MAXRCPTS: "1" },
  });
  assertEquals(tracer.lines().filter((line) => line.includes("counters")), [
    "(2) policy: rcpt: 452 too_many_recipients by rule[counters: MAXRCPTS] ip[192.0.2.7]: " +
    "The message has 1 recipients, which is the limit",
  ]);
});

Deno.test("null_sender: a deliverable list is asked about only for mail without sender", async () => {
  const asked: string[] = [];
  const isListPosting = ({ address }: { readonly address: string }) => {
    asked.push(address);
    return address.startsWith("jane@");
  };
  const settings = { null_sender: "on" } as const;
  const input = `HELO h\r\nMAIL FROM:<>\r\n${rcpt("jane")}${rcpt("joe")}${MAIL}${rcpt("jane")}`;
  assertEquals(
    await after(input, { settings, deps: { isListPosting } }),
    "250 250 550 250 250 250",
  );
  assertEquals(asked, ["jane@example.com", "joe@example.com"]);
});

Deno.test("checks that wait suspend the session and keep the order of the replies", async () => {
  const asked: string[] = [];
  const resolver: Resolver = {
    async query(name) {
      asked.push(name);
      await Promise.resolve();
      return { status: "nxdomain", rcode: 3, records: [], ttlSeconds: 60, problem: "" };
    },
  };
  const settings = { ...REJECT, sender_domain: "on" } as const;
  const input = `HELO h\r\n${MAIL}${rcpt("nobody")}${rcpt("joe")}${rcpt("jane")}NOOP\r\n`;
  assertEquals(await after(input, { settings, desk: { resolver } }), "250 250 550 550 550 250");
  assertEquals(asked, ["b.example"], "once for the session, and only for recipients that exist");
});

Deno.test("an end while a check waits answers no more", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const resolver: Resolver = {
    async query() {
      await promise;
      return { status: "nxdomain", rcode: 3, records: [], ttlSeconds: 60, problem: "" };
    },
  };
  const { engine, output } = rigOf({
    settings: { sender_domain: "on" },
    env: STRANGER,
    desk: { resolver },
  });
  await engine.start();
  const input = `HELO h\r\n${MAIL}${rcpt("joe")}`;
  const pending = engine.receive(Uint8Array.from(input, (c) => c.charCodeAt(0)));
  await engine.end("idle");
  const said = output.said;
  resolve();
  await pending;
  assertEquals(output.said, said);
});
