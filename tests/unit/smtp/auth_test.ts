/** AUTH: where it is offered, the mechanisms over the wire, replies, limits, what the trace shows. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHmac } from "node:crypto";
import type { AuthAnswer } from "../../../auth/types.ts";
import type { SecureInfo } from "../../../net/types.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { bytesOf } from "../../../smtp/text.ts";
import { authOf, codesOf, feed, queueOf, rigOf, type Setup, talk } from "./kit.ts";

const EHLO = "EHLO h\r\n";
const plainOf = (login: string, password: string): string => btoa(`\0${login}\0${password}`);
const GOOD = plainOf("joe@example.com", "sesame");
const BAD = plainOf("joe@example.com", "SECRET");
const MAIL = "MAIL FROM:<joe@example.com>\r\n";
const FAR = "RCPT TO:<x@far.example>\r\n";
const TLS: SecureInfo = { version: "TLSv1.3", cipher: "X_Y", sni: null, clientSubject: null };

const open = (more: Setup = {}): Setup => ({
  service: "submission",
  deps: { auth: authOf() },
  ...more,
  settings: { smtp_auth: "always", ...more.settings },
});

/** Codes behind the greeting and EHLO's reply. */
const answers = async (input: string, setup: Setup = open()): Promise<string[]> =>
  (await talk(EHLO + input, setup)).codes.slice(2);

async function talkSecured(input: string, setup: Setup, info: SecureInfo = TLS) {
  const rig = rigOf(setup);
  rig.engine.secured?.(info);
  await feed(rig.engine, input);
  return { ...rig, said: rig.output.said, codes: codesOf(rig.output.said) };
}

const authLine = (said: string): string =>
  said.split("\r\n").find((line) => /^250.AUTH/.test(line))?.slice(4) ?? "";

Deno.test("authExtension: offered by service, TLS and setting, and nowhere else", async () => {
  const deps = { auth: authOf() };
  const cases: [Setup, boolean, boolean][] = [
    [{ service: "submission", deps }, false, false],
    [{ service: "submission", deps }, true, true],
    [{ service: "smtp", deps }, true, false],
    [{ service: "smtp", deps, settings: { smtp_auth_services: ["smtp"] } }, true, true],
    [{ service: "smtp", deps, settings: { smtp_auth_services: ["smtp"] } }, false, false],
    [{ service: "submission", deps, settings: { smtp_auth_services: ["smtp"] } }, true, false],
    [{ service: "submission", deps, settings: { smtp_auth: "off" } }, true, false],
    [{ service: "submission", deps, settings: { smtp_auth: "always" } }, false, true],
    [{ service: "submission" }, true, false],
  ];
  for (const [setup, secured, expected] of cases) {
    const { said } = secured ? await talkSecured(EHLO, setup) : await talk(EHLO, setup);
    assertEquals(authLine(said), expected ? "AUTH PLAIN LOGIN" : "", JSON.stringify(setup));
  }
});

Deno.test("authExtension: mechanisms that the stored secrets allow, EXTERNAL with a certificate that is known", async () => {
  const deps = {
    auth: authOf({ secrets: true }),
    externalLogin: (subject: string) => subject === "CN=joe" ? "joe@example.com" : null,
  };
  const setup: Setup = { service: "submission", deps };
  const line = async (clientSubject: string | null) =>
    authLine((await talkSecured(EHLO, setup, { ...TLS, clientSubject })).said);
  assertEquals(await line(null), "AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN");
  assertEquals(await line("CN=eve"), "AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN");
  assertEquals(await line("CN=joe"), "AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN EXTERNAL");
});

Deno.test("Peer.service: ports 587 and 465 are submission where nobody says so", async () => {
  for (
    const [localPort, code] of [[587, "530"], [465, "530"], [25, "250"], [2525, "250"]] as const
  ) {
    assertEquals((await talk(MAIL, { localPort })).codes, ["220", code]);
  }
  assertEquals((await talk(MAIL, { localPort: 587, service: "smtp" })).codes, ["220", "250"]);
});

