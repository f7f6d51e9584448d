import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { latin1 } from "../../../pop3/replies.ts";
import { authDouble, buildMaildir, Client, CONFIG, connect, secretsDouble } from "./kit.ts";
import { memoryTrace, messages, say, talk, tree, withFolder } from "./kit.ts";

const TWO = {
  "new/1.a": "Subject: one\n\nbody\n",
  "cur/2.b:2,S": "Subject: two\n\n.dot\n",
};

/** A folder with a Maildir of two messages at `${folder}/m`. */
function withTwo(use: (path: string) => void | Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    buildMaildir(`${folder}/m`, messages(TWO));
    await use(`${folder}/m`);
  });
}

/** Reply classes by state: [verb line, in AUTHORIZATION, in TRANSACTION]. */
const STATES: readonly [string, "+" | "-", "+" | "-"][] = [
  ["USER joe", "+", "-"],
  ["USER", "-", "-"],
  ["PASS secret", "-", "-"],
  ["STAT", "-", "+"],
  ["LIST", "-", "+"],
  ["LIST 1", "-", "+"],
  ["LIST 3", "-", "-"],
  ["UIDL", "-", "+"],
  ["UIDL 2", "-", "+"],
  ["UIDL 0", "-", "-"],
  ["RETR 1", "-", "+"],
  ["RETR", "-", "-"],
  ["RETR x", "-", "-"],
  ["TOP 1 0", "-", "+"],
  ["TOP 1", "-", "+"],
  ["TOP", "-", "-"],
  ["DELE 1", "-", "+"],
  ["DELE", "-", "-"],
  ["RSET", "-", "+"],
  ["NOOP", "+", "+"],
  ["LAST", "-", "+"],
  ["CAPA", "+", "+"],
  ["QUIT", "+", "+"],
  ["APOP joe 00", "-", "-"],
  ["AUTH", "+", "-"],
  ["AUTH PLAIN", "+", "-"],
  ["AUTH KERBEROS_V4", "-", "-"],
  ["AUTH PLAIN a b", "-", "-"],
  ["STLS", "-", "-"],
  ["UTF8", "+", "-"],
  ["UTF8 x", "-", "-"],
  ["XYZZY", "-", "-"],
  ["", "-", "-"],
  ["STA\0T", "-", "-"],
];

Deno.test("commands: each one in each state", () =>
  withTwo(async (path) => {
    for (const [line, before, behind] of STATES) {
      for (const loggedIn of [false, true]) {
        const { engine, client } = connect({ path, loggedIn });
        await engine.start();
        client.take();
        await say(engine, `${line}\r\n`);
        const expected = loggedIn ? behind : before;
        assertEquals(client.output.slice(0, 1), expected, `${line}, logged in: ${loggedIn}`);
        await engine.end("eof");
      }
    }
  }));

Deno.test("commands: verbs in any case, LF alone ends a line", () =>
  withTwo(async (path) => {
    const output = await talk({ path, loggedIn: false }, "user joe\nPaSs secret\nsTaT\nquit\n");
    assertEquals(
      output.split("\r\n").slice(1),
      ["+OK send PASS", "+OK maildrop is open", "+OK 2 44", "+OK bye", ""],
    );
  }));

Deno.test("createPop3Engine: the greeting has APOP's timestamp only where APOP is offered", () =>
  withTwo(async (path) => {
    for (const [clear, text] of [[false, ""], [true, `<${Deno.pid}.1234@`]] as const) {
      const { engine, client } = connect({
        path,
        loggedIn: false,
        clock: () => 1234567,
        config: { apop: true },
        deps: { secrets: secretsDouble({ clear }) },
      });
      await engine.start();
      assertEquals(client.output, `+OK ${text}pop.example${clear ? ">" : ""}\r\n`);
    }
  }));

Deno.test("pass: everything behind one blank is the password", () =>
  withTwo(async (path) => {
    const auth = authDouble();
    await talk({ path, loggedIn: false, auth }, "USER joe\r\nPASS  a b \r\n");
    assertEquals(auth.asked, [["joe", " a b "]]);
  }));

