import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { ContentSettings } from "../../../content/config.ts";
import { opinionOfAnswer } from "../../../content/spamd.ts";
import { parseAnswer, readServer } from "../../../content/spamd_client.ts";
import { answerOf, startSpamd } from "./fake_spamd.ts";
import { type Ran, RECEIVED, run, shown, verdictOf } from "./kit.ts";

const TEXT = "X-Spam-Status: forged\nSubject: x\n\nbody\n";

/** A message that a spamd is asked about which answers `answer`. */
async function asked(
  answer: string | null,
  settings: Partial<ContentSettings> = {},
  options: Parameters<typeof startSpamd>[1] = {},
  text = TEXT,
): Promise<Ran & { readonly question: string }> {
  const spamd = startSpamd(answer, options);
  try {
    const ran = await run(text, {
      settings: { spamd: "on", spamd_servers: [spamd.address], spamd_seconds: 20, ...settings },
    });
    return { ...ran, question: spamd.asked[0] ?? "" };
  } finally {
    await spamd.close();
  }
}

const test = (name: string, fn: () => Promise<void>) =>
  // libc, once loaded, stays for the life of the process.
  Deno.test({ name: `spamdCheck: ${name}`, sanitizeResources: false, fn });

test("ham is scored, forged fields go", async () => {
  const ran = await asked(answerOf(1.2, "ALL_TRUSTED,NO_RELAYS"));
  assertEquals(shown(ran), "queued");
  assertEquals(
    ran.queued,
    "X-Spam-Score: 1.2\nX-Spam-Level: *\n" +
      "X-Spam-Status: No, score=1.2\n tests=ALL_TRUSTED,\n NO_RELAYS\n" +
      `${RECEIVED}Subject: x\n\nbody\n`,
  );
});
test("from the tag score on it is flagged, and the subject if wanted", async () => {
  const ran = await asked(answerOf(5, "A"), { spamd_subject: "[spam]" });
  assertEquals(shown(ran), "queued");
  assertStringIncludes(ran.queued ?? "", "X-Spam-Flag: YES\nX-Spam-Score: 5.0\n");
  assertStringIncludes(ran.queued ?? "", "\nSubject: [spam] x\n");
});
test("from the refuse score on it is refused", async () =>
  assertEquals(shown(await asked(answerOf(15, "GTUBE"))), "554 spam"));

