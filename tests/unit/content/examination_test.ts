import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ContentCheck, Opinion } from "../../../content/types.ts";
import { createPolicyCounts } from "../../../policy/counts.ts";
import { against, CONTENT_REPLIES, NONE } from "../../../policy/replies.ts";
import type { CheckName } from "../../../policy/types.ts";
import { bytesOf } from "../../../content/binary.ts";
import { CLIENT, contentOf, envelopeOf, RECEIVED, run, type Setup, shown } from "./kit.ts";

const AGAINST: Opinion = { verdict: against(CONTENT_REPLIES.spam, "test: rule", "a reason") };
const TEXT = "A: 1\nSubject: x\nB: 2\n\nbody\n";

const checkOf = (
  name: CheckName,
  opinion: Opinion | (() => Opinion | Promise<Opinion>),
  more: Partial<ContentCheck> = {},
): ContentCheck => ({
  name,
  mode: "on",
  sparesTrusted: false,
  examine: () => typeof opinion === "function" ? opinion() : opinion,
  ...more,
});

const withChecks = (...others: ContentCheck[]): Setup => ({ site: { others } });

Deno.test("examine: a message that nobody has anything against is queued as it came", async () => {
  for (const pieceBytes of [1, 7, 65536]) {
    const ran = await run(TEXT, { ...withChecks(checkOf("dkim", { verdict: NONE })), pieceBytes });
    assertEquals([shown(ran), ran.queued, ran.committed], ["queued", RECEIVED + TEXT, true]);
  }
});

Deno.test("examine: messages of any form come out byte for byte", async () => {
  const forms = [
    "",
    "\n",
    "\nbody\n",
    "no header\n",
    "A: 1",
    "A: 1\n",
    "A: 1\n\n\n\n",
    " x\n\n\xff\0\r\n",
  ];
  const large = `A: 1\n\n${"0123456789abcdef\n".repeat(30_000)}`;
  const header = `A: 1\n${"X: y\n".repeat(80_000)}\nbody\n`;
  for (const text of [...forms, large, header]) {
    const ran = await run(text, withChecks(checkOf("dkim", { verdict: NONE })));
    assert(ran.queued === RECEIVED + text, JSON.stringify(text.slice(0, 40)));
  }
});

Deno.test("examine: fields go on top of Received in the order of the checks, others out or anew", async () => {
  const first = checkOf("dkim", { verdict: NONE, addFields: ["X-First: 1\n folded"] });
  const second = checkOf("spamd", {
    verdict: NONE,
    addFields: ["X-Second: 2"],
    strikes: ({ name }) => name === "A",
    rewrites: ({ name, value }) => name === "Subject" ? `[tag]${value}` : null,
  });
  const { queued } = await run(TEXT, withChecks(second, first));
  assertEquals(
    queued,
    `X-First: 1\n folded\nX-Second: 2\n${RECEIVED}Subject: [tag] x\nB: 2\n\nbody\n`,
  );
});

Deno.test("examine: a verdict against ends it; nothing later is asked, the queue is never opened", async () => {
  let asked = 0;
  const later = checkOf("spamd", () => (asked++, { verdict: NONE }));
  const ran = await run(TEXT, withChecks(later, checkOf("dkim", AGAINST)));
  assertEquals([shown(ran), ran.queued, asked], ["554 spam", null, 0]);
});

Deno.test("examine: in shadow nothing of a check is applied, but told and counted", async () => {
  const counts = createPolicyCounts();
  const shadow = checkOf(
    "dkim",
    { ...AGAINST, addFields: ["X-A: 1"], strikes: () => true, quarantine: "why" },
    { mode: "shadow" },
  );
  const ran = await run(TEXT, { site: { others: [shadow], counts } });
  assertEquals([shown(ran), ran.queued], ["queued", RECEIVED + TEXT]);
  assertMatch(ran.tracer.lines().join("\n"), /shadow, would be 554 spam by rule\[test: rule\]/);
  assertEquals(counts.snapshot().get("dkim")?.shadow, 1);
});

Deno.test("examine: later checks know what earlier ones found", async () => {
  let seen: readonly string[] = [];
  const later: ContentCheck = {
    ...checkOf("dmarc", { verdict: NONE }),
    examine(_message, _envelope, earlier) {
      seen = [...earlier].map(([name, { finding }]) => `${name} ${finding}`);
      return { verdict: NONE };
    },
  };
  await run(TEXT, withChecks(later, checkOf("dkim", { verdict: NONE, finding: "pass" })));
  assertEquals(seen, ["dkim pass"]);
});

Deno.test("examine: recipients that always get mail get it, and the trace says what would have been", async () => {
  const setup = withChecks(checkOf("dkim", AGAINST), checkOf("spamd", AGAINST));
  const ran = await run(TEXT, { ...setup, envelope: { isAlwaysAccepted: true } });
  assertEquals(shown(ran), "queued");
  const told = ran.tracer.lines().filter((line) => line.includes("accepted all the same"));
  assertEquals(told.length, 2);
});