Deno.test("pass: unknown login and wrong password get one reply, the third failure is the last", () =>
  withTwo(async (path) => {
    const auth = authDouble();
    const tries = ["USER joe\r\nPASS x\r\n", "USER jane\r\nPASS x\r\n", "USER joe\r\nPASS x\r\n"];
    const more = "USER joe\r\nPASS secret\r\n";
    const { engine, client } = connect({ path, loggedIn: false, auth });
    await engine.start();
    client.take();
    await say(engine, tries.join("") + more);
    const failed = "+OK send PASS\r\n-ERR [AUTH] authorization failed\r\n";
    assertEquals(client.output, failed.repeat(3));
    assertEquals(engine.wants, "close");
    assertEquals(auth.asked.length, 3);
  }));

Deno.test("pass: one failure less than allowed leaves the session open", () =>
  withTwo(async (path) => {
    const bad = "USER joe\r\nPASS x\r\n".repeat(CONFIG.maxAuthFailures - 1);
    const output = await talk(
      { path, loggedIn: false },
      `${bad}USER joe\r\nPASS secret\r\nSTAT\r\n`,
    );
    assertStringIncludes(output, "+OK 2 44");
  }));

Deno.test("pass: a login that can't be decided is temporary and no failure", () =>
  withTwo(async (path) => {
    const once = "USER undecided\r\nPASS x\r\n";
    const tracer = memoryTrace(2);
    const output = await talk({ path, loggedIn: false, tracer }, once.repeat(4));
    assertEquals(tracer.lines.join("\n").includes("login failed"), false);
    assertStringIncludes(tracer.lines[0]!, "ip[192.0.2.7] reason[user file can't be read]");
    assertEquals(output.match(/-ERR \[SYS\/TEMP\]/g)?.length, 4);
  }));

Deno.test("pass: a Maildir that is not there is permanent and ends the session", () =>
  withFolder(async (folder) => {
    const { engine, client } = connect({ path: `${folder}/none`, loggedIn: false });
    await engine.start();
    await say(engine, "USER joe\r\nPASS secret\r\nNOOP\r\n");
    assertMatch(client.output, /-ERR \[SYS\/PERM\] [^\r]*\r\n$/);
    assertEquals(engine.wants, "close");
  }));

Deno.test("pass: a Maildir that is a file, or has no cur/, is permanent", () =>
  withTwo(async (path) => {
    const reply = /^-ERR \[SYS\/PERM\] [^\r]*\r\n$/;
    Deno.writeTextFileSync(`${path}/file`, "");
    assertMatch(await talk({ path: `${path}/file` }), reply);
    Deno.removeSync(`${path}/cur`, { recursive: true });
    assertMatch(await talk({ path }), reply);
  }));

Deno.test("capa: tells what is true; only a client that logged in learns what runs here", () =>
  withTwo(async (path) => {
    const before = await talk({ path, loggedIn: false }, "CAPA\r\n");
    const list = "TOP,UIDL,USER,SASL PLAIN LOGIN,RESP-CODES,AUTH-RESP-CODE,PIPELINING,EXPIRE NEVER"
      .replaceAll(",", "\r\n");
    assertStringIncludes(before, `+OK\r\n${list}\r\nUTF8\r\n.\r\n`);
    const behind = await talk({ path }, "CAPA\r\n");
    assertStringIncludes(behind, `${list}\r\nUTF8\r\nIMPLEMENTATION qfront\r\n.\r\n`);
  }));

Deno.test("createPop3Engine: a command line of N octets is the longest", () =>
  withTwo(async (path) => {
    const line = (octets: number) => "NOOP " + "x".repeat(octets - 7) + "\r\n";
    for (const [octets, reply] of [[254, "+OK"], [255, "+OK"], [256, "-ERR"]] as const) {
      for (const cut of [0, 1, 253, 254]) {
        const text = line(octets);
        const output = await talk({ path }, text.slice(0, cut), text.slice(cut) + "STAT\r\n");
        const [, first, second] = output.split("\r\n");
        assertEquals(first!.split(" ")[0], reply, `${octets} octets, cut at ${cut}`);
        assertEquals(second, "+OK 2 44");
      }
    }
  }));

