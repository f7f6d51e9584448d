import { assertEquals, assertStringIncludes } from "@std/assert";
import { maskOf } from "../../../report/privacy.ts";
import { readQueue } from "../../../report/queue_dir.ts";
import { recheck, withoutPrefix } from "../../../report/recheck.ts";
import { textReport } from "../../../report/text.ts";
import type { LookupService } from "../../../validate/types.ts";
import { reported, tallied } from "./kit.ts";

const BOUNCE = `Date: 1 Mar 2026 08:00:00 -0000
From: MAILER-DAEMON@example.org
To: victim@elsewhere.example
Subject: failure notice

Hi. This is the qmail-send program at example.org.

<nobody@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <victim@elsewhere.example>
Subject: hello
`;

/** A queue as qmail 1.03 lays it out, with three messages. */
function makeQueue(): string {
  const queue = Deno.makeTempDirSync();
  const put = (id: number, files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) {
      const split = name === "bounce" || name === "todo" ? "" : `/${id % 23}`;
      Deno.mkdirSync(`${queue}/${name}${split}`, { recursive: true });
      Deno.writeTextFileSync(`${queue}/${name}${split}/${id}`, text);
    }
  };
  put(163610, {
    info: "Fjoe@example.org\0",
    mess: "Subject: a\n\n",
    remote: "Da@b.example\0Tc@b.example\0",
  });
  put(163974, { info: "F\0", mess: BOUNCE, remote: "Tvictim@elsewhere.example\0" });
  put(163975, { info: "Fx@y.example\0", mess: "\n", local: "Tjane@example.org\0", bounce: "x" });
  put(163976, { todo: "u0\0p1\0Fx@y.example\0Ta@b.example\0", mess: "x\n" });
  return queue;
}

Deno.test("readQueue: who waits, and how much of it is backscatter in flight", async () => {
  const queue = makeQueue();
  try {
    const report = readQueue(queue, maskOf("none"), true);
    assertEquals(report.messages, 3);
    assertEquals([report.local_recipients, report.remote_recipients], [1, 2]);
    assertEquals([report.backscatter, report.todo, report.bounce_files], [1, 1, 1]);
    assertEquals(report.troubles, []);
    const bounce = report.list.find(({ id }) => id === 163974);
    assertEquals(bounce?.failed, ["nobody@example.org"]);
    assertEquals(bounce?.return_path, "victim@elsewhere.example");
    assertEquals(report.list.find(({ id }) => id === 163610)?.done, 1);
    const text = textReport(await reported([], { queue: report }), false);
    assertStringIncludes(text, "1 without sender to");
    assertStringIncludes(text, "answer to <victim@elsewhere.example>");
  } finally {
    Deno.removeSync(queue, { recursive: true });
  }
});

Deno.test("readQueue: without -v nobody is named, with a mask nobody in full", () => {
  const queue = makeQueue();
  try {
    assertEquals(readQueue(queue, maskOf("none"), false).list, []);
    const named = JSON.stringify(readQueue(queue, maskOf("network"), true).list);
    assertEquals(/victim|nobody|jane|joe/.test(named), false);
  } finally {
    Deno.removeSync(queue, { recursive: true });
  }
});

Deno.test("readQueue: an empty directory is an empty queue", () => {
  const queue = Deno.makeTempDirSync();
  try {
    assertEquals(readQueue(queue, maskOf("none"), true).messages, 0);
  } finally {
    Deno.removeSync(queue);
  }
});

Deno.test({
  name: "readQueue: a file that may not be read is a sentence, the rest is counted",
  ignore: Deno.uid() === 0,
  fn() {
    const queue = makeQueue();
    const path = `${queue}/info/${163610 % 23}/163610`;
    try {
      Deno.chmodSync(path, 0);
      const report = readQueue(queue, maskOf("none"), false);
      assertStringIncludes(report.troubles[0] ?? "", `"${path}" can't be read`);
      assertEquals(report.backscatter, 1);
    } finally {
      Deno.chmodSync(path, 0o600);
      Deno.removeSync(queue, { recursive: true });
    }
  },
});

Deno.test("withoutPrefix: what a virtual domain puts before a recipient is taken off", () => {
  const entries = ["virt.example:joe-virt", ".sub.example:sub", "plain.example:"];
  assertEquals(withoutPrefix("joe-virt-foo@virt.example", entries), "foo@virt.example");
  assertEquals(withoutPrefix("sub-a@x.sub.example", entries), "a@x.sub.example");
  assertEquals(withoutPrefix("joe-virt-foo@other.example", entries), "joe-virt-foo@other.example");
  assertEquals(withoutPrefix("a@plain.example", entries), "a@plain.example");
});

Deno.test("recheck: names those whom the look-up would refuse now, bounced ones first", async () => {
  const { tally } = await tallied(
    "info msg 1: bytes 1 from <a@b.example> qp 1 uid 1\n" +
      "starting delivery 1: msg 1 to local virt-gone@virt.example\n" +
      "delivery 1: failure: no_mailbox/\n" +
      "starting delivery 2: msg 1 to local slow@example.org\n" +
      "delivery 2: failure: no_mailbox/\n" +
      "2026-03-01 08:00:00 (2) (7) smtp_rcpt: user[joe] domain [example.org]\n" +
      "2026-03-01 08:00:00 (2) (7) smtp_rcpt: user[left] domain [example.org]\n" +
      "2026-03-01 08:00:01 (1) (7) smtp_data: qp 9 from <> to 2 rcpts, 8 bytes\n",
  );
  const verdicts: Record<string, "no-mailbox" | "deferred" | "deliverable"> = {
    "gone@virt.example": "no-mailbox",
    "slow@example.org": "deferred",
    "left@example.org": "no-mailbox",
  };
  const lookup: LookupService = {
    lookup: (address) => ({
      address,
      route: "local",
      verdict: verdicts[address] ?? "deliverable",
      reason: "why",
    }),
    rcptHosts: () => "allowed",
  };
  const options = { mask: maskOf("none"), top: 10 };
  assertEquals(await recheck(tally, lookup, ["virt.example:virt"], options), {
    asked: 4,
    undecided: 1,
    refused: [
      { recipient: "gone@virt.example", accepted: 0, bounced: 1, reason: "why" },
      { recipient: "left@example.org", accepted: 1, bounced: 0, reason: "why" },
    ],
  });
});
