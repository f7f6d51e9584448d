/**
 * judgeAttempt on the sample site: each kind of answer, the one rule that decided, and nothing changed.
 *
 * The first look-up loads the C library for good: `sanitizeResources` is off where that may be.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { judgeAttempt } from "../../../replay/attempt.ts";
import type { AttemptJudgement } from "../../../replay/types.ts";
import { picture, type SiteChange, STRANGER, withTrial } from "./trial_kit.ts";

const test = (name: string, fn: () => Promise<void>): void =>
  Deno.test({ name, sanitizeResources: false, fn });

const gist = ({ outcome, rule, reply }: AttemptJudgement) =>
  `${outcome} by ${rule}: ${reply === null ? "closed" : `${reply.code} ${reply.id}`}`;

test("judgeAttempt: what is deliverable, what is not, what is elsewhere", async () => {
  await withTrial({}, async ({ judge }) => {
    const cases: readonly (readonly [string, string])[] = [
      ["joe@example.org", "accepted by lookup: 250 recipient_ok"],
      ["sales@example.org", "accepted by lookup: 250 recipient_ok"],
      ["postmaster@example.org", "accepted by lookup: 250 recipient_ok"],
      ["anything@shop.example", "accepted by lookup: 250 recipient_ok"],
      ["nobody@example.org", "refused by lookup: 550 unknown_recipient"],
      ["joe@elsewhere.example", "refused by rcpthosts: 553 relay_refused"],
      ['a b"c\\d@example.org', "refused by lookup: 550 unknown_recipient"],
      ["@host:joe@example.org", "refused by lookup: 550 unknown_recipient"],
      ["joe@example.org\r\nRCPT TO:<jane@example.org>", "refused by syntax: closed"],
      [`${"x".repeat(3000)}@example.org`, "refused by syntax: 500 line_too_long"],
    ];
    for (const [recipient, expected] of cases) {
      assertEquals(gist(await judge(recipient)), expected, recipient);
    }
  });
});

test("judgeAttempt: replies by command, the look-up's steps, every check that was asked", async () => {
  await withTrial({}, async ({ judge }) => {
    const judged = await judge("nobody@example.org");
    assertEquals(judged.replies.map(({ command, id }) => [command.split(" ")[0], id]), [
      ["", "greeting"],
      ["EHLO", "extended_hello"],
      ["MAIL", "sender_ok"],
      ["RCPT", "unknown_recipient"],
      ["RCPT", "session_closed"],
    ]);
    const [one] = judged.recipients;
    assertEquals(one?.lookup?.verdict, "no-mailbox");
    assertEquals(one?.lookup?.steps[0]?.step, "locals");
    assertEquals(judged.checks.map(({ check, stage, mode, seen }) => [check, stage, mode, seen]), [
      ["badmailfrom", "rcpt", "on", { kind: "none" }],
    ]);
  });
});

const RULES: readonly (readonly [string, SiteChange, Partial<typeof ANY>, string])[] = [
  [
    "badmailfrom",
    {},
    { sender: "spammer@example.com" },
    "refused by badmailfrom: spammer@example.com: 553 bad_sender",
  ],
  [
    "badrcptto",
    { files: { "var/qmail/control/badrcptto": "joe@example.org not for you\n" } },
    {},
    "refused by badrcptto: joe@example.org: 553 bad_recipient",
  ],
  [
    "a mail rule",
    {
      set: ["mailrules_file=/etc/mailrules"],
      files: { "etc/mailrules": ":sender\nz*@friend.example:*:later\n" },
    },
    {},
    "deferred by mailrules: line 2: 451 rule_deferred",
  ],
  [
    "a list of the DNS",
    { set: ["dnsbl=on", "dnsbl_lists=bl.example"] },
    { ip: "198.51.100.9" },
    "refused by dnsbl: bl.example: 553 dnsbl",
  ],
  ["the greylist", { set: ["greylist=on"] }, {}, "deferred by greylist: new: 451 greylisted"],
  [
    "soft_reject",
    { set: ["soft_reject=on"] },
    { sender: "spammer@example.com" },
    "deferred by badmailfrom: spammer@example.com: 451 bad_sender",
  ],
  [
    "a connection rule",
    { set: ["tcp_rules=/etc/tcp"], files: { "etc/tcp": "198.51.100.1:deny\n:allow\n" } },
    {},
    "refused by connection_rules: closed",
  ],
];

const ANY = { ip: "", sender: "", helo: "" };

for (const [name, change, attempt, expected] of RULES) {
  test(`judgeAttempt: ${name} decides`, async () => {
    await withTrial(change, async ({ judge }) => {
      assertEquals(gist(await judge("joe@example.org", attempt)), expected);
    });
  });
}

test("judgeAttempt: a relay client by connection rule, and a login, may send anywhere", async () => {
  const change = {
    set: ["tcp_rules=/etc/tcp", "queue=qmail-queue"],
    files: { "etc/tcp": '198.51.100.1:allow,RELAYCLIENT=""\n:allow\n' },
  };
  await withTrial(change, async ({ judge }) => {
    const far = "joe@elsewhere.example";
    assertEquals((await judge(far)).outcome, "accepted");
    assertEquals((await judge(far, { ip: "198.51.100.2" })).outcome, "refused");
    const login = { ip: "198.51.100.2", login: "joe", service: "submission" } as const;
    assertEquals((await judge(far, login)).outcome, "accepted");
  });
});

test("judgeAttempt: in shadow the verdict is told and not applied", async () => {
  await withTrial({ set: ["badmailfrom=shadow"] }, async ({ judge }) => {
    const judged = await judge("joe@example.org", { sender: "spammer@example.com" });
    assertEquals(judged.outcome, "accepted");
    assertEquals(judged.shadows.map(({ rule, reply }) => [rule, reply]), [
      ["badmailfrom: spammer@example.com", "553 bad_sender"],
    ]);
  });
});

test("judgeAttempt: a decoy's 250 is told to be none", async () => {
  const change = { files: { "var/qmail/control/trapto": "trap@example.org\n" } };
  await withTrial(change, async ({ judge }) => {
    const { recipients } = await judge("trap@example.org");
    assertEquals(recipients[0]?.reply?.code, 250);
    assertEquals([recipients[0]?.isPretended, recipients[0]?.rule], [
      true,
      "decoy: trap@example.org",
    ]);
  });
});

test("judgeAttempt: captured mail is refused, whatever RCPT said", async () => {
  const set = ["rbl_capture=on", "dnsbl=on", "dnsbl_lists=bl.example"];
  await withTrial({ set }, async ({ judge }) => {
    const judged = await judge("joe@example.org", { ip: "198.51.100.9" });
    assertEquals(gist(judged), "refused by dnsbl: bl.example: 250 recipient_ok");
    assertEquals(judged.recipients[0]?.isPretended, true);
  });
});

test("judgeAttempt: several recipients, and what ends the session is everybody's", async () => {
  await withTrial({}, async ({ trial }) => {
    const recipients = ["joe@example.org", "nobody@example.org", "jane@example.org"];
    const judged = await judgeAttempt(trial, { ...STRANGER, recipients }, { data: true });
    assertEquals(judged.recipients.map(({ outcome }) => outcome), [
      "accepted",
      "refused",
      "deferred",
    ]);
  });
});

test("judgeAttempt: DATA is judged where it is wanted", async () => {
  const set = ["reject_if_any=on", "reject_if_any_of=invalid", "on_invalid_rcpt=reject"];
  await withTrial({ set }, async ({ trial }) => {
    const attempt = { ...STRANGER, recipients: ["joe@example.org", "nobody@example.org"] };
    assertEquals((await judgeAttempt(trial, attempt)).outcome, "accepted");
    const judged = await judgeAttempt(trial, attempt, { data: true });
    assertEquals([judged.outcome, judged.rule], ["refused", "reject_if_any: invalid"]);
  });
});

test("judgeAttempt: the time is the attempt's, for greylist and bans", async () => {
  const at = Date.parse("2026-11-20T08:00:00Z");
  const key = JSON.stringify(["198.51.100.0/24", STRANGER.sender, "joe@example.org"]);
  const change = {
    set: ["greylist=on", "greylist_file=/grey", "greylist_spf_pass=off"],
    files: { grey: `${JSON.stringify(["triplet", key, at, at, false])}\n` },
  };
  await withTrial(change, async ({ judge }) => {
    const rules: string[] = [];
    for (const seconds of [60, 600, 60, 3 * 86400]) {
      rules.push((await judge("joe@example.org", { whenMs: at + seconds * 1000 })).rule);
    }
    // What a later time found was not noted for the earlier one.
    assertEquals(rules, ["greylist: early", "lookup", "greylist: early", "greylist: new"]);
  });
});

test("openTrial: remembers attempts where that is wanted, without the files of the site", async () => {
  const change = { set: ["greylist=on", "greylist_file=/grey"], files: { grey: "" } };
  await withTrial(change, async ({ root, judge }) => {
    const at = Date.parse("2026-11-20T08:00:00Z");
    assertEquals((await judge("joe@example.org", { whenMs: at })).rule, "greylist: new");
    assertEquals((await judge("joe@example.org", { whenMs: at + 600_000 })).rule, "lookup");
    assertEquals(Deno.readTextFileSync(`${root}/grey`), "");
  }, { remembers: true });
});

test("judgeAttempt: changes nothing, guesses are not noted, nobody waits", async () => {
  const set = [
    ...["harvest=on", "ban=on", "ban_invalid=2", "ban_file=/bans", "greylist=on"],
    ...["greylist_file=/grey", "tarpit_seconds=30", "greet_delay_seconds=60", "early_talker=on"],
    ...["on_invalid_rcpt=reject", "decoy=on", "trace_file=/trace", "trace_level=4"],
  ];
  const files = { bans: "", grey: "", "var/qmail/control/trapto": "trap@example.org\n" };
  await withTrial({ set, files }, async ({ root, trial, judge }) => {
    const before = picture(root);
    for (let i = 0; i < 20; i++) await judge(`guess${i}@example.org`);
    await judge("trap@example.org");
    const judged = await judge("nobody@example.org");
    assertEquals(gist(judged), "refused by lookup: 550 unknown_recipient");
    await trial.close();
    assertEquals(picture(root), before);
  });
});

test("judgeAttempt: a site whose controls can't be read answers as it would", async () => {
  await withTrial({}, async ({ root, judge }) => {
    Deno.removeSync(`${root}/var/qmail/control/rcpthosts`);
    Deno.mkdirSync(`${root}/var/qmail/control/rcpthosts`);
    const judged = await judge("joe@example.org");
    assertEquals(gist(judged), "deferred by controls: 421 site_unusable");
    assertMatch(judged.reason, /rcpthosts/);
  });
});

test("judgeAttempt: trace lines where they are wanted; attempts may overlap", async () => {
  await withTrial({}, async ({ trial }) => {
    const of = (recipient: string) =>
      judgeAttempt(trial, { ...STRANGER, recipients: [recipient] }, { lines: true });
    const both = await Promise.all([of("joe@example.org"), of("nobody@example.org")]);
    assertEquals(both.map(({ outcome }) => outcome), ["accepted", "refused"]);
    assert(both[0]?.lines.every((line) => !line.includes("nobody")));
    assert(both[1]?.lines.some((line) => line.includes("user[nobody]")));
  });
});
