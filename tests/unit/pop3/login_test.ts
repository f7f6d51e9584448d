import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { apopDigest } from "../../../auth/sasl_digest.ts";
import { isOnThisMachine } from "../../../pop3/clear_text.ts";
import { makeLoginTimes } from "../../../pop3/login_times.ts";
import {
  authDouble,
  buildMaildir,
  cacheFor,
  connect,
  memoryTrace,
  messages,
  PEER,
  say,
} from "./kit.ts";
import { secretsDouble, type SetUp, tree, withFolder } from "./kit.ts";

const FAILED = "-ERR [AUTH] authorization failed\r\n";
const OPEN = "+OK maildrop is open\r\n";
const NEEDS_TLS = "-ERR [AUTH] no password without TLS, encrypt first\r\n";
const LOGIN = "USER joe\r\nPASS secret\r\n";
const TLS = { version: "TLSv1.2", cipher: "ECDHE-RSA-AES128-GCM-SHA256", sni: null };
const SECURE = { ...TLS, clientSubject: null };

function withMaildir(use: (path: string) => void | Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    buildMaildir(`${folder}/m`, messages({ "new/1.a": "Subject: one\n\nbody\n" }));
    await use(`${folder}/m`);
  });
}

/** What a fresh session says to `text` behind its greeting. */
async function replies(setUp: SetUp, text: string): Promise<string> {
  const { engine, client } = connect({ loggedIn: false, ...setUp });
  await engine.start();
  client.take();
  await say(engine, text);
  await engine.end("eof");
  return client.output;
}

const capabilities = (reply: string) => reply.split("\r\n").slice(1, -2);

Deno.test("mayUseClearText: never, loopback, always; for here, elsewhere, and under TLS", () =>
  withMaildir(async (path) => {
    const here = { remoteIp: "127.0.0.1" };
    const cases = [
      ["never", here, false],
      ["never", {}, false],
      ["loopback", here, true],
      ["loopback", { remoteIp: "::1" }, true],
      ["loopback", {}, false],
      ["always", {}, true],
    ] as const;
    for (const [cleartext, peer, isAllowed] of cases) {
      const setUp = { path, peer, config: { cleartext } };
      const said = await replies(setUp, LOGIN);
      const expected = isAllowed ? `+OK send PASS\r\n${OPEN}` : NEEDS_TLS.repeat(2);
      assertEquals(said, expected, `${cleartext} ${JSON.stringify(peer)}`);
      const { engine, client } = connect({ ...setUp, loggedIn: false });
      engine.secured?.(SECURE);
      await engine.start();
      await say(engine, LOGIN);
      assertStringIncludes(client.output, OPEN, "under TLS it is always allowed");
    }
  }));

Deno.test("isOnThisMachine: an address tells, standard input without one counts", () => {
  const cases = [
    ["socket", "127.0.0.1", true],
    ["socket", "127.8.9.10", true],
    ["socket", "::1", true],
    ["socket", "192.0.2.7", false],
    ["socket", "unknown", false],
    ["transcript", "unknown", true],
    ["transcript", "192.0.2.7", false],
    ["transcript", "127.0.0.1", true],
    ["socket", "127.0.0.1.example", false],
    ["socket", "::127.0.0.1", false],
  ] as const;
  for (const [kind, remoteIp, expected] of cases) {
    assertEquals(isOnThisMachine({ ...PEER, kind, remoteIp }), expected, `${kind} ${remoteIp}`);
  }
});

Deno.test("mayUseClearText: what sends no password is allowed in clear", () =>
  withMaildir(async (path) => {
    const deps = { secrets: secretsDouble() };
    const setUp = {
      path,
      deps,
      clock: () => 5000,
      config: { cleartext: "never", apop: true },
    } as const;
    const digest = apopDigest("secret", `<${Deno.pid}.5@pop.example>`);
    assertEquals(await replies(setUp, `APOP joe ${digest}\r\n`), OPEN);
    assertMatch(await replies(setUp, "AUTH CRAM-MD5\r\n"), /^\+ \S+\r\n$/);
    assertEquals(await replies(setUp, "AUTH PLAIN\r\nAUTH LOGIN x\r\n"), NEEDS_TLS.repeat(2));
  }));

