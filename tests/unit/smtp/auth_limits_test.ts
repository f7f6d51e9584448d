/** AUTH under pressure: long lines, failures, pauses, local trouble; what the trace shows. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AuthAnswer } from "../../../auth/types.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { bytesOf } from "../../../smtp/text.ts";
import { answers, BAD, EHLO, GOOD, open, plainOf } from "./auth_kit.ts";
import { authOf, codesOf, rigOf, type Setup, talk } from "./kit.ts";

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
    ` AUTH PLAIN ${BAD}\r\n`,
    `AUTH\tPLAIN ${BAD}\r\n`,
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