test("is asked with length, user and our Received on top", async () => {
  const { question } = await asked(answerOf(0, ""), { spamd_user: "joe" });
  const sent = RECEIVED + TEXT;
  assertEquals(
    question,
    `SYMBOLS SPAMC/1.5\r\nContent-length: ${sent.length}\r\nUser: joe\r\n\r\n${sent}`,
  );
});
test("by way of a Unix socket", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    assertEquals(shown(await asked(answerOf(20, "A"), {}, { path: `${dir}/s` })), "554 spam");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

const TROUBLES: Readonly<Record<string, string>> = {
  "hangs up": "",
  "is another service": "220 mail ESMTP\r\n",
  "says it failed": "SPAMD/1.1 69 EX_UNAVAILABLE\r\n\r\n",
  "gives no score": "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\n\r\n",
  "gives a score that is none": "SPAMD/1.1 0 EX_OK\r\nSpam: True ; . / 5\r\n\r\n",
  "stops in the middle": "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 50.0 / 5.0\r\n",
  "stops before the length it told": answerOf(50, "GTUBE").slice(0, -1),
  "talks without end": `SPAMD/1.1 0 EX_OK\r\n${"x".repeat(100_000)}`,
};
for (const [what, answer] of Object.entries(TROUBLES)) {
  test(`one that ${what}: no opinion, or 451`, async () => {
    const passed = await asked(answer);
    assertEquals(shown(passed), "queued");
    assertEquals(passed.queued, `${RECEIVED}Subject: x\n\nbody\n`);
    assertEquals(shown(await asked(answer, { on_spamd_trouble: "defer" })), "451 spamd_trouble");
    assertStringIncludes(passed.tracer.lines().join("\n"), "content: spamd at 127.0.0.1");
  });
}
test("one that says nothing: its time ends", async () => {
  const ran = await asked(null, { spamd_seconds: 1, on_spamd_trouble: "defer" });
  assertEquals(shown(ran), "451 spamd_trouble");
  assertStringIncludes(ran.tracer.lines().join("\n"), "no answer within 1 s");
});
test("one that does not even read: its time ends, and the socket is free", async () => {
  const text = `Subject: x\n\n${"0123456789abcdef\n".repeat(1_000_000)}`;
  const settings = { spamd_seconds: 1, spamd_max_bytes: 100_000_000 };
  const ran = await asked("", settings, { readsNothing: true }, text);
  assertEquals(shown(ran), "queued");
  assert(ran.queued === RECEIVED + text);
});

test("the next server is asked where one is down, and first the next time", async () => {
  const gone = startSpamd("");
  await gone.close();
  const other = startSpamd(answerOf(20, "A"));
  try {
    const spamd_servers = [gone.address, other.address];
    const ran = await run(TEXT, { settings: { spamd: "on", spamd_servers } });
    assertEquals(shown(ran), "554 spam");
    const troubles = ran.tracer.lines().filter((line) => line.includes("content: spamd at"));
    assertEquals(troubles.length, 1);
    assertStringIncludes(troubles[0] ?? "", gone.address);
  } finally {
    await other.close();
  }
});

test("a message of N bytes is asked about, one of N+1 is not", async () => {
  const at = async (spamd_max_bytes: number) =>
    shown(await asked(answerOf(20, "A"), { spamd_max_bytes }));
  assertEquals([await at(TEXT.length), await at(TEXT.length - 1)], ["554 spam", "queued"]);
});

Deno.test("opinionOfAnswer: scores at their limits; 0 is never", () => {
  const terms = { tagScore: 5, refuseScore: 15, subject: "" };
  const of = (score: number, more = {}) =>
    opinionOfAnswer({ score, required: 5, symbols: [] }, { ...terms, ...more });
  const isTagged = (score: number, more = {}) =>
    of(score, more).addFields?.includes("X-Spam-Flag: YES");
  assertEquals([verdictOf(of(14.9)), verdictOf(of(15))], ["none", "554 spam"]);
  assertEquals([isTagged(4.9), isTagged(5)], [false, true]);
  assertEquals(verdictOf(of(1000, { refuseScore: 0 })), "none");
  assertEquals(isTagged(1000, { tagScore: 0, refuseScore: 0 }), false);
  assertEquals(of(-3).addFields?.some((f) => f.startsWith("X-Spam-Level")), false);
});

Deno.test("parseAnswer: score, limit and the names of rules; nothing that could be a field", () => {
  assertEquals(parseAnswer(answerOf(6.1, "A,B_2")), {
    score: 6.1,
    required: 5,
    symbols: ["A", "B_2"],
  });
  assertEquals(parseAnswer(answerOf(1, "A\r\nX-Evil: yes,<b>")).symbols, ["A", "yes"]);
  assertThrows(() => parseAnswer("SPAMD/1.1 76 Bad header line\r\n\r\n"), Error, "it answered 76");
});

Deno.test("readServer: hosts, ports, IPv6, sockets; null for what is none", () => {
  assertEquals(readServer("spam.example")?.kind, "tcp");
  const tcp = (word: string) => {
    const server = readServer(word);
    return server?.kind === "tcp" ? `${server.host} ${server.port}` : null;
  };
  assertEquals(["127.0.0.1:7830", "h", "[::1]:9", "[::1]"].map(tcp), [
    "127.0.0.1 7830",
    "h 783",
    "::1 9",
    "::1 783",
  ]);
  assertEquals(readServer("/run/spamd.sock")?.kind, "unix");
  assertEquals(["h:0", "h:65536", "h:x", "a b", ""].map(readServer), Array(5).fill(null));
});