Deno.test("AUTH PLAIN: with initial response, in two steps, and wrong", async () => {
  assertEquals(await answers(`AUTH PLAIN ${GOOD}\r\n`), ["235"]);
  assertEquals(await answers(`auth plain\r\n${GOOD}\r\n`), ["334", "235"]);
  assertEquals(await answers(`AUTH PLAIN ${BAD}\r\n`), ["535"]);
  assertEquals(await answers(`AUTH PLAIN =\r\n`), ["501"]);
  const forged = btoa("root\0joe@example.com\0sesame");
  assertEquals(await answers(`AUTH PLAIN ${forged}\r\n`), ["535"]);
});

Deno.test("AUTH LOGIN: both questions, an initial response for the first, and wrong", async () => {
  const name = btoa("joe@example.com");
  const { said } = await talk(`${EHLO}AUTH LOGIN\r\n${name}\r\n${btoa("sesame")}\r\n`, open());
  const lines = said.split("\r\n");
  assert(lines.includes("334 VXNlcm5hbWU6") && lines.includes("334 UGFzc3dvcmQ6"));
  assertEquals(codesOf(said).at(-1), "235");
  assertEquals(await answers(`AUTH LOGIN ${name}\r\n${btoa("sesame")}\r\n`), ["334", "235"]);
  assertEquals(await answers(`AUTH LOGIN ${name}\r\n${btoa("x")}\r\n`), ["334", "535"]);
});

Deno.test("AUTH CRAM-MD5: right digest, wrong digest, no initial response", async () => {
  const deps = { auth: authOf({ secrets: true }), nonce: () => "n" };
  const stamp = `<n.${Date.UTC(2026, 10, 20, 13, 27, 48) / 1000}@mail.example.com>`;
  const digest = createHmac("md5", "sesame").update(stamp).digest("hex");
  const response = btoa(`joe@example.com ${digest}`);
  const wrong = btoa(`joe@example.com ${"0".repeat(32)}`);
  assertEquals(await answers(`AUTH CRAM-MD5\r\n${response}\r\n`, open({ deps })), ["334", "235"]);
  assertEquals(await answers(`AUTH CRAM-MD5\r\n${wrong}\r\n`, open({ deps })), ["334", "535"]);
  assertEquals(await answers(`AUTH CRAM-MD5 ${response}\r\n`, open({ deps })), ["501"]);
  assertEquals(await answers(`AUTH CRAM-MD5\r\n${response}\r\n`), ["504", "500"]);
});

Deno.test("AUTH EXTERNAL: the certificate's login, nobody else's", async () => {
  const deps = { auth: authOf(), externalLogin: () => "joe@example.com" };
  const setup: Setup = { service: "submission", deps };
  const info = { ...TLS, clientSubject: "CN=joe" };
  for (
    const [word, code] of [["=", "235"], [btoa("joe@example.com"), "235"], [btoa("root"), "535"]]
  ) {
    const { codes } = await talkSecured(`${EHLO}AUTH EXTERNAL ${word}\r\n`, setup, info);
    assertEquals(codes.at(-1), code);
  }
});

Deno.test("AUTH: order of refusals", async () => {
  assertEquals((await talk(`AUTH PLAIN ${GOOD}\r\n`, open())).codes, ["220", "503"]);
  assertEquals(await answers("AUTH\r\nAUTH A B C\r\nAUTH GSSAPI\r\n"), ["501", "501", "504"]);
  assertEquals(await answers(`AUTH PLAIN ${GOOD}\r\nAUTH PLAIN ${GOOD}\r\n`), ["235", "503"]);
  const relay = open({ env: { RELAYCLIENT: "" } });
  assertEquals(await answers(`${MAIL}AUTH PLAIN ${GOOD}\r\n`, relay), ["250", "503"]);
  assertEquals(await answers(`${MAIL}RSET\r\nAUTH PLAIN ${GOOD}\r\n`, relay), [
    "250",
    "250",
    "235",
  ]);
  const inClear = open({ settings: { smtp_auth: "tls" } });
  assertEquals(await answers(`AUTH PLAIN ${GOOD}\r\nNOOP\r\n`, inClear), ["538", "250"]);
  const onSmtp = open({ service: "smtp" });
  assertEquals(await answers(`AUTH PLAIN ${GOOD}\r\nNOOP\r\n`, onSmtp), ["502", "250"]);
});

