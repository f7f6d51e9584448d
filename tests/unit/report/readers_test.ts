import { assertEquals } from "@std/assert";
import { readLine } from "../../../report/read_line.ts";
import type { LogRecord } from "../../../report/record.ts";

const record = (line: string): LogRecord | null => readLine(line, Date.now())?.record ?? null;

Deno.test("readLine: every line of qmail-send's story of a spam bounce", () => {
  const lines: [string, LogRecord][] = [
    ["new msg 163610", { kind: "new_message", message: 163610 }],
    ["info msg 163610: bytes 834 from <C4E7F1C@frontiersnow.com> qp 11239 uid 110", {
      kind: "message_info",
      message: 163610,
      bytes: 834,
      sender: "C4E7F1C@frontiersnow.com",
      qp: 11239,
      uid: 110,
    }],
    ["starting delivery 364: msg 163610 to local jermayne-velasquez@operand.ca", {
      kind: "delivery_start",
      delivery: 364,
      message: 163610,
      channel: "local",
      recipient: "jermayne-velasquez@operand.ca",
    }],
    ["status: local 1/10 remote 0/20", {
      kind: "send_status",
      local: 1,
      localMost: 10,
      remote: 0,
      remoteMost: 20,
    }],
    ["delivery 364: failure: Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/", {
      kind: "delivery_end",
      delivery: 364,
      result: "failure",
      text: "Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/",
    }],
    ["delivery 4: success: ", { kind: "delivery_end", delivery: 4, result: "success", text: "" }],
    ["bounce msg 163610 qp 11242", { kind: "bounce", message: 163610, qp: 11242 }],
    ["end msg 163610", { kind: "message_end", message: 163610 }],
    ["triple bounce: discarding bounce/163974", { kind: "triple_bounce", message: 163974 }],
    ["warning: trouble opening local/3/7; will try again later", {
      kind: "send_trouble",
      text: "warning: trouble opening local/3/7; will try again later",
    }],
  ];
  for (const [line, expected] of lines) {
    assertEquals(record(line), expected);
    assertEquals(record(`@4000000054662f8e1a2b3c4d ${line}`), expected);
    assertEquals(record(`Nov 13 22:17:34 host qmail: 1415917054.123456 ${line}`), expected);
  }
});

Deno.test("readLine: a sender with the words of the line forges no number", () => {
  const line = "info msg 7: bytes 1 from <a> qp 9 uid 9@x.example> qp 11 uid 12";
  const info = record(line);
  assertEquals(info?.kind === "message_info" ? [info.qp, info.uid] : null, [11, 12]);
});

Deno.test("readLine: tcpserver, rblsmtpd and qmail-spf", () => {
  const nothing = { kind: "tcpserver" as const, pid: 0, ip: "", open: 0, most: 0 };
  assertEquals(record("tcpserver: status: 1/40"), {
    ...nothing,
    what: "status",
    open: 1,
    most: 40,
  });
  assertEquals(record("tcpserver: pid 12322 from 176.56.237.217"), {
    ...nothing,
    what: "pid",
    pid: 12322,
    ip: "176.56.237.217",
  });
  const ok = "tcpserver: ok 12322 operand.ca:69.164.214.126:25 :176.56.237.217::43163";
  assertEquals(record(ok), { ...nothing, what: "ok", pid: 12322, ip: "176.56.237.217" });
  const deny = "tcpserver: deny 9 0:2001:db8::1:25 bad.example:2001:db8::7::4000";
  assertEquals(record(deny), { ...nothing, what: "deny", pid: 9, ip: "2001:db8::7" });
  assertEquals(record("tcpserver: end 12322 status 0"), { ...nothing, what: "end", pid: 12322 });
  assertEquals(record("rblsmtpd: 176.56.237.217 pid 12322: 451 bad reverse DNS"), {
    kind: "rblsmtpd",
    ip: "176.56.237.217",
    pid: 12322,
    code: 451,
    text: "bad reverse DNS",
  });
  const spf = record("qmail-spf: spf_result is SPF_RESULT_FAIL");
  assertEquals(spf, { kind: "spf", result: "fail" });
});

Deno.test("readLine: KATR's own log, and a trace below multilog with two stamps", () => {
  const katr = "2005-02-17 15:41:40 (1) (25466) setup: remoteip: 111.222.333.444";
  const expected: LogRecord = {
    kind: "trace",
    session: 25466,
    event: "setup.remoteip",
    fields: { ip: "111.222.333.444" },
  };
  assertEquals(record(katr), expected);
  const twice = readLine(`@4000000054662f8e1a2b3c4d ${katr}`, Date.now());
  assertEquals(twice?.record, expected);
  assertEquals(twice?.whenMs, new Date(2005, 1, 17, 15, 41, 40).getTime());
});

Deno.test("readLine: what nobody knows is null, not an error", () => {
  const lines = ["", "{", "{}", "[1]", '{"time":1}', "hello", "(9) (x) y", "delivery x: success: "];
  for (const line of lines) assertEquals(record(line), null, line);
});
