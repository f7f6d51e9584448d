import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { filterEnv, opinionOfEnd } from "../../../content/filter.ts";
import { envelopeOf, type Ran, RECEIVED, run, shown, verdictOf } from "./kit.ts";

const TEXT = "Subject: x\n\nbody\n";

/** Runs `script` as the filter of one message. */
async function filtered(
  script: string,
  settings: Parameters<typeof run>[1] = {},
  text = TEXT,
): Promise<Ran & { readonly dir: string; file(name: string): string }> {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/filter`, `#!/bin/sh\ncd ${dir}\n${script}\n`, { mode: 0o755 });
    const ran = await run(text, {
      ...settings,
      settings: {
        filter: "on",
        filter_program: `${dir}/filter one two`,
        filter_seconds: 20,
        ...settings.settings,
      },
    });
    const files = new Map(
      [...Deno.readDirSync(dir)].map(({ name }) => [name, Deno.readTextFileSync(`${dir}/${name}`)]),
    );
    return { ...ran, dir, file: (name) => files.get(name) ?? "" };
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const test = (name: string, fn: () => Promise<void>) => Deno.test(`filterCheck: ${name}`, fn);

test("exit 0 lets pass", async () => assertEquals(shown(await filtered("exit 0")), "queued"));
test("exit 100 refuses", async () =>
  assertEquals(shown(await filtered("exit 100")), "554 filter_refused"));
test("exit 111 puts off", async () =>
  assertEquals(shown(await filtered("exit 111")), "451 filter_deferred"));

for (const [script, what] of [["exit 1", "another exit"], ["kill -9 $$", "a signal"]] as const) {
  test(`${what} is trouble, never a refusal`, async () => {
    assertEquals(shown(await filtered(script)), "451 filter_trouble");
    const setup = { settings: { on_filter_trouble: "pass" as const } };
    assertEquals(shown(await filtered(script, setup)), "queued");
  });
}

test("a missing program is trouble", async () => {
  const settings = { filter: "on" as const, filter_program: "/does/not/exist" };
  const ran = await run(TEXT, { settings });
  assertEquals(shown(ran), "451 filter_trouble");
  assertStringIncludes(ran.tracer.lines().join("\n"), "it can't be started");
  const passing = { ...settings, on_filter_trouble: "pass" as const };
  assertEquals(shown(await run(TEXT, { settings: passing })), "queued");
});

test("one that hangs is killed with what it started, and is trouble", async () => {
  const ran = await filtered("sleep 600 & echo $! >child; exec sleep 600", {
    settings: { filter_seconds: 1 },
  });
  assertEquals(shown(ran), "451 filter_trouble");
  assertStringIncludes(ran.tracer.lines().join("\n"), "it took longer than 1 seconds");
  const child = Number(ran.file("child"));
  assert(child > 0);
  const state = () => {
    try {
      return /\) (\w)/.exec(Deno.readTextFileSync(`/proc/${child}/stat`))?.[1] ?? "";
    } catch {
      return "";
    }
  };
  // Dead, though perhaps nobody has looked after it yet.
  while (state() !== "" && state() !== "Z") await new Promise((resolve) => setTimeout(resolve, 5));
});

test("what it left running does not hold the message up", async () => {
  assertEquals(shown(await filtered("sleep 600 & exit 0")), "queued");
});

test("the whole message with our Received comes on standard input", async () => {
  const large = `Subject: x\n\n${"0123456789abcdef\n".repeat(20_000)}`;
  const ran = await filtered("cat >got; exit 0", {}, large);
  assertEquals(shown(ran), "queued");
  assert(ran.file("got") === RECEIVED + large);
});

test("one that does not read is asked for its exit alone", async () => {
  const large = `Subject: x\n\n${"0123456789abcdef\n".repeat(60_000)}`;
  assertEquals(shown(await filtered("exec <&-; exit 100", {}, large)), "554 filter_refused");
});

test("environment and arguments say who, to whom and from where", async () => {
  const ran = await filtered('env >env; echo "$@" >args; exit 0', {
    envelope: { env: { TCPREMOTEIP: "192.0.2.7" }, recipients: ["a@x.example", "b@x.example"] },
  });
  const env = ran.file("env");
  for (
    const line of [
      "SENDER=friend@example.net\n",
      "RECIPIENTS=a@x.example\nb@x.example\n",
      "RECIPIENT_COUNT=2\n",
      "TCPREMOTEIP=192.0.2.7\n",
      "HELO=client.example\n",
      `MESSAGE_BYTES=${TEXT.length}\n`,
      "QFRONT_SESSION=7\n",
    ]
  ) assertStringIncludes(env, line);
  assert(!env.includes("HOME="), "nothing of ours that was not given");
  assertEquals(ran.file("args"), "one two\n");
});

test("standard error is the reply, its first line; standard output is the trace's", async () => {
  const ran = await filtered("echo seen; echo 'not this one' >&2; echo more >&2; exit 100");
  assert(ran.outcome.kind === "against");
  assertEquals(ran.outcome.verdict.reply.text, "not this one");
  assertMatch(ran.tracer.lines().join("\n"), /filter .*filter: exit 100, said "seen"/);
});

test("what it writes is bounded", async () => {
  const ran = await filtered("head -c 3000000 /dev/zero | tr '\\0' x; exit 0");
  assertEquals(shown(ran), "queued");
  const line = ran.tracer.lines().find((l) => l.includes("filter")) ?? "";
  assert(line.length < 2000 && line.includes("xxxx"), `${line.length} bytes`);
});

Deno.test("filterEnv: very many recipients are cut at a whole one", () => {
  const recipients = Array.from({ length: 10_000 }, (_, i) => `user${i}@example.org`);
  const { RECIPIENTS = "", RECIPIENT_COUNT } = filterEnv(envelopeOf({ recipients }), 1);
  const given = RECIPIENTS.split("\n");
  assert(RECIPIENTS.length <= 65_536 && given.length > 1000);
  assertEquals(given, recipients.slice(0, given.length));
  assertEquals(RECIPIENT_COUNT, "10000");
});

Deno.test("opinionOfEnd: 0, 100, 111 as qmail-command(8) has them, all else as the setting says", () => {
  const of = (code: number | null, onTrouble: "pass" | "defer") =>
    verdictOf(opinionOfEnd({ code, trouble: "", output: "", errors: "" }, onTrouble));
  assertEquals([0, 100, 111].map((code) => of(code, "pass")), [
    "none",
    "554 filter_refused",
    "451 filter_deferred",
  ]);
  for (const code of [1, 64, 99, 112, 126, 127, 255, null]) {
    assertEquals([of(code, "pass"), of(code, "defer")], ["none", "451 filter_trouble"]);
  }
});
