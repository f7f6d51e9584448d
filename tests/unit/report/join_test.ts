import { assertEquals } from "@std/assert";
import { attemptsOf } from "../../../report/attempts.ts";
import { textSource } from "../../../report/sources.ts";
import { attemptsIn, tallied } from "./kit.ts";

const TRACE = `\
2026-03-01 08:00:00 (1) (7) setup: remoteip: 192.0.2.7
2026-03-01 08:00:00 (2) (7) smtp_rcpt: user[joe] domain [example.org]
2026-03-01 08:00:00 (2) (7) smtp_rcpt: user[former] domain [example.org]
2026-03-01 08:00:01 (1) (7) smtp_data: qp 11239 from <x@far.example> to 2 rcpts, 834 bytes
2026-03-01 08:00:02 (2) (7) smtp_rcpt: user[angela] domain [example.org]
2026-03-01 08:00:02 (2) (7) smtp_rcpt: invalid rcpt user, terminating connection
2026-03-01 08:00:03 (1) (7) smtp_end: ip=192.0.2.7 helo=mx.far.example messages=1 recipients=2 unknown=1 relays=0 errors=0 seconds=3 end=session_closed
`;

const SEND = `\
2026-03-01 08:00:01.5 new msg 163610
2026-03-01 08:00:01.5 info msg 163610: bytes 834 from <x@far.example> qp 11239 uid 110
2026-03-01 08:00:01.5 starting delivery 364: msg 163610 to local joe@example.org
2026-03-01 08:00:01.6 starting delivery 365: msg 163610 to local virt-former@example.org
2026-03-01 08:00:01.7 delivery 364: success: did_1+0+0/
2026-03-01 08:00:01.8 delivery 365: failure: Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/
2026-03-01 08:00:01.8 bounce msg 163610 qp 11242
2026-03-01 08:00:01.8 end msg 163610
2026-03-01 08:00:01.9 new msg 163974
2026-03-01 08:00:01.9 info msg 163974: bytes 1384 from <> qp 11242 uid 111
2026-03-01 08:00:01.9 starting delivery 366: msg 163974 to remote x@far.example
2026-03-01 08:00:04.9 delivery 366: success: 192.0.2.9_accepted_message./
2026-03-01 08:00:04.9 end msg 163974
`;

Deno.test("attempts: recipient by recipient, with what became of it", async () => {
  const merged = [...TRACE.split("\n"), ...SEND.split("\n")].filter((l) => l !== "")
    .sort((a, b) => a.slice(0, 21) < b.slice(0, 21) ? -1 : 1);
  const found = await attemptsIn(merged.join("\n"));
  const at = (second: number) => new Date(2026, 2, 1, 8, 0, second).getTime();
  const session = {
    ip: "192.0.2.7",
    helo: "mx.far.example",
    sender: "x@far.example",
    session: 7,
    login: null,
  };
  const accepted = { ...session, outcome: "accepted" as const, rule: "", qp: 11239 };
  assertEquals(found, [
    {
      ...session,
      whenMs: at(2),
      recipient: "angela@example.org",
      outcome: "refused",
      rule: "unknown recipient",
      qp: null,
      delivered: null,
    },
    { ...accepted, whenMs: at(0), recipient: "joe@example.org", delivered: true },
    { ...accepted, whenMs: at(0), recipient: "former@example.org", delivered: false },
  ]);
});

Deno.test("tallyLogs: an accepted message that bounces is backscatter, with its victim and who caused it", async () => {
  const { tally } = await tallied(TRACE, SEND);
  assertEquals(tally.victims.top(9), [{ key: "x@far.example", count: 1 }]);
  assertEquals(tally.backscatterRecipients.top(9), [{ key: "former@example.org", count: 1 }]);
  assertEquals(tally.backscatterSources.top(9), [{ key: "192.0.2.0/24", count: 1 }]);
  assertEquals(tally.bouncedRecipients.top(9), [{ key: "former@example.org", count: 1 }]);
  assertEquals(tally.bounces, { bounce: 1, double: 0, triple: 0 });
  assertEquals(tally.guessNetworks.top(9), [{ key: "192.0.2.0/24", count: 1 }]);
  assertEquals(tally.attempts, { accepted: 2, refused: 1, deferred: 0 });
  assertEquals(tally.latency.remote.mostMs, 3000);
});

Deno.test("tallyLogs: the order of the files does not matter, time does", async () => {
  const { tally } = await tallied(SEND, TRACE);
  assertEquals(tally.backscatterSources.top(9), [{ key: "192.0.2.0/24", count: 1 }]);
});

Deno.test("tallyLogs: a bounce that is made before the trace tells of the message has its client all the same", async () => {
  const fast = SEND.replace(/08:00:01\.[5-8]/g, "08:00:00.5");
  const { tally } = await tallied(TRACE, fast);
  assertEquals(tally.backscatterSources.top(9), [{ key: "192.0.2.0/24", count: 1 }]);
  assertEquals(tally.backscatterRecipients.top(9), [{ key: "former@example.org", count: 1 }]);
});