Deno.test("AUTH: cancelled, malformed and empty responses end the exchange, not the session", async () => {
  assertEquals(await answers("AUTH LOGIN\r\n*\r\nNOOP\r\n"), ["334", "501", "250"]);
  assertEquals(await answers("AUTH PLAIN\r\n!\r\nNOOP\r\n"), ["334", "501", "250"]);
  assertEquals(await answers("AUTH LOGIN\r\n\r\nNOOP\r\n"), ["334", "501", "250"]);
  assertEquals(await answers("AUTH PLAIN !\r\nNOOP\r\n"), ["501", "250"]);
  assertEquals(await answers(`AUTH PLAIN\r\n*\r\nAUTH PLAIN ${GOOD}\r\n`), ["334", "501", "235"]);
});

Deno.test("AUTH: the same dialogue however it is cut, and whatever waits", async () => {
  const input = `${EHLO}AUTH LOGIN\r\n${btoa("joe@example.com")}\r\n${btoa("sesame")}\r\n` +
    `${MAIL}${FAR}QUIT\r\n`;
  const whole = await talk(input, open());
  assertEquals(whole.codes.slice(2), ["334", "334", "235", "250", "250", "221"]);
  for (let cut = 1; cut < input.length; cut++) {
    assertEquals((await talk(input, open(), [cut])).said, whole.said);
  }
  const bytewise = await talk(input, open(), [...input].map((_, i) => i));
  assertEquals(bytewise.said, whole.said);
});

for (const way of ["in one piece", "in two"] as const) {
  Deno.test(`AUTH: responses of 12284 and 12288 bytes are taken, 12289 are not, ${way}`, async () => {
    const answer = async (length: number): Promise<string[]> => {
      const input = `${EHLO}AUTH PLAIN\r\n${"A".repeat(length)}\r\nNOOP\r\n`;
      return (await talk(input, open(), way === "in two" ? [3000] : [])).codes.slice(3);
    };
    // "AAAA" is three NULs: sound base64, but no PLAIN response.
    assertEquals(await answer(12284), ["501", "250"]);
    assertEquals(await answer(12287), ["501", "250"]);
    assertEquals(await answer(12288), ["501", "250"]);
    assertEquals(await answer(12289), ["500", "250"]);
  });
}

Deno.test("AUTH: a password of many thousand bytes arrives whole", async () => {
  const password = "p".repeat(9000);
  const deps = { auth: authOf({ logins: { joe: password } }) };
  const response = plainOf("joe", password);
  assert(response.length > 12000 && response.length <= 12288);
  const { codes } = await talk(`${EHLO}AUTH PLAIN\r\n${response}\r\n`, open({ deps }), [99, 7000]);
  assertEquals(codes.slice(2), ["334", "235"]);
});

Deno.test("max_auth_failures: N-1 and N failures are borne, N+1 end the session", async () => {
  const tracer = createMemoryTracer(1);
  const setup = open({ settings: { max_auth_failures: 3 }, tracer });
  const failing = (n: number) => answers(`AUTH PLAIN ${BAD}\r\n`.repeat(n) + "NOOP\r\n", setup);
  assertEquals(await failing(2), ["535", "535", "250"]);
  assertEquals(await failing(3), ["535", "535", "535", "250"]);
  assertEquals(tracer.lines().filter((l) => l.includes("auth_limit,")).length, 0);
  assertEquals(await failing(4), ["535", "535", "535", "535", "421"]);
  assert(tracer.lines().includes("(1) smtp_end: terminating connection: auth_limit, 127.0.0.9"));
});