Deno.test("refuseClearText: a refusal counts as an error and is one line of the trace", () =>
  withMaildir(async (path) => {
    const tracer = memoryTrace(2);
    const config = { cleartext: "never", maxErrors: 2 } as const;
    const said = await replies({ path, tracer, config }, LOGIN + LOGIN);
    assertEquals(said, `${NEEDS_TLS}-ERR too many errors, closing\r\n`);
    assertStringIncludes(
      tracer.lines[0] ?? "",
      "password without TLS refused: ip[192.0.2.7] command[USER]",
    );
  }));

Deno.test("capa: USER, SASL and STLS as they are true in each state", () =>
  withMaildir(async (path) => {
    const setUp = {
      path,
      loggedIn: false,
      config: { cleartext: "never", loginDelaySeconds: 60 },
      deps: { tls: true, secrets: secretsDouble({ scram: true }), loginTimes: makeLoginTimes() },
    } as const;
    const rest = [
      "RESP-CODES",
      "AUTH-RESP-CODE",
      "PIPELINING",
      "EXPIRE NEVER",
      "LOGIN-DELAY 60",
      "UTF8",
    ];
    const { engine, client } = connect(setUp);
    await engine.start();
    client.take();
    const ask = async () => {
      await say(engine, "CAPA\r\n");
      return capabilities(client.take());
    };
    assertEquals(await ask(), ["TOP", "UIDL", "SASL SCRAM-SHA-256 CRAM-MD5", "STLS", ...rest]);
    await say(engine, "STLS\r\n");
    assertEquals(client.take(), "+OK begin TLS\r\n");
    engine.secured?.(SECURE);
    const all = ["TOP", "UIDL", "USER", "SASL SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN", ...rest];
    assertEquals(await ask(), all);
    await say(engine, LOGIN);
    client.take();
    assertEquals(await ask(), [...all, "IMPLEMENTATION qfront"]);
  }));

Deno.test("capa: no STLS behind a login in clear, no SASL line without mechanisms", () =>
  withMaildir(async (path) => {
    const before = await replies({ path, deps: { tls: true } }, "CAPA\r\n");
    assertEquals(capabilities(before).includes("STLS"), true);
    const behind = await replies({ path, deps: { tls: true }, loggedIn: true }, "CAPA\r\n");
    assertEquals(behind.includes("STLS"), false);
    const none = await replies({ path, config: { cleartext: "never" } }, "CAPA\r\n");
    assertEquals(/SASL|USER|LOGIN-DELAY/.test(none), false);
  }));

Deno.test("apop: the digest over the greeting's timestamp, in either case", () =>
  withMaildir(async (path) => {
    const stamp = `<${Deno.pid}.5@pop.example>`;
    const digest = apopDigest("secret", stamp);
    const setUp = {
      path,
      clock: () => 5000,
      config: { apop: true },
      deps: { secrets: secretsDouble() },
    };
    for (
      const [argument, reply] of [
        [`joe ${digest}`, OPEN],
        [`joe ${digest.toUpperCase()}`, OPEN],
        [`joe ${apopDigest("wrong", stamp)}`, FAILED],
        [`nobody ${digest}`, FAILED],
        [`jane ${digest}`, FAILED],
        ["joe", "-ERR syntax error\r\n"],
        [`undecided ${digest}`, "-ERR [SYS/TEMP] login can't be checked, try later\r\n"],
      ] as const
    ) {
      assertEquals(await replies(setUp, `APOP ${argument}\r\n`), reply, argument);
    }
  }));

Deno.test("apop: unknown unless it is set on and a clear secret is stored", () =>
  withMaildir(async (path) => {
    const UNKNOWN = "-ERR command not known\r\n";
    for (const [isOn, clear] of [[false, true], [true, false]] as const) {
      const setUp = { path, config: { apop: isOn }, deps: { secrets: secretsDouble({ clear }) } };
      assertEquals(await replies(setUp, "APOP joe 00\r\n"), UNKNOWN);
    }
    assertEquals(await replies({ path, config: { apop: true } }, "APOP joe 00\r\n"), UNKNOWN);
  }));

