import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Crew, type CrewQuestion } from "../../../ctl/crew.ts";
import { addNumbers } from "../../../ctl/isolate.ts";
import { addMeters, Histogram, Meter } from "../../../ctl/meter.ts";
import { loadWriter, MetricsError, openMetrics } from "../../../ctl/metrics_server.ts";
import { screenLines } from "../../../ctl/screen.ts";
import {
  showBans,
  showDuration,
  showQuantile,
  showSessions,
  showStats,
} from "../../../ctl/show.ts";
import type { IsolateNumbers } from "../../../ctl/types.ts";
import { ReplyBuffer } from "../../../net/output.ts";
import { STATS } from "./kit.ts";

const WRITE = await loadWriter();
const bytes = (text: string) => new TextEncoder().encode(text);

/** A meter that counted a little. */
function counted(): Meter {
  const meter = new Meter();
  const output = meter.output(new ReplyBuffer(() => Promise.resolve()));
  output.bytes(bytes("250 2.1.5 ok\r\n"));
  output.bytes(bytes("250-one\r\n250 two\r\n"));
  output.text("550 5.1.1 no\r\n");
  output.bytes(bytes("+OK\r\n"));
  output.bytes(bytes(""));
  assertEquals(output.pending, 51);
  meter.session("smtp");
  meter.lookup("deliverable", 0.002);
  meter.message("queued", 0.2);
  meter.message("aborted", null);
  return meter;
}

Deno.test("Meter: replies by code, one for each reply of several lines; outcomes and times", () => {
  const numbers = counted().numbers();
  assertEquals(numbers.replies, { "250": 2, "550": 1 });
  assertEquals([numbers.lookups, numbers.messages], [
    { deliverable: 1 },
    { queued: 1, aborted: 1 },
  ]);
  assertEquals(showQuantile(numbers.lookupTime, 0.95), "5 ms");
  assertEquals(numbers.queueTime.counts.reduce((a, b) => a + b), 1, "no time without an end");
});

Deno.test("addMeters, addNumbers: isolates are added up", () => {
  const meter = counted().numbers();
  assertEquals(addMeters(meter, meter).replies, { "250": 4, "550": 2 });
  const one: IsolateNumbers = {
    worker: 0,
    open: { smtp: 1 },
    inHand: 2,
    checks: [["dnsbl", { accepted: 0, applied: 1, softened: 1, shadow: 0 }]],
    dns: { questions: 3, hits: 1 },
    meter,
  };
  const sum = addNumbers([one, { ...one, worker: 1, open: { smtp: 2, pop3: 1 } }]);
  assertEquals(sum.open, { smtp: 3, pop3: 1 });
  assertEquals([sum.inHand, sum.dns.hits, sum.meter.lookupTime.sumSeconds], [4, 2, 0.004]);
  assertEquals(sum.checks["dnsbl"], { accepted: 0, applied: 2, softened: 2, shadow: 0 });
});

Deno.test("Crew: answers of all are waited for; who is asked when nobody is there gets none", async () => {
  const asked: CrewQuestion[] = [];
  const crew = new Crew((question) => asked.push(question) + 1);
  const answers = crew.ask({ ask: "kill", session: 7 });
  const number = asked[0]?.number ?? 0;
  for (const isKilled of [false, true]) {
    crew.take({ kind: "answer", number, answer: { ask: "kill", isKilled } });
  }
  assertEquals((await answers).length, 2);
  crew.take({ kind: "answer", number, answer: { ask: "kill", isKilled: true } });
  assertEquals(await new Crew(() => 0).ask({ ask: "sessions" }), []);
});

