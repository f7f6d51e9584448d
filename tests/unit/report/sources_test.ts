import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { tallyLogs } from "../../../report/run.ts";
import { findSources, SourceError, textSource } from "../../../report/sources.ts";
import { mergeSources } from "../../../report/merge.ts";
import { PERIOD, tallied } from "./kit.ts";
import { sampleLogs } from "./sample_logs.ts";

const NOW = Date.UTC(2026, 2, 1, 12);
const encode = (text: string) => new TextEncoder().encode(text);

function inDirectory<T>(action: (directory: string) => Promise<T>): Promise<T> {
  const directory = Deno.makeTempDirSync();
  return action(directory).finally(() => Deno.removeSync(directory, { recursive: true }));
}

Deno.test("findSources: rotated and packed logs in any order come to the same as one", () =>
  inDirectory(async (directory) => {
    const logs = sampleLogs(600, "katr", NOW);
    const lines = [...logs.trace];
    const whole = await tallied(lines.join(""), logs.send.join(""));
    const third = Math.floor(lines.length / 3);
    const part = (i: number) =>
      lines.slice(i * third, i === 2 ? undefined : (i + 1) * third).join("");
    // Two members, as from `cat a.gz b.gz`.
    const half = part(0).indexOf("\n", part(0).length / 2) + 1;
    const packed = [part(0).slice(0, half), part(0).slice(half)].map((text) =>
      gzipSync(encode(text))
    );
    Deno.writeFileSync(`${directory}/trace.2.gz`, new Uint8Array([...packed[0]!, ...packed[1]!]));
    Deno.writeFileSync(`${directory}/trace.1`, encode(part(1)));
    Deno.writeFileSync(`${directory}/trace`, encode(part(2)));
    Deno.mkdirSync(`${directory}/send`);
    const middle = Math.floor(logs.send.length / 2);
    const old = `${directory}/send/@4000000054662f8e1a2b3c4d.s`;
    Deno.writeFileSync(old, encode(logs.send.slice(0, middle).join("")));
    Deno.writeFileSync(`${directory}/send/current`, encode(logs.send.slice(middle).join("")));
    Deno.writeFileSync(`${directory}/send/lock`, encode("not a log\n"));
    const operands = ["trace", "send", "trace.2.gz", "trace.1"].map((n) => `${directory}/${n}`);
    const { tally, count } = await tallyLogs(findSources(operands, NOW), PERIOD);
    assertEquals(tally.attempts, whole.tally.attempts);
    assertEquals(tally.victims.total, whole.tally.victims.total);
    assertEquals(tally.backscatterSources.total, whole.tally.backscatterSources.total);
    assertEquals(tally.sessions.total, 600);
    assertEquals(count.lines, whole.count.lines);
    assertEquals(count.unknown, 0);
  }));

Deno.test("findSources: what is not there, and a directory without logs, are one sentence", () => {
  assertThrows(
    () => findSources(["/nonexistent/log"], NOW),
    SourceError,
    'Log "/nonexistent/log" can\'t be read: it does not exist',
  );
  const directory = Deno.makeTempDirSync();
  try {
    assertThrows(() => findSources([directory], NOW), SourceError, "holds no log of multilog");
  } finally {
    Deno.removeSync(directory);
  }
});

Deno.test("tallyLogs: a packed log that ends too soon is a sentence with its name", () =>
  inDirectory(async (directory) => {
    const logs = sampleLogs(600, "katr", NOW);
    const packed = gzipSync(encode([...logs.trace].join("")));
    Deno.writeFileSync(`${directory}/cut.gz`, packed.subarray(0, packed.length / 2));
    await assertRejects(
      () => tallyLogs(findSources([`${directory}/cut.gz`], NOW), PERIOD),
      SourceError,
      `cut.gz" can't be read to its end`,
    );
  }));

Deno.test("tallyLogs: lines without end and of any length do no harm", async () => {
  const line = `@4000000054662f8e1a2b3c4d ${"x".repeat(300_000)}`;
  const { count } = await tallied(`${line}\nnew msg 1\n\nend msg 1`);
  assertEquals([count.lines, count.unknown], [3, 1]);
});

Deno.test("tallyLogs: a period leaves out what lies before and behind it, and lines without a time", async () => {
  const log = "2026-03-01 10:00:00 new msg 1\n" +
    "2026-03-01 11:00:00 info msg 2: bytes 1 from <> qp 1 uid 1\n" +
    "2026-03-01 12:00:00 info msg 3: bytes 1 from <> qp 2 uid 1\n" +
    "info msg 4: bytes 1 from <> qp 3 uid 1\n";
  const at = (hour: number) => new Date(2026, 2, 1, hour).getTime();
  const within = async (fromMs: number | null, untilMs: number | null) =>
    (await tallyLogs([textSource(log)], { fromMs, untilMs })).tally.arrivals.count;
  assertEquals(await within(null, null), 3);
  assertEquals(await within(at(11), at(12)), 1);
  assertEquals(await within(at(12), null), 1);
});

Deno.test("mergeSources: records of several logs come in the order of time", async () => {
  const log = (...seconds: number[]) =>
    textSource(
      seconds.map((s) => `2026-03-01 10:00:${String(s).padStart(2, "0")} new msg ${s}\n`).join(""),
    );
  const seen: number[] = [];
  const count = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
  for await (const batch of mergeSources([log(1, 4, 5, 9), log(2, 3, 8), log(6, 7)], count)) {
    for (const { record } of batch) if (record.kind === "new_message") seen.push(record.message);
  }
  assertEquals(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert(count.bytes > 0);
});
