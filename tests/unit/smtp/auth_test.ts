/** AUTH: where it is offered, the mechanisms over the wire, replies, what a login allows. */
import { assert, assertEquals } from "@std/assert";
import { createHmac } from "node:crypto";
import { answers, BAD, EHLO, FAR, GOOD, MAIL, open, talkSecured, TLS } from "./auth_kit.ts";
import { authOf, codesOf, queueOf, type Setup, talk } from "./kit.ts";

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

Deno.test("AUTH EXTERNAL: the certificate's addresses tell as well; who left the users file stays out", async () => {
  const info = { ...TLS, clientSubject: "CN=x", clientEmails: ["joe@example.com"] };
  const auth = authOf({ secrets: true });
  const say = async (
    externalLogin: (subject: string, emails: readonly string[]) => string | null,
  ) => {
    const setup: Setup = { service: "submission", deps: { auth, externalLogin } };
    return (await talkSecured(`${EHLO}AUTH EXTERNAL =\r\n`, setup, info)).codes.at(-1);
  };
  assertEquals(await say((_, emails) => emails[0] ?? null), "235");
  assertEquals(await say(() => "gone@example.com"), "535");
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