Deno.test("settleLogin: a failed login is answered behind its pause, a right one at once", () =>
  withMaildir(async (path) => {
    const pauses: number[] = [];
    let wake = () => {};
    const pause = (seconds: number) => {
      pauses.push(seconds);
      return new Promise<void>((resolve) => wake = resolve);
    };
    const { engine, client } = connect({ path, loggedIn: false, deps: { pause } });
    await engine.start();
    await say(engine, "USER nobody\r\n");
    client.take();
    const failing = say(engine, "PASS x\r\nNOOP\r\n");
    for (let i = 0; i < 20; i++) await Promise.resolve();
    assertEquals([client.take(), engine.busy], ["", true]);
    wake();
    await failing;
    assertEquals(client.take(), `${FAILED}+OK\r\n`);
    await say(engine, LOGIN);
    assertEquals(client.take(), `+OK send PASS\r\n${OPEN}`);
    assertEquals(pauses, [2]);
  }));

Deno.test("settleLogin: no pause with auth_delay_seconds 0, nor for what can't be judged", () =>
  withMaildir(async (path) => {
    const pauses: number[] = [];
    const pause = (seconds: number) => Promise.resolve(void pauses.push(seconds));
    await replies(
      { path, deps: { pause }, config: { authDelaySeconds: 0 } },
      "USER x\r\nPASS x\r\n",
    );
    await replies({ path, deps: { pause } }, "USER undecided\r\nPASS x\r\n");
    assertEquals(pauses, []);
  }));

Deno.test("settleLogin: a session that ends in its pause says nothing more", () =>
  withMaildir(async (path) => {
    let wake = () => {};
    const pause = () => new Promise<void>((resolve) => wake = resolve);
    const { engine, client } = connect({ path, loggedIn: false, deps: { pause } });
    await engine.start();
    const failing = say(engine, "USER x\r\nPASS x\r\n");
    for (let i = 0; i < 20; i++) await Promise.resolve();
    client.take();
    await engine.end("session_time");
    wake();
    await failing;
    assertEquals([client.take(), engine.wants], ["", "close"]);
  }));

Deno.test("settleLogin: a session that ended before its right password was known closes what came with it", () =>
  withMaildir(async (path) => {
    const cache = cacheFor({ locks: true });
    const judged = Promise.withResolvers<void>();
    let closed = 0;
    const { engine } = connect({
      path,
      loggedIn: false,
      auth: {
        async checkPassword(login, password) {
          await judged.promise;
          return await authDouble().checkPassword(login, password);
        },
      },
      deps: {
        async openMaildrop(_account, session) {
          const maildrop = await cache.open(path, session);
          return {
            ...maildrop,
            close() {
              closed++;
              maildrop.close?.();
            },
          };
        },
      },
    });
    await engine.start();
    const opening = say(engine, LOGIN);
    await engine.end("io_error");
    judged.resolve();
    await opening;
    assertEquals(closed, 1);
    assertStringIncludes(await replies({ path, cache }, LOGIN), OPEN);
  }));

Deno.test("LOGIN-DELAY: the second login of a user too soon is told so, whatever the means", () =>
  withMaildir(async (path) => {
    let now = 1_000_000;
    const tracer = memoryTrace(2);
    const setUp = {
      path,
      tracer,
      clock: () => now,
      config: { loginDelaySeconds: 60 },
      deps: { loginTimes: makeLoginTimes() },
    };
    assertEquals(await replies(setUp, LOGIN), `+OK send PASS\r\n${OPEN}`);
    now += 59_999;
    const TOO_SOON = "-ERR [LOGIN-DELAY] too soon after the last login, try later\r\n";
    assertEquals(await replies(setUp, LOGIN), `+OK send PASS\r\n${TOO_SOON}`);
    const response = btoa("\0joe\0secret");
    assertEquals(await replies(setUp, `AUTH PLAIN ${response}\r\n`), TOO_SOON);
    assertEquals(await replies(setUp, "USER joe\r\nPASS x\r\n"), `+OK send PASS\r\n${FAILED}`);
    assertStringIncludes(tracer.lines.join("\n"), "login too soon: ip[192.0.2.7] login[joe]");
    now += 1;
    assertEquals(await replies(setUp, LOGIN), `+OK send PASS\r\n${OPEN}`);
  }));