Deno.test("max_auth_failures: tries where AUTH is not to be had count, syntax errors do not", async () => {
  const limit = { max_auth_failures: 1 };
  for (const [service, auth, code] of [["smtp", "tls", "502"], ["submission", "tls", "538"]]) {
    const setup = open({
      service: service === "smtp" ? "smtp" : "submission",
      settings: { ...limit, smtp_auth: auth === "tls" ? "tls" : "off" },
    });
    const codes = await answers(`AUTH PLAIN ${GOOD}\r\n`.repeat(2), setup);
    assertEquals(codes, [code, code, "421"]);
  }
  const broken = await answers("AUTH PLAIN !\r\n".repeat(3), open({ settings: limit }));
  assertEquals(broken, ["501", "501", "501"]);
});

Deno.test("auth_delay_seconds: failures are answered after the pause, successes at once", async () => {
  const waits: number[] = [];
  const gate = Promise.withResolvers<void>();
  const pause = (seconds: number) => {
    waits.push(seconds);
    return gate.promise;
  };
  const rig = rigOf(open({ deps: { auth: authOf(), pause } }));
  await rig.engine.start();
  const handled = rig.engine.receive(bytesOf(`${EHLO}AUTH PLAIN ${BAD}\r\nNOOP\r\n`));
  await Promise.resolve().then(() => {}).then(() => {});
  assertEquals([waits, codesOf(rig.output.said)], [[2], ["220", "250"]]);
  gate.resolve();
  await handled;
  assertEquals(codesOf(rig.output.said), ["220", "250", "535", "250"]);
  await rig.engine.receive(bytesOf(`AUTH PLAIN ${GOOD}\r\n`));
  assertEquals(waits, [2]);
});

Deno.test("auth_delay_seconds: 0 is no pause; another number is handed on", async () => {
  const waits: number[] = [];
  const pause = (seconds: number) => (waits.push(seconds), Promise.resolve());
  for (const auth_delay_seconds of [0, 7]) {
    await answers(
      `AUTH PLAIN ${BAD}\r\n`,
      open({ settings: { auth_delay_seconds }, deps: { auth: authOf(), pause } }),
    );
  }
  assertEquals(waits, [7]);
});

Deno.test("AUTH: unknown logins and wrong passwords get the same reply, pause and question", async () => {
  const seen = [];
  for (const login of ["joe@example.com", "nobody@example.com"]) {
    const asked: [string, string][] = [];
    const waits: number[] = [];
    const pause = (s: number) => (waits.push(s), Promise.resolve());
    const setup = open({ deps: { auth: authOf({ asked }), pause } });
    const { said } = await talk(`${EHLO}AUTH PLAIN ${plainOf(login, "x")}\r\n`, setup);
    seen.push({ said, waits, asked: asked.length });
  }
  assertEquals(seen[0], seen[1]);
});

Deno.test("AUTH: what can't be decided is 454, no failed login, and is not paused", async () => {
  const undecided: AuthAnswer = { kind: "undecided", reason: "The disk is gone" };
  const tracer = createMemoryTracer(1);
  const deps = {
    auth: authOf({ others: undecided }),
    pause: () => Promise.reject(new Error("no pause here")),
  };
  const setup = open({ deps, tracer, settings: { max_auth_failures: 0 } });
  assertEquals(await answers(`AUTH PLAIN ${BAD}\r\nNOOP\r\n`, setup), ["454", "250"]);
  const line = tracer.lines().find((l) => l.includes("login")) ?? "";
  assertMatch(
    line,
    /^\(1\) smtp_auth: login undecided: ip\[127.0.0.9\] reason\[The disk is gone\]/,
  );
});

Deno.test("trace: failed and proven logins are one line with the address in front", async () => {
  const tracer = createMemoryTracer(1);
  const evil = plainOf("x] ip[10.0.0.1", "y");
  await talk(
    `${EHLO}AUTH PLAIN ${BAD}\r\nAUTH PLAIN ${evil}\r\nAUTH PLAIN ${GOOD}\r\n`,
    open({ tracer }),
  );
  assertEquals(tracer.lines().filter((l) => l.includes("smtp_auth")), [
    "(1) smtp_auth: login failed: ip[127.0.0.9] reason[wrong login or password] " +
    "mechanism[PLAIN] login[joe@example.com]",
    "(1) smtp_auth: login failed: ip[127.0.0.9] reason[wrong login or password] " +
    "mechanism[PLAIN] login[x] ip[10.0.0.1]",
    "(1) smtp_auth: login ok: ip[127.0.0.9] mechanism[PLAIN] login[joe@example.com]",
  ]);
});