Deno.test("openMetrics: both formats, each name once, counters end in _total; 404 for the rest", async () => {
  const stats = { ...STATS, meter: counted().numbers() };
  const server = await openMetrics("127.0.0.1:0", "", () => Promise.resolve(stats), WRITE);
  try {
    const get = async (path: string, accept: string) => {
      const got = await fetch(`http://${server.address}${path}`, { headers: { accept } });
      return { status: got.status, type: got.headers.get("content-type"), text: await got.text() };
    };
    const plain = await get("/metrics", "text/plain");
    assertStringIncludes(plain.type ?? "", "version=0.0.4");
    for (
      const line of [
        'qfront_replies_total{code="250"} 2',
        'qfront_refused_total{limit="address"} 3',
        'qfront_verdicts_total{check="dnsbl",outcome="shadow"} 2',
        'qfront_queue_seconds_bucket{le="0.5"} 1',
        'qfront_queue_seconds_bucket{le="+Inf"} 1',
        "qfront_lookup_seconds_count 1",
        'qfront_dnsbl_off{zone="bl.example.net"} 1',
      ]
    ) assertStringIncludes(plain.text, `${line}\n`);
    const types = [...plain.text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    assertEquals(new Set(types.map((match) => match[1])).size, types.length);
    for (const [, name = "", type] of types) {
      assertEquals(name.endsWith("_total"), type === "counter");
    }
    const open = await get("/metrics", "application/openmetrics-text; version=1.0.0");
    assertStringIncludes(open.type ?? "", "application/openmetrics-text");
    assertStringIncludes(
      open.text,
      '# TYPE qfront_replies counter\nqfront_replies_total{code="250"} 2',
    );
    assert(open.text.endsWith("# EOF\n"));
    assertEquals((await get("/", "")).status, 404);
  } finally {
    await server.close();
  }
});

Deno.test("openMetrics: a client that never ends its question does not hold up the end", async () => {
  const server = await openMetrics("127.0.0.1:0", "", () => Promise.resolve(STATS), WRITE);
  const port = Number(server.address.split(":").at(-1));
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(bytes("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /me"));
  await conn.read(new Uint8Array(9));
  await server.close();
  conn.close();
});

Deno.test("Meter: replies of POP3 and QMTP by their class, and no line of a message", () => {
  const meter = new Meter();
  const pop3 = meter.output(new ReplyBuffer(() => Promise.resolve()), "pop3");
  pop3.bytes(bytes("+OK maildrop is open\r\n"));
  pop3.text("-ERR no\r\n");
  pop3.bytes(bytes("- a line\r\n.\r\n"));
  const qmtp = meter.output(new ReplyBuffer(() => Promise.resolve()), "qmtp");
  qmtp.text("12:Kok 123 qp 4,");
  qmtp.text("3:Dno,");
  qmtp.text("104:Ztry later,");
  const { replies, pop3Replies, qmtpReplies } = meter.numbers();
  assertEquals([replies, pop3Replies, qmtpReplies], [
    {},
    { ok: 1, err: 1 },
    { K: 1, D: 1, Z: 1 },
  ]);
});

Deno.test("openMetrics: a Unix socket of mode 0660; never an address that others reach", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const server = await openMetrics("/numbers", directory, () => Promise.resolve(STATS), WRITE);
    const conn = await Deno.connect({ transport: "unix", path: `${directory}/numbers` });
    assertEquals((Deno.statSync(`${directory}/numbers`).mode ?? 0) & 0o777, 0o660);
    await conn.write(bytes("GET /metrics HTTP/1.0\r\n\r\n"));
    assertStringIncludes(await new Response(conn.readable).text(), "qfront_workers 1\n");
    await server.close();
    for (const word of ["0.0.0.0:9", ":9", "192.0.2.1:9"]) {
      await assertRejects(
        () => openMetrics(word, "", () => Promise.resolve(STATS), WRITE),
        MetricsError,
        "not of this machine alone",
      );
    }
    await assertRejects(
      () => openMetrics("nonsense", "", () => Promise.resolve(STATS), WRITE),
      MetricsError,
      "is not HOST:PORT",
    );
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("alerts: config/alerts.yml names metrics that exist", async () => {
  const { metricsOf } = await import("../../../ctl/metrics.ts");
  const names = new Set(
    metricsOf(STATS).flatMap(({ name, samples }) => [name, ...samples.map((one) => one.name)]),
  );
  const rules = Deno.readTextFileSync(new URL("../../../config/alerts.yml", import.meta.url));
  const page = Deno.readTextFileSync(new URL("../../../docs/metrics.md", import.meta.url));
  const used = new Set([...rules.matchAll(/\bqfront_\w+/g)].map(([name]) => name));
  assert(used.size > 5);
  assertEquals([...used].filter((name) => !names.has(name)), []);
  assertEquals(metricsOf(STATS).filter(({ name }) => !page.includes(`\`${name}`)), []);
});

Deno.test("alerts: config/alerts.yml compares a series with a sum over one of its labels only by ignoring that label", () => {
  const rules = Deno.readTextFileSync(new URL("../../../config/alerts.yml", import.meta.url));
  const sums = [...rules.matchAll(/([^\n]*)\bsum without \((\w+)\)/g)];
  assert(sums.length > 0);
  for (const [, before = "", label] of sums) {
    assertStringIncludes(before, `> ignoring (${label}) `, "No pair of series would match");
  }
});

Deno.test("screenLines: rates between two looks, the last events, never more than the screen", () => {
  const now = {
    ...STATS,
    meter: counted().numbers(),
    sessions: { ...STATS.sessions, sessions_total: 14 },
  };
  const events = ["one", "two", "three"];
  const look = { before: STATS, now, seconds: 2, nowMs: 61_000, lines: events };
  const lines = screenLines(look, 200, 9);
  assertEquals(lines.length, 9);
  assertStringIncludes(lines[0] ?? "", "up 1 min");
  assertStringIncludes(lines[1] ?? "", "new 2.5/s");
  assertStringIncludes(lines[2] ?? "", "250 1.0/s, 550 0.5/s");
  assertStringIncludes(lines.join("\n"), "switched off: bl.example.net");
  assertEquals(lines.at(-1), "three");
  assertEquals(screenLines(look, 10, 3).map((line) => line.length <= 10), [true, true, true]);
});

Deno.test("show: durations, empty lists, and nothing of a client's that moves the cursor", () => {
  assertEquals([0, 59, 60, 3600, 12_000, 90_000].map(showDuration), [
    "0 s",
    "59 s",
    "1 min",
    "1 h",
    "3 h 20 min",
    "1 d 1 h",
  ]);
  assertEquals(showBans([], 0), ["No network is banned"]);
  assertEquals(showSessions([]), ["No session is open"]);
  const session = {
    id: 7,
    worker: 0,
    ip: "192.0.2.1",
    service: "smtp",
    seconds: 5,
    state: "rcpt",
    login: null,
    sender: "a\x1b[2J@example.org",
    recipients: 1,
    messages: 0,
  };
  assertStringIncludes(showSessions([session])[1] ?? "", "<a\\x1b[2J@example.org>");
  assertStringIncludes(showStats(STATS, 5000).join("\n"), "dnsbl: applied 1, shadow 2");
});

Deno.test("Histogram: a bound belongs to its bucket, what is longer than all to the last", () => {
  const histogram = new Histogram();
  for (const seconds of [0.001, 0.0011, 1000]) histogram.take(seconds);
  const { counts } = histogram.numbers();
  assertEquals([counts[1], counts[2], counts.at(-1)], [1, 1, 1]);
});
