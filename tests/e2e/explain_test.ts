/** `qfront explain` as a process: its answer is the one that a real session gets, and nothing on disk changes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openTrial } from "../../cli/trial.ts";
import { judgeAttempt } from "../../replay/attempt.ts";
import { argsOf, picture, ZONE } from "../unit/replay/trial_kit.ts";
import { JOE, makeClosedSite } from "./closed_site.ts";
import { type Front, makeSite, removeSite, runQfront, startFront } from "./front.ts";

const IS_ROOT = Deno.uid() === 0;

async function withSite(
  work: (root: string, explain: typeof runQfront) => Promise<void>,
  make: () => Promise<string> = makeSite,
): Promise<void> {
  const root = await make();
  Deno.writeTextFileSync(`${root}/dns.zone`, ZONE);
  const site = ["--root", root, "--dns-file", `${root}/dns.zone`];
  try {
    await work(root, (args) => runQfront(["explain", ...site, ...args]));
  } finally {
    await removeSite(root);
  }
}

/** Settings and files with which most checks have something to say. */
const SET = [
  ...["queue=maildir", "proxy_from=127.0.0.1", "tcp_rules=/etc/tcp", "mailrules_file=/etc/rules"],
  ...[
    "own_sender=on",
    "check_fqdn=on",
    "null_sender=on",
    "helo=on",
    "dnsbl=on",
    "sender_domain=on",
  ],
  ...["dnsbl_lists=bl.example", "greylist=on", "greylist_exempt=203.0.113.0/24", "trace_level=4"],
  ...["reverse_dns=shadow", "reject_if_any=on", "known_forwarders=203.0.113.7", "spf=on"],
];

const FILES: Readonly<Record<string, string>> = {
  "etc/tcp": '198.51.100.50:allow,RELAYCLIENT=""\n198.51.100.60:deny\n' +
    '198.51.100.70:allow,RBLSMTPD="-not you"\n:allow\n',
  "etc/rules": ":sender\nd*@evil.example:*:we know you\nz*@slow.example:*:later\n" +
    ":recipient\nK*@friend.example:jane@example.org:welcome\n",
  "var/qmail/control/badrcptto": "sales@example.org ask by telephone\n",
  "var/qmail/control/badhelo": ".bad.example\n",
  "var/qmail/control/trapto": "trap@example.org\n",
};

function prepare(root: string): string[] {
  for (const [name, text] of Object.entries(FILES)) {
    Deno.mkdirSync(`${root}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${root}/${name}`, text);
  }
  return [...SET, `dns_file=${root}/dns.zone`];
}

const CLIENTS = [
  ["198.51.100.1", "mail.friend.example"],
  ["198.51.100.9", "mail.friend.example"],
  ["198.51.100.50", "inside"],
  ["198.51.100.60", "mail.friend.example"],
  ["198.51.100.70", "mail.friend.example"],
  ["203.0.113.5", "x.bad.example"],
  ["203.0.113.7", "forwarder.example"],
  ["127.0.0.1", "localhost"],
] as const;

const SENDERS = [
  "someone@friend.example",
  "",
  "spammer@example.com",
  "a@evil.example",
  "a@slow.example",
  "joe@example.org",
  "nobody",
  "x@silent.example",
];

const RECIPIENTS = [
  "joe@example.org",
  "jane@example.org",
  "sales@example.org",
  "nobody@example.org",
  "trap@example.org",
  "postmaster@example.org",
  "anything@shop.example",
  "far@elsewhere.example",
];

/** Says an attempt to the front as that client would, and returns the last reply to the recipient's fate. */
async function realAnswer(
  { smtpPort }: Front,
  [ip, helo]: readonly [string, string],
  sender: string,
  recipient: string,
): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: smtpPort });
  let kept = "";
  const reply = async (): Promise<string> => {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(kept);
      if (match !== null) {
        kept = kept.slice(match[0].length);
        return match[1] ?? "";
      }
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) return "";
      kept += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  };
  const say = (text: string) => conn.write(new TextEncoder().encode(`${text}\r\n`));
  try {
    await say(`PROXY TCP4 ${ip} 192.0.2.1 4711 25`);
    let last = await reply();
    for (const line of [`EHLO ${helo}`, `MAIL FROM:<${sender}>`, `RCPT TO:<${recipient}>`]) {
      if (!/^2/.test(last)) return last;
      await say(line);
      last = await reply();
    }
    return last;
  } finally {
    conn.close();
  }
}