Deno.test("createPop3Engine: a line without end is not kept", () =>
  withTwo(async (path) => {
    const { engine, client } = connect({ path });
    await engine.start();
    client.take();
    for (let i = 0; i < 100; i++) await say(engine, "x".repeat(10000));
    assertEquals(client.take(), "");
    await say(engine, "\nSTAT\n");
    assertEquals(client.output, "-ERR command line too long\r\n+OK 2 44\r\n");
  }));

Deno.test("createPop3Engine: error N ends the session, N-1 do not", () =>
  withTwo(async (path) => {
    const almost = await talk({ path }, "XYZZY\r\n".repeat(19) + "STAT\r\n");
    assertStringIncludes(almost, "+OK 2 44");
    const full = await talk({ path }, "XYZZY\r\n".repeat(20) + "STAT\r\n");
    assert(full.endsWith("-ERR too many errors, closing\r\n"));
  }));

const DIALOGUE = "USER joe\r\nPASS secret\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 2\nTOP 1 0\r\n" +
  "y".repeat(300) + "\r\nDELE 2\r\nLIST\r\nLAST\r\nRSET\r\nCAPA\r\nNO\r\nQUIT\r\nSTAT\r\n";

Deno.test("createPop3Engine: the output does not depend on how the input is cut", () =>
  withTwo(async (path) => {
    const run = (...pieces: string[]) =>
      talk({ path, loggedIn: false, clock: () => 2e12 }, ...pieces);
    // What QUIT moves stays moved: the first run makes all later ones alike.
    await run(DIALOGUE);
    const whole = await run(DIALOGUE);
    assertStringIncludes(whole, "..dot\r\n");
    assertEquals(await run(...DIALOGUE), whole, "byte by byte");
    for (let seed = 1; seed <= 40; seed++) {
      const pieces: string[] = [];
      let state = seed;
      for (let at = 0; at < DIALOGUE.length;) {
        state = (state * 1103515245 + 12345) % 2147483648;
        const size = 1 + state % 60;
        pieces.push(DIALOGUE.slice(at, at += size));
      }
      assertEquals(await run(...pieces), whole, `seed ${seed}`);
    }
  }));

Deno.test("createPop3Engine: no promise where the answer is known", () =>
  withTwo(async (path) => {
    const { engine } = connect({ path });
    assertEquals(engine.start(), undefined);
    const chunk = "NOOP\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 1\r\nDELE 1\r\nRSET\r\nQUIT\r\n";
    assertEquals(engine.receive(latin1(chunk)), undefined);
    assertEquals(engine.wants, "close");
    await Promise.resolve();
  }));

Deno.test("end: without QUIT nothing is deleted and nothing moved, and silence gets no reply", () =>
  withTwo(async (path) => {
    for (const reason of ["eof", "idle", "session_time", "stalled", "io_error"] as const) {
      const { engine, client } = connect({ path });
      await engine.start();
      await say(engine, "DELE 1\r\nDELE 2\r\n");
      client.take();
      await engine.end(reason);
      assertEquals(client.output, "", reason);
      assertEquals(engine.wants, "close");
    }
    assertEquals(tree(path), ["cur/2.b:2,S", "new/1.a"]);
  }));

Deno.test("end: a stop says so", () =>
  withTwo(async (path) => {
    const { engine, client } = connect({ path });
    await engine.start();
    client.take();
    await engine.end("shutdown");
    assertEquals(client.output, "-ERR [SYS/TEMP] server is stopping\r\n");
  }));

Deno.test("quit: deleted messages go, the others of new/ move to cur/, QUIT alone does it", () =>
  withTwo(async (path) => {
    assert((await talk({ path }, "DELE 2\r\nQUIT\r\n")).endsWith("+OK bye\r\n"));
    assertEquals(tree(path), ["cur/1.a:2,"]);
  }));