Deno.test("makeLoginTimes: bounded by number and by age; a clock set back keeps nobody out", () => {
  const times = makeLoginTimes(3);
  for (let i = 0; i < 10; i++) times.note(`user${i}`, 60, 1000 + i);
  assertEquals(times.size, 3);
  assertEquals(times.isTooSoon("user6", 60, 2000), false);
  assertEquals(times.isTooSoon("user7", 60, 2000), true);
  assertEquals(times.isTooSoon("user9", 60, 500), false);
  times.note("late", 60, 100_000);
  assertEquals(times.size, 1);
});

Deno.test("pop3_lock: the second session is told IN-USE until the first is over, however it ends", () =>
  withMaildir(async (path) => {
    const IN_USE = "+OK send PASS\r\n-ERR [IN-USE] maildrop is in use, try later\r\n";
    // Two caches stand for two processes.
    const caches = [cacheFor({ locks: true }), cacheFor({ locks: true })] as const;
    for (const reason of ["quit", "eof", "shutdown", "io_error"] as const) {
      const { engine } = connect({ path, cache: caches[0], loggedIn: false });
      await engine.start();
      await say(engine, LOGIN);
      for (const cache of caches) assertEquals(await replies({ path, cache }, LOGIN), IN_USE);
      if (reason === "quit") await say(engine, "QUIT\r\n");
      else await engine.end(reason);
      for (const cache of caches) {
        assertEquals(await replies({ path, cache }, LOGIN), `+OK send PASS\r\n${OPEN}`, reason);
      }
    }
    assertEquals(tree(path), ["cur/1.a:2,"]);
  }));

Deno.test("pop3_lock: off, any number of sessions; a Maildir that is missing or a fifo is an error", () =>
  withMaildir(async (path) => {
    const first = connect({ path, loggedIn: false });
    await first.engine.start();
    await say(first.engine, LOGIN);
    assertStringIncludes(await replies({ path }, LOGIN), OPEN);
    await first.engine.end("eof");
    const fifo = `${path}/fifo`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    for (const wrong of [`${path}/none`, fifo]) {
      assertMatch(await replies({ path: wrong, locks: true }, LOGIN), /-ERR \[SYS\/PERM\] /);
    }
  }));

Deno.test("pop3_lock: a session that ended while its maildrop was opened leaves no lock", () =>
  withMaildir(async (path) => {
    const cache = cacheFor({ locks: true });
    const { engine } = connect({ path, cache, loggedIn: false });
    await engine.start();
    const opening = say(engine, LOGIN);
    for (let i = 0; i < 4; i++) await Promise.resolve();
    await engine.end("io_error");
    await opening;
    assertStringIncludes(await replies({ path, cache }, LOGIN), OPEN);
  }));

Deno.test("utf8: before the login only, and it takes no argument", () =>
  withMaildir(async (path) => {
    assertEquals(await replies({ path }, "UTF8\r\nutf8\r\n"), "+OK UTF-8 it is\r\n".repeat(2));
    assertEquals(await replies({ path }, "UTF8 USER\r\n"), "-ERR syntax error\r\n");
    assertStringIncludes(
      await replies({ path, loggedIn: true }, "UTF8\r\n"),
      "-ERR already logged in\r\n",
    );
  }));

Deno.test("utf8: a message with UTF-8 in its header is the same with and without", () =>
  withFolder(async (folder) => {
    const path = `${folder}/m`;
    const text = "Subject: \xc3\xa4\n\nbody\n";
    buildMaildir(path, messages({ "cur/1.a:2,": text }));
    const sent = `+OK\r\n${text.replaceAll("\n", "\r\n")}.\r\n`;
    for (const before of ["", "UTF8\r\n"]) {
      assertStringIncludes(await replies({ path }, `${before}${LOGIN}RETR 1\r\n`), sent);
    }
  }));