Deno.test({
  name:
    "judgeAttempt: the reply of a real session over loopback, for every client, sender and recipient",
  sanitizeResources: false,
  fn: () =>
    withSite(async (root) => {
      const set = prepare(root);
      const front = await startFront(root, set.flatMap((one) => ["--set", one]));
      const trial = await openTrial(argsOf(root, set));
      const answers = new Set<string>();
      try {
        for (const client of CLIENTS) {
          for (const sender of SENDERS) {
            for (const recipient of RECIPIENTS) {
              const [ip, helo] = client;
              const attempt = { ip, helo, sender, recipients: [recipient] };
              const { reply } = await judgeAttempt(trial, attempt);
              const { code, enhanced, text } = reply ?? { code: "", enhanced: "", text: "" };
              const judged = [code, enhanced, text].filter((part) => part !== "").join(" ");
              const real = await realAnswer(front, client, sender, recipient);
              assertEquals(judged, real, `${ip} <${sender}> <${recipient}>`);
              answers.add(real);
            }
          }
        }
      } finally {
        await trial.close();
        await front.stop();
      }
      // It compares little where everybody is told the same.
      assert(answers.size >= 15, [...answers].join("\n"));
    }),
});

Deno.test("explain: each outcome has its exit code, its line and its reply, and fits on a screen", () =>
  withSite(async (root, explain) => {
    const more = prepare(root).filter((one) => !one.startsWith("greylist="))
      .flatMap((one) => ["--set", one]);
    const friend = ["--ip", "203.0.113.5", "--from", "someone@friend.example"];
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [
        ["joe@example.org"],
        0,
        /getpw +\/etc\/passwd:4 +"joe" .*maildir +\.\/Maildir\/ +\/home\/joe\/\.qmail:1/s,
      ],
      [["webmaster@example.org"], 0, /users-cdb +\/var\/qmail\/users\/assign:2/],
      [["desk-lamp@example.org"], 0, /users-cdb +\/var\/qmail\/users\/assign:3/],
      [["postmaster@example.org"], 0, /dot-qmail +\/var\/qmail\/alias\/\.qmail-postmaster/],
      [
        ["anything@shop.example"],
        0,
        /virtualdomains +control\/virtualdomains:2 .*\.qmail-shop-default/s,
      ],
      [["nobody@example.org"], 100, /550 5\.1\.1 .*reply unknown_recipient/s],
      [["joe@[127.0.0.1]"], 0, /address +"joe@\[127\.0\.0\.1\]" +taken as joe@mail\.example\.org/],
      [
        ["far@elsewhere.example", "--ip", "198.51.100.50"],
        111,
        /relay_client +"RELAYCLIENT".*reply no_delivery/s,
      ],
      [["joe@example.org", "--login", "joe", "--from", "<>"], 0, /login +"joe" +logged in/],
      [["x@elsewhere.example"], 100, /rcpthosts +control\/rcpthosts .*not listed.*553 5\.7\.1/s],
      [["joe@example.org", "--from", "spammer@example.com"], 100, /\(control\/badmailfrom:1\)/],
      [["sales@example.org"], 100, /\(control\/badrcptto:1\).*553 5\.1\.1 ask by telephone/s],
      [
        ["joe@example.org", "--from", "a@slow.example"],
        111,
        /\(\/etc\/rules:3\).*451 4\.7\.1 later/s,
      ],
      [
        ["joe@example.org", "--ip", "198.51.100.9", "--from", "<>"],
        100,
        /dnsbl +on +--set +refuses/,
      ],
      [["joe@example.org", "--ip", "198.51.100.60"], 100, /refused by connection_rules/],
      [["trap@example.org"], 100, /refused at DATA by decoy.*RCPT is answered with 250/s],
    ];
    for (const [args, code, expected] of cases) {
      const who = args.length > 1 ? [] : friend;
      const said = await explain([...more, ...who, ...args]);
      assertEquals(said.code, code, said.stdout + said.stderr);
      assertMatch(said.stdout, expected);
      assert(said.stdout.split("\n").length <= 40, said.stdout);
      assert(!said.stdout.includes("\x1b"), "plain in a pipe");
    }
  }));

Deno.test("explain: greylist, shadow, and what stands in trace.cfg by its line; --verbose has the rest", () =>
  withSite(async (root, explain) => {
    const cfg = `${root}/var/qmail/control/trace.cfg`;
    Deno.writeTextFileSync(cfg, "greylist=on\nown_sender=shadow\n", { append: true });
    const line = Deno.readTextFileSync(cfg).split("\n").indexOf("greylist=on") + 1;
    const { code, stdout } = await explain(["joe@example.org", "--from", "jane@example.org"]);
    assertEquals(code, 111);
    assertMatch(stdout, new RegExp(`greylist +on +trace\\.cfg:${line} +defers, 451 greylisted`));
    assertMatch(
      stdout,
      /own_sender +shadow +trace\.cfg:\d+ +would, were it not in shadow: refuses/,
    );
    assertMatch(stdout, /in shadow: 550 own_sender by own_sender: example\.org/);
    assertMatch(stdout, /\n {2}off: ban, rates/);
    const verbose = await explain(["joe@example.org", "--verbose"]);
    assertMatch(verbose.stdout, /\n +ban +off +default +off\n/);
  }));