Deno.test("trace: summary, one line for a failed login, no password at any level", () =>
  withTwo(async (path) => {
    const tracer = memoryTrace(4);
    const lines =
      "USER joe\r\nPASS wrong-one\r\n PASS secret\r\nPASS\tsecret\r\nPASSsecret\r\nsecret\r\n" +
      "USER joe\r\nPASS secret\r\nAUTH PLAIN c2VjcmV0\r\n" +
      "STAT\r\nRETR 1\r\nTOP 2 0\r\nDELE 2\r\nQUIT\r\n";
    await talk({ path, loggedIn: false, tracer }, lines);
    const text = tracer.lines.join("\n");
    for (const secret of ["wrong-one", "secret", "c2VjcmV0"]) {
      assertEquals(text.indexOf(secret), -1);
    }
    assertStringIncludes(text, "pop3.received: <- PASS ...");
    assertStringIncludes(text, "pop3.received: <- AUTH ...");
    assertStringIncludes(
      text,
      "login failed: ip[192.0.2.7] reason[wrong login or password] login[joe]",
    );
    assertStringIncludes(text, "login ok: ip[192.0.2.7] login[joe]");
    assertStringIncludes(
      text,
      "ip[192.0.2.7] login[joe] top=1/16, retr=1/22, del=1/2, size=44, end=quit",
    );
  }));

Deno.test("trace: levels 1 to 3 hold what they are for", () =>
  withTwo(async (path) => {
    for (const [level, ids] of [[0, 0], [1, 1], [2, 2], [3, 5]] as const) {
      const tracer = memoryTrace(level);
      await talk({ path, loggedIn: false, tracer }, "USER joe\r\nPASS secret\r\nSTAT\r\nQUIT\r\n");
      assert(tracer.lines.length <= ids, `${level}: ${tracer.lines}`);
      assertEquals(tracer.lines.length === 0, ids === 0);
    }
  }));

Deno.test("retr: a client that goes away in a long message ends its session, not more", () =>
  withFolder(async (folder) => {
    buildMaildir(
      `${folder}/m`,
      messages({ "cur/big:2,": "x".repeat(79).concat("\n").repeat(8000) }),
    );
    const { engine, client } = connect({ path: `${folder}/m` });
    await engine.start();
    client.patience = 2;
    await say(engine, "RETR 1\r\n");
    assertEquals(engine.wants, "close");
    assertEquals(engine.busy, false);
    assertEquals(client.output.includes("\r\n.\r\n"), false, "a message that broke off has no end");
    assertStringIncludes(await talk({ path: `${folder}/m` }, "STAT\r\n"), "+OK 1 648000");
  }));

Deno.test("retr: memory stays flat whatever the message's size", () =>
  withFolder(async (folder) => {
    const path = `${folder}/m`;
    const line = "y".repeat(76) + "\n";
    buildMaildir(path, messages({ "cur/big:2,": line.repeat(200000), "cur/small:2,": line }));
    const { engine, client } = connect({ path });
    await engine.start();
    const taken = forgetful(client);
    await say(engine, "RETR 1\r\n" + "RETR 2\r\n".repeat(3000));
    assertEquals(taken() + client.take().length > 200000 * 78 + 3000 * 78, true);
    assert(client.mostPending < 256 * 1024, `${client.mostPending} bytes waited`);
  }));

Deno.test("list: many lists asked for in one go are given as the client takes them", () =>
  withFolder(async (folder) => {
    const path = `${folder}/m`;
    const contents = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`cur/${1000 + i}:2,`, "x\n"]),
    );
    buildMaildir(path, messages(contents));
    const { engine, client } = connect({ path });
    await engine.start();
    const taken = forgetful(client);
    await say(engine, "LIST\r\nUIDL\r\n".repeat(500));
    assert(taken() > 2_000_000);
    assert(client.mostPending < 128 * 1024, `${client.mostPending} bytes waited`);
  }));

/** Makes a client throw away what it takes; tells how much that was. */
function forgetful(client: Client): () => number {
  let taken = 0;
  client.drain = () => {
    taken += client.take().length;
    return Promise.resolve();
  };
  return () => taken;
}