Deno.test("secrets: none reaches the trace, whatever becomes of the exchange", async () => {
  const user = btoa("joe@example.com");
  const password = btoa("SECRET");
  const inputs = [
    `AUTH PLAIN ${BAD}\r\n`,
    `AUTH PLAIN\r\n${BAD}\r\n`,
    `AUTH LOGIN\r\n${user}\r\n${password}\r\n`,
    `AUTH LOGIN ${user}\r\n${password}\r\n`,
    `AUTH GSSAPI ${BAD}\r\n${BAD}\r\n`,
    `AUTH LOGIN\r\n!\r\n${password}\r\nNOOP\r\n${password}\r\n`,
    `AUTH LOGIN\r\n${"A".repeat(13000)}\r\n${password}\r\n`,
  ];
  for (const more of [{}, { service: "smtp" }, { settings: { smtp_auth: "tls" } }] as Setup[]) {
    for (const input of inputs) {
      const tracer = createMemoryTracer(4);
      await talk(EHLO + input, open({ ...more, tracer }));
      const text = tracer.lines().join("\n");
      for (const secret of [BAD, password, "SECRET"]) {
        assertEquals(text.includes(secret), false, `${input}\n${text}`);
      }
    }
  }
});

Deno.test("secrets: lines of others are shown as they are", async () => {
  const tracer = createMemoryTracer(4);
  await talk(`${EHLO}WHAT x\r\nAUTH PLAIN ${GOOD}\r\nWHAT y\r\n`, open({ tracer }));
  const lines = tracer.lines();
  assert(lines.includes("(4) smtp_io: C: WHAT x") && lines.includes("(4) smtp_io: C: WHAT y"));
});

Deno.test("submission: MAIL needs a login, or an address that may relay", async () => {
  assertEquals(await answers(MAIL), ["530"]);
  assertEquals(await answers(`${MAIL}AUTH PLAIN ${GOOD}\r\n${MAIL}`), ["530", "235", "250"]);
  assertEquals(await answers(MAIL, open({ env: { RELAYCLIENT: "" } })), ["250"]);
  assertEquals(await answers(MAIL, open({ settings: { smtp_auth: "off" } })), ["530"]);
  assertEquals(await answers(MAIL, open({ service: "smtp" })), ["250"]);
});

Deno.test("relay: who logged in may send anywhere, nothing is appended, and is not thrown out", async () => {
  const { codes, queue } = await talk(
    `${EHLO}AUTH PLAIN ${GOOD}\r\n${MAIL}${FAR}DATA\r\nx\r\n.\r\n`,
    open({ queue: queueOf() }),
  );
  assertEquals(codes.slice(2), ["235", "250", "250", "354", "250"]);
  assertEquals(queue.taken[0]?.envelope.recipients, ["x@far.example"]);
  const failed = await answers(
    `AUTH PLAIN ${BAD}\r\n${MAIL}${FAR}`,
    open({ service: "smtp", settings: { smtp_auth_services: ["smtp"] } }),
  );
  assertEquals(failed, ["535", "250", "553"]);
});

Deno.test("Received: ESMTPA after a login, ESMTPSA under TLS with version and cipher", async () => {
  const message = `${EHLO}AUTH PLAIN ${GOOD}\r\n${MAIL}${FAR}DATA\r\nx\r\n.\r\n`;
  const clear = await talk(message, open());
  assert(clear.queue.taken[0]?.message.includes(" with ESMTPA; "));
  const secured = await talkSecured(message, open());
  assert(secured.queue.taken[0]?.message.includes(" with ESMTPSA (TLSv1.3 X_Y); "));
});