Deno.test("attemptsOf: accepted mail waits ten minutes for qmail-send's log, not for the end of ours", async () => {
  const first = TRACE.split("\n").filter((line) => !/angela|invalid/.test(line)).join("\n");
  const later = TRACE.replaceAll(" 08:0", " 08:2").replaceAll("(7)", "(8)");
  const found = await Array.fromAsync(attemptsOf([textSource(first + later)]));
  assertEquals(found.map(({ recipient, session }) => `${session} ${recipient}`), [
    ...["7 joe@example.org", "7 former@example.org"],
    ...["8 angela@example.org", "8 joe@example.org", "8 former@example.org"],
  ]);
});

Deno.test("tallyLogs: qmail-send's log alone tells bounces too", async () => {
  const { tally, count } = await tallied(SEND);
  assertEquals(tally.victims.total, 1);
  assertEquals(tally.bouncedRecipients.top(9), [{ key: "virt-former@example.org", count: 1 }]);
  assertEquals([count.lines, count.unknown], [13, 0]);
});

Deno.test("tallyLogs: a process id that comes again hours later is another message", async () => {
  const late = SEND.replaceAll("08:00:0", "23:00:0");
  const { tally } = await tallied(TRACE, late);
  assertEquals(tally.backscatterSources.total, 0);
  assertEquals(tally.victims.total, 1);
});

Deno.test("tallyLogs: KATR's session number that comes again begins a new session", async () => {
  const again = TRACE.replaceAll("08:00", "09:00").replaceAll("192.0.2.7", "198.51.100.9");
  const { tally } = await tallied(TRACE.split("\n").slice(0, 4).join("\n") + "\n" + again);
  assertEquals(tally.sessions.total, 2);
  assertEquals(tally.guessAddresses.top(9), [{ key: "198.51.100.9", count: 1 }]);
});

Deno.test("tallyLogs: a message in memory is given up for thousands of others, not kept", async () => {
  const lines: string[] = [];
  for (let i = 0; i < 60_000; i++) {
    lines.push(`info msg ${i}: bytes 1 from <a@b.example> qp ${i} uid 1`);
    lines.push(`starting delivery ${i}: msg ${i} to local joe@example.org`);
  }
  lines.push("delivery 1: failure: x/", "delivery 59999: failure: x/");
  const { tally } = await tallied(lines.join("\n"));
  assertEquals(tally.deliveries.local.failure, 1);
});

const policy = (text: string) => `2026-03-01 08:00:00 (2) (7) policy: ${text}\n`;

Deno.test("tallyLogs: verdicts of policy, in shadow and applied, findings and suspects", async () => {
  const begin = TRACE.split("\n").slice(0, 2).join("\n") + "\n";
  const log = begin +
    policy(
      "dnsbl ip[192.0.2.7]: score=2 of 2 lists=a.example[127.0.0.2 127.0.0.3]*2 " +
        "b.example[error] c.example[127.0.0.4]*1 enough_alone=a.example",
    ) +
    policy("spf ip[192.0.2.7]: pass domain[far.example] mechanism[ip4]") +
    policy("rcpt_valid: shadow, would be 451 greylisted by rule[greylist] ip[192.0.2.7]: new") +
    policy("rcpt_valid: 553 dnsbl by rule[dnsbl: a.example] ip[192.0.2.7]: listed") +
    "2026-03-01 08:00:03 (1) (7) smtp_end: ip=192.0.2.7 helo=mx messages=0 recipients=0 unknown=0 relays=0 errors=0 seconds=3 end=quit\n";
  const { tally } = await tallied(log);
  assertEquals(tally.rules.top(9), [{ key: "dnsbl: a.example", count: 1 }]);
  assertEquals(tally.shadows.top(9), [{ key: "greylist", count: 1 }]);
  assertEquals(tally.results.get("spf")?.top(9), [{ key: "pass", count: 1 }]);
  assertEquals(tally.zones.get("a.example")?.together.get("c.example"), 1);
  assertEquals(tally.zones.get("b.example")?.errors, 1);
  assertEquals(tally.suspects.map(({ ip, helo, rule }) => [ip, helo, rule]), [
    ["192.0.2.7", "mx", "dnsbl: a.example"],
  ]);
  assertEquals(tally.attempts, { accepted: 0, refused: 1, deferred: 0 });
});

Deno.test("tallyLogs: rblsmtpd's text names one rule, whoever is blocked", async () => {
  const { tally } = await tallied(
    "rblsmtpd: 192.0.2.7 pid 1: 451 http://bl.example/query?ip=192.0.2.7\n" +
      "rblsmtpd: 192.0.2.8 pid 2: 451 http://bl.example/query?ip=192.0.2.8\n",
  );
  assertEquals(tally.deferredBy.top(9), [{
    key: "rblsmtpd: http://bl.example/query?ip=*",
    count: 2,
  }]);
});
