import {
  assert,
  assertEquals,
  assertFalse,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { anonymiseFile, maskLine } from "../../../report/anonymise.ts";
import { htmlReport } from "../../../report/html.ts";
import { maskOf } from "../../../report/privacy.ts";
import { findSources } from "../../../report/sources.ts";
import { textReport } from "../../../report/text.ts";
import { EVENTS } from "../../../report/templates.ts";
import { readLine } from "../../../report/read_line.ts";
import { jsonFormat } from "../../../trace/json.ts";
import { katrFormat } from "../../../trace/katr.ts";
import { logfmtFormat } from "../../../trace/logfmt.ts";
import { reported, tallied } from "./kit.ts";
import { sampleLogs } from "./sample_logs.ts";

const NOW = Date.UTC(2026, 2, 1, 12);

Deno.test("maskOf: network keeps network and domain, hash is the same within a run only, hide keeps nothing", () => {
  const network = maskOf("network");
  assertEquals(network.ip("192.0.2.77"), "192.0.2.0/24");
  assertEquals(network.ip("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
  assertEquals(network.address("joe.doe@example.org"), "*@example.org");
  const hash = maskOf("hash");
  assertEquals(hash.ip("192.0.2.77"), hash.ip("192.0.2.77"));
  assertNotEquals(hash.ip("192.0.2.77"), hash.ip("192.0.2.78"));
  assertNotEquals(hash.ip("192.0.2.77"), maskOf("hash").ip("192.0.2.77"));
  assert(/^[0-9a-f]{10}@example\.org$/.test(hash.address("joe@example.org")));
  const hide = maskOf("hide");
  assertEquals([hide.ip("192.0.2.7"), hide.address("joe@x.example"), hide.host("mx")], [
    "*",
    "*",
    "*",
  ]);
  assertEquals(hide.text("from 192.0.2.7 and 2001:db8::1 at 10:20:30"), "from * and * at 10:20:30");
});

Deno.test("summarize: with a mask no address is left in text, page or JSON", async () => {
  const logs = sampleLogs(500, "katr", NOW);
  const all = [[...logs.trace].join(""), logs.send.join("")];
  for (const privacy of ["network", "hash", "hide"] as const) {
    const report = await reported(all, { privacy });
    for (const shown of [textReport(report, false), htmlReport(report), JSON.stringify(report)]) {
      assertFalse(
        /victim\d|former|angela|\b(192\.0\.2|203\.0\.113)\.([1-9]\d*)\b/.test(shown),
        privacy,
      );
    }
  }
});

Deno.test("summarize: rows that a mask makes equal are one row", async () => {
  const logs = sampleLogs(500, "katr", NOW);
  const full = await reported([[...logs.trace].join(""), logs.send.join("")]);
  const again = sampleLogs(500, "katr", NOW);
  const masked = await reported([[...again.trace].join(""), again.send.join("")], {
    privacy: "network",
  });
  assertEquals(masked.backscatter.victims.rows, [{
    name: "*@elsewhere.example",
    count: full.backscatter.victims.total,
  }]);
});

const FIELDS = {
  ip: "192.0.2.77",
  user: "joe.doe",
  domain: "example.org",
  sender: "joe.doe@example.org",
  recipient: "jane@example.org",
  helo: "joes-laptop",
  login: "joe.doe",
  reason: "joe.doe@example.org from 192.0.2.77",
  line: "C: MAIL FROM:<joe.doe@example.org>",
};

Deno.test("maskLine: lines of the trace stay lines of the trace, in all forms", () => {
  const mask = maskOf("hash");
  for (const id of ["setup.remoteip", "smtp.rcpt", "smtp.rcpt.relay", "smtp.end", "smtp.login"]) {
    const event = EVENTS.get(id);
    assert(event !== undefined);
    const fields = Object.fromEntries(
      ["messages", "recipients", "unknown", "relays", "errors", "seconds"].map((n) => [n, 1]),
    );
    const all = { ...fields, ...FIELDS, mechanism: "PLAIN", end: "quit" };
    for (const format of [katrFormat(), jsonFormat(), logfmtFormat()]) {
      const line = format(NOW, 7, event, all).slice(0, -1);
      const masked = maskLine(line, mask);
      assertFalse(/joe|jane|192\.0\.2\.77/.test(masked), masked);
      const read = readLine(masked, NOW)?.record;
      assertEquals(read?.kind === "trace" ? read.event : "", id, masked);
      assertEquals(readLine(masked, NOW)?.whenMs, readLine(line, NOW)?.whenMs);
    }
  }
});

Deno.test("maskLine: steps of the look-up and findings name nobody, and what lists said stays", () => {
  const named = /joe|12345|dyn-7|192\.0\.2\.77/;
  const lines: readonly (readonly [string, Record<string, string>])[] = [
    ["lookup.step", { step: "getpw", file: "/etc/passwd", key: "joe", found: "no such user" }],
    ["lookup.step", { step: "users-cdb", file: "users/cdb", key: "12345", found: "no entry" }],
    ["lookup.step", { step: "home", file: "/home/joe", key: "", found: "mode 0755" }],
    ["lookup.step", { step: "dot-qmail", file: "/var/qmail/alias/.qmail-joe", key: "", found: "" }],
    ["lookup.step", {
      ...{ step: "getpw", file: "/etc/passwd", key: "alias" },
      found: "uid 1000, home /home/joe",
    }],
    ["lookup.answer", {
      ...{ address: "joe@example.org", verdict: "no-mailbox", route: "local" },
      reason: 'User "joe" has neither .qmail-joe nor a default for it in /home/joe',
    }],
    ["policy.finding", {
      ...{ check: "reverse_dns", ip: "192.0.2.77", text: "fcrdns name[dyn-7.isp.example]" },
    }],
  ];
  for (const level of ["network", "hash", "hide"] as const) {
    const mask = maskOf(level);
    for (const [id, fields] of lines) {
      const event = EVENTS.get(id);
      assert(event !== undefined, id);
      for (const format of [katrFormat(), jsonFormat(), logfmtFormat()]) {
        const line = format(NOW, 7, event, fields).slice(0, -1);
        assertFalse(named.test(maskLine(line, mask)), maskLine(line, mask));
      }
    }
    const listed = "2026-03-01 08:00:00 (3) (7) policy: dnsbl ip[192.0.2.77]: score=1 of 1 " +
      "lists=a.example[127.0.0.2]*1";
    assertStringIncludes(maskLine(listed, mask), "lists=a.example[127.0.0.2]*1");
  }
});

Deno.test("maskLine: dialogues and lines of other programs are searched for addresses", () => {
  const mask = maskOf("network");
  assertEquals(
    maskLine("info msg 1: bytes 2 from <o'joe@x.example> qp 3 uid 4", mask),
    "info msg 1: bytes 2 from <*@x.example> qp 3 uid 4",
  );
  assertEquals(
    maskLine("@4000000054662f8e1a2b3c4d starting delivery 1: msg 2 to local o'joe@x.example", mask),
    "@4000000054662f8e1a2b3c4d starting delivery 1: msg 2 to local *@x.example",
  );
  assertEquals(
    maskLine("2026-03-01 08:00:00 (4) (7) smtp_io: C: EHLO joes-laptop", mask),
    "2026-03-01 08:00:00 (4) (7) smtp_io: C: EHLO *",
  );
  assertEquals(
    maskLine("tcpserver: pid 1 from 192.0.2.77", mask),
    "tcpserver: pid 1 from 192.0.2.0/24",
  );
});

Deno.test("anonymiseFile: in place, packed or not, same mode and time, and the report counts the same", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const logs = sampleLogs(200, "katr", NOW);
    const trace = [...logs.trace].join("");
    const before = await tallied(trace);
    const packed = await new Response(
      new Blob([trace]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
    for (
      const [name, bytes] of [["trace", new TextEncoder().encode(trace)], [
        "trace.gz",
        packed,
      ]] as const
    ) {
      const path = `${directory}/${name}`;
      Deno.writeFileSync(path, bytes, { mode: 0o640 });
      Deno.chmodSync(path, 0o640);
      Deno.utimeSync(path, 1_700_000_000, 1_700_000_000);
      const [source] = findSources([path], NOW);
      assert(source !== undefined);
      const count = { bytes: 0, lines: 0, unknown: 0, timeless: 0 };
      await anonymiseFile(source, maskOf("hash"), count);
      assertEquals(count.lines, trace.split("\n").length - 1);
      const { mode, mtime } = Deno.statSync(path);
      assertEquals((mode ?? 0) & 0o777, 0o640);
      assertEquals(mtime?.getTime(), 1_700_000_000_000);
      assertEquals([...Deno.readDirSync(directory)].filter((e) => e.name.includes("qfront")), []);
      const { tallyLogs } = await import("../../../report/run.ts");
      const after = await tallyLogs(findSources([path], NOW), { fromMs: null, untilMs: null });
      assertEquals(after.tally.attempts, before.tally.attempts);
      assertEquals(after.tally.guessAddresses.distinct, before.tally.guessAddresses.distinct);
      assertFalse([...after.tally.guessAddresses.top(5)].some(({ key }) => key.includes(".")));
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