Deno.test("explain: --json has stable keys, and examples are named", () =>
  withSite(async (_root, explain) => {
    const { code, stdout } = await explain(["joe@example.org", "--json", "--now", "1700000000"]);
    assertEquals(code, 0);
    const said = JSON.parse(stdout);
    const keys =
      "address sender ip helo now examples as outcome rule reason reply pretended shadows " +
      "dialogue environment lookup delivery checks views";
    assertEquals(Object.keys(said), keys.split(" "));
    assertEquals(said.now, "2023-11-14T22:13:20.000Z");
    assertEquals(said.examples, [
      "--ip 192.0.2.1",
      "--helo mail.example.net",
      "--from someone@example.net",
    ]);
    assertEquals(said.reply.id, "recipient_ok");
    const { command: _, ...first } = said.dialogue[0];
    assertEquals(Object.keys(first), ["code", "enhanced", "text", "id"]);
    assertEquals(Object.keys(said.lookup.steps[0]), ["step", "file", "key", "line", "found"]);
    assertEquals(said.delivery.instructions[0].kind, "maildir");
    const check = "check stage mode origin outcome where rule reason reply finding";
    for (const row of said.checks) assertEquals(Object.keys(row), check.split(" "));
    assertEquals(said.checks.length, new Set(said.checks.map(JSON.stringify)).size);
  }));

Deno.test("explain: changes nothing on disk", () =>
  withSite(async (root, explain) => {
    const more = prepare(root).flatMap((one) => ["--set", one]);
    for (const name of ["bans", "grey"]) Deno.writeTextFileSync(`${root}/${name}`, "");
    const set = ["ban=on", "harvest=on", "ban_file=/bans", "greylist_file=/grey"];
    const before = picture(root);
    for (const address of ["joe@example.org", "nobody@example.org", "trap@example.org"]) {
      const { stderr } = await explain([...more, ...set.flatMap((s) => ["--set", s]), address]);
      assertEquals(stderr, "");
    }
    assertEquals(picture(root), before);
  }));

Deno.test("explain: a wrong word is said in one sentence", () =>
  withSite(async (_root, explain) => {
    const cases: readonly (readonly [string[], RegExp])[] = [
      [[], /explain takes one address/],
      [["a@b", "c@d"], /explain takes one address/],
      [["a@b", "--ip", "localhost"], /--ip: "localhost" is no address/],
      [["a@b", "--now", "soon"], /--now takes a date/],
    ];
    for (const [args, expected] of cases) {
      const { code, stdout, stderr } = await explain(args);
      assertEquals([code, stdout], [64, ""]);
      assertMatch(stderr, expected);
    }
  }));

Deno.test({
  name:
    "explain: as root, what the keeper makes good and the user alone can't do stand side by side",
  ignore: !IS_ROOT,
  fn: () =>
    withSite(async (root, explain) => {
      const { code, stdout } = await explain(["joe@example.org"]);
      assertEquals(code, 0);
      assertMatch(stdout, /qmaild with keeper +deliverable +250 2\.1\.5 ok/);
      assertMatch(stdout, /qmaild alone +deferred +451 4\.3\.0 .*\/home\/joe/);
      assertMatch(stdout, /root +deliverable +250/);
      assertStringIncludes(stdout, `Delivery as joe (${JOE}:${JOE}) in /home/joe`);
      Deno.chmodSync(`${root}/var/qmail/control/rcpthosts`, 0o600);
      const closed = await explain(["joe@example.org", "--json"]);
      assertEquals(closed.code, 111);
      const said = JSON.parse(closed.stdout);
      assertEquals([said.as, said.reply.id], ["qmaild with keeper", "site_unusable"]);
      assertEquals(said.views.map((v: { who: string; outcome: string }) => [v.who, v.outcome]), [
        ["qmaild with keeper", "deferred"],
        ["qmaild alone", "deferred"],
        ["root", "accepted"],
      ]);
    }, () => makeClosedSite()),
});

Deno.test({
  name:
    "explain: as root, a site that serve would refuse to serve is told, and root's answer with it",
  ignore: !IS_ROOT,
  fn: () =>
    withSite(async (root, explain) => {
      Deno.chmodSync(`${root}/var/qmail/control/locals`, 0o666);
      const { stdout } = await explain(["joe@example.org"]);
      assertMatch(stdout, /service +none +".*control\/locals" can be changed by/);
      assertMatch(stdout, /Answer to 192\.0\.2\.1, as root\n {2}250/);
    }),
});