Deno.test("examine: an acceptance for good goes over what later checks say", async () => {
  const verdict = { kind: "accept", final: true, rule: "r", reason: "s", text: "" } as const;
  const setup = withChecks(checkOf("header_rules", { verdict }), checkOf("spamd", AGAINST));
  assertEquals(shown(await run(TEXT, setup)), "queued");
});

Deno.test("examine: soft_reject makes a refusal into a deferral", async () => {
  const ran = await run(TEXT, { site: { others: [checkOf("dkim", AGAINST)], softReject: true } });
  assertEquals(shown(ran), "451 spam");
});

Deno.test("examine: a check that fails puts the message off, in shadow it changes nothing", async () => {
  const broken = () => {
    throw new Error("It broke");
  };
  const ran = await run(TEXT, withChecks(checkOf("dkim", broken)));
  assertEquals(shown(ran), "451 content_undecided");
  assertStringIncludes(ran.tracer.lines().join("\n"), "content: dkim: It broke");
  const rejecting = () => Promise.reject(new Error("It broke"));
  assertEquals(
    shown(await run(TEXT, withChecks(checkOf("dkim", rejecting)))),
    "451 content_undecided",
  );
  const inShadow = withChecks(checkOf("dkim", broken, { mode: "shadow" }));
  assertEquals(shown(await run(TEXT, inShadow)), "queued");
});

Deno.test("examine: the queue's answer is the answer", async () => {
  const outcome = { kind: "deferred", code: "4.3.0", reason: "disk" } as const;
  const ran = await run(TEXT, { ...withChecks(checkOf("dkim", { verdict: NONE })), outcome });
  assertEquals(ran.outcome, outcome);
});

Deno.test("startExamination: what can't be read again is deferred, and the delivery given up", async () => {
  const site = contentOf(withChecks(checkOf("dkim", { verdict: NONE })));
  const examination = site?.open({}).begin(CLIENT);
  await examination?.write(bytesOf(TEXT));
  let aborted = 0;
  const open = () => ({
    write() {
      throw new Error("unforeseen");
    },
    commit: () => Promise.reject(new Error("never")),
    abort: () => void aborted++,
  });
  const outcome = await examination?.finish({ envelope: envelopeOf(), open });
  assertEquals([outcome?.kind, aborted], ["deferred", 1]);
});

/** What spool_alone.ts prints; in a process of its own, as environment and descriptors are the process's. */
async function alone(env: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const script = new URL("./spool_alone.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script],
    env: { ...env },
    cwd: new URL("../../..", import.meta.url).pathname,
  });
  return JSON.parse(new TextDecoder().decode((await command.output()).stdout));
}

Deno.test("startExamination: a temporary directory that can't be written defers, nothing is lost", async () => {
  const { kind, reason, queued } = await alone({ TMPDIR: "/does/not/exist" });
  assertEquals([kind, queued], ["deferred", null]);
  assertStringIncludes(String(reason), "Cannot keep the message in a temporary file");
});

Deno.test("startExamination: while it waits there is one descriptor and no name; abort leaves nothing", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const { kind, names, kept, left } = await alone({ TMPDIR: dir });
    assertEquals([kind, names, kept, left], ["queued", 0, 1, 0]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("openContent: everything off is null; trusted clients only where a check is for them", () => {
  assertEquals(contentOf({}), null);
  const begin = (setup: Setup, client = CLIENT) => contentOf(setup)?.open({}).begin(client) ?? null;
  const limits: Setup = { settings: { header_limits: "on" } };
  assert(begin(limits) !== null);
  assertEquals(begin(limits, { ...CLIENT, isRelayClient: true }), null);
  assertEquals(begin(limits, { ...CLIENT, login: "joe" }), null);
  // Rules are on, but there is no file: nobody looks.
  assertEquals(begin({ settings: { header_rules: "on", patterns: "on" } }), null);
  assert(begin({ settings: { decision_header: true } }, { ...CLIENT, login: "joe" }) !== null);
});

Deno.test("openContent: a changed rule file holds for sessions to come, not for those that run", async () => {
  const files: Record<string, string> = { headerrules: "refuse Subject: a\n" };
  const site = contentOf({
    settings: { header_rules: "on" },
    site: { text: (name) => files[name] ?? null },
  });
  const first = site?.open({});
  assert(site?.open({}) === first);
  files["headerrules"] = "refuse Subject: b\n";
  const judge = async (session: typeof first) => {
    const examination = session?.begin(CLIENT);
    await examination?.write(bytesOf("Subject: a\n\n"));
    const open = () => ({
      write() {},
      commit: () => Promise.resolve({ kind: "queued", id: "" } as const),
      abort() {},
    });
    return (await examination?.finish({ envelope: envelopeOf(), open }))?.kind;
  };
  assertEquals([await judge(first), await judge(site?.open({}))], ["against", "queued"]);
});
