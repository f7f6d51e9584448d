/** A site with one thing broken shows that one finding, and no other that the whole site does not show. */
import { assert, assertEquals } from "@std/assert";
import type { FindingId } from "../../../doctor/catalogue.ts";
import type { Patient } from "../../../doctor/types.ts";
import { JournalFile } from "../../../queue/journal_file.ts";
import { Batch } from "../../../queue/journal_format.ts";
import { type Broken, findingsOf, withSample } from "./site_kit.ts";

interface Case {
  readonly id: FindingId;
  readonly fault: string;
  readonly breaks: (site: Broken) => void;
  /** Further arguments of doctor. */
  readonly args?: readonly string[];
  readonly facts?: Partial<Patient>;
  /** The one check that is asked, where others tell the same fault in their own way. */
  readonly only?: string;
  /** What of the whole site is not shown any more. */
  readonly gone?: readonly FindingId[];
  /** Where it has to be found: the end of the path, and the line. */
  readonly at?: readonly [string, number?];
}

const CONTROL = "var/qmail/control";
const IS_ROOT = Deno.uid() === 0;

const JOURNAL = "var/qmail/journal";

/** An empty journal, as a service makes it. */
function useJournal(site: Broken): void {
  site.append(`${CONTROL}/trace.cfg`, "\nmaildir_journal: journal\n");
  Deno.mkdirSync(`${site.root}/${JOURNAL}`, { mode: 0o700 });
}

/** Two messages that no service has looked after. */
function fillJournal({ root }: Broken): void {
  const file = JournalFile.open(`${root}/${JOURNAL}/journal.1`);
  assert(file !== null);
  file.beginNow();
  const batch = new Batch();
  const [head, body] = [new TextEncoder().encode("head\n"), new TextEncoder().encode("body\n")];
  for (const name of ["one", "two"]) batch.add(null, `${root}/home/joe/Maildir`, name, head, body);
  file.write(batch);
  file.close();
}

const CASES: readonly Case[] = [
  {
    id: "no-local-names",
    fault: "neither me nor locals",
    breaks(site) {
      site.remove(`${CONTROL}/me`);
      site.remove(`${CONTROL}/locals`);
    },
    gone: ["catch-all-domain"],
    at: ["control/me"],
  },
  { id: "me-missing", fault: "no me", breaks: (site) => site.remove(`${CONTROL}/me`) },
  {
    id: "rcpthosts-missing",
    fault: "no rcpthosts",
    breaks: (site) => site.remove(`${CONTROL}/rcpthosts`),
  },
  {
    id: "control-unreadable",
    fault: "rcpthosts is a directory",
    breaks(site) {
      site.remove(`${CONTROL}/rcpthosts`);
      Deno.mkdirSync(`${site.root}/${CONTROL}/rcpthosts`);
    },
    gone: ["catch-all-domain"],
  },
  {
    id: "control-cr",
    fault: "an entry of rcpthosts with CR LF",
    breaks: (site) =>
      site.write(
        `${CONTROL}/rcpthosts`,
        "mail.example.org\nexample.org\nexample.net\r\nshop.example\nclub.example\n",
      ),
    at: ["control/rcpthosts", 3],
  },
  {
    id: "control-blank",
    fault: "a comment behind an entry of locals",
    breaks: (site) =>
      site.write(`${CONTROL}/locals`, "mail.example.org\nexample.org\nexample.net # ours\n"),
    at: ["control/locals", 3],
  },
  {
    id: "control-wildcard",
    fault: "*.example.org in rcpthosts",
    breaks: (site) => site.append(`${CONTROL}/rcpthosts`, "*.example.org\n"),
    at: ["control/rcpthosts", 6],
  },
  {
    id: "control-duplicate",
    fault: "a domain twice in rcpthosts, in another case",
    breaks: (site) => site.append(`${CONTROL}/rcpthosts`, "Example.ORG\n"),
    at: ["control/rcpthosts", 6],
  },
  {
    id: "virtualdomains-twice",
    fault: "a virtual domain with two owners",
    breaks: (site) => {
      const path = `${site.root}/${CONTROL}/virtualdomains`;
      const text = Deno.readTextFileSync(path);
      Deno.writeTextFileSync(path, `club.example:joe\n${text}`);
    },
    at: ["control/virtualdomains", 5],
  },
  {
    id: "virtualdomains-no-colon",
    fault: "a virtual domain without owner",
    breaks: (site) => site.append(`${CONTROL}/virtualdomains`, "new.example\n"),
    at: ["control/virtualdomains", 5],
  },
  {
    id: "local-and-virtual",
    fault: "a domain local and virtual",
    breaks: (site) => site.append(`${CONTROL}/virtualdomains`, "example.net:joe\n"),
    at: ["control/virtualdomains", 5],
  },
  {
    id: "not-in-rcpthosts",
    fault: "a local domain outside rcpthosts",
    breaks: (site) => site.append(`${CONTROL}/locals`, "new.example\n"),
    at: ["control/locals", 4],
  },
  {
    id: "rcpthosts-undelivered",
    fault: "a domain in rcpthosts alone",
    breaks: (site) => site.append(`${CONTROL}/rcpthosts`, "elsewhere.example\n"),
    at: ["control/rcpthosts", 6],
  },
  {
    id: "percenthack",
    fault: "percenthack for a domain that mail is taken for",
    breaks: (site) => site.write(`${CONTROL}/percenthack`, "example.net\n"),
    at: ["control/percenthack", 1],
  },
  {
    id: "assign-stale",
    fault: "a line in users/assign that is not in the cdb",
    breaks(site) {
      const path = `${site.qmail}/users/assign`;
      const text = Deno.readTextFileSync(path);
      Deno.writeTextFileSync(path, text.replace(/^=sales/m, "=verkauf"));
    },
    at: ["users/cdb"],
  },
  {
    id: "assign-broken",
    fault: "users/assign without its last line",
    breaks(site) {
      const path = `${site.qmail}/users/assign`;
      Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(/\.\n$/, ""));
    },
    at: ["users/assign"],
  },
  {
    id: "morercpthosts-stale",
    fault: "morercpthosts that was never made into a cdb",
    breaks: (site) => site.write(`${CONTROL}/morercpthosts`, "many.example\n"),
    at: ["control/morercpthosts.cdb"],
  },
  {
    id: "poppasswd-stale",
    fault: "a login that is not in the cdb",
    breaks(site) {
      const path = `${site.qmail}/users/poppasswd`;
      Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("jane@", "janet@"));
    },
    at: ["users/poppasswd.cdb"],
  },
  {
    id: "poppasswd-line",
    fault: "a login of uid 0",
    breaks: (site) => site.append("var/qmail/users/poppasswd", "toor@example.org:$6$a$b:root\n"),
    at: ["users/poppasswd", 5],
  },
  {
    id: "poppasswd-broken",
    fault: "a users file cut short",
    breaks: (site) => Deno.truncateSync(`${site.qmail}/users/poppasswd.cdb`, 1000),
    at: ["users/poppasswd.cdb"],
  },
  {
    id: "poppasswd-missing",
    fault: "POP3 without a users file",
    breaks(site) {
      site.remove("var/qmail/users/poppasswd");
      site.remove("var/qmail/users/poppasswd.cdb");
    },
  },
  {
    id: "open-relay",
    fault: "RELAYCLIENT for everybody",
    breaks: (site) =>
      site.write("etc/tcp.smtp", '127.:allow,RELAYCLIENT=""\n:allow,RELAYCLIENT=""\n'),
    args: ["--set", "tcp_rules=/etc/tcp.smtp"],
  },
  {
    id: "open-relay",
    fault: "RELAYCLIENT for 0.0.0.0/0",
    breaks: (site) => site.write("etc/tcp.smtp", '0.0.0.0/0:allow,RELAYCLIENT=""\n'),
  },
  {
    id: "rules-unusable",
    fault: "a rule that is none",
    breaks: (site) => site.write("etc/tcp.smtp", "127.:allow\nnonsense\n"),
    args: ["--set", "tcp_rules=/etc/tcp.smtp"],
    at: ["etc/tcp.smtp", 2],
  },
  {
    id: "rules-dead",
    fault: "a prefix without its dot",
    breaks: (site) => site.write("etc/tcp.smtp", "127:allow\n:allow\n"),
    args: ["--set", "tcp_rules=/etc/tcp.smtp"],
    at: ["etc/tcp.smtp", 1],
  },
  {
    id: "rules-stale",
    fault: "rules newer than their cdb",
    breaks(site) {
      site.write("etc/tcp.smtp", ":allow\n");
      Deno.writeFileSync(
        `${site.root}/etc/tcp.smtp.cdb`,
        new Uint8Array(2048).map((_, i) => i % 8 === 1 ? 8 : 0),
      );
      Deno.utimeSync(`${site.root}/etc/tcp.smtp.cdb`, 1_700_000_000, 1_700_000_000);
    },
  },
  {
    id: "validation-off",
    fault: "validate off",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "validate: off\n"),
  },
  {
    id: "passwords-in-clear",
    fault: "POP3 passwords in clear from everywhere",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "pop3_cleartext: always\n"),
  },
  {
    id: "setting-unknown",
    fault: "a misspelled setting",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "\nmax_recipient: 5\n"),
  },
  {
    id: "setting-wrong",
    fault: "a value that is none",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "\nmax_recipients: many\n"),
  },
  {
    id: "setting-useless",
    fault: "a limit that on_invalid_rcpt makes useless",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "\nmax_unknown_recipients: 5\n"),
  },
  {
    id: "queue-program-missing",
    fault: "queue: qmail-queue without qmail-queue",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "\nqueue: qmail-queue\n"),
    at: ["bin/qmail-queue"],
  },
  {
    id: "queue-program-missing",
    fault: "a qmail-queue that can't be executed",
    breaks(site) {
      Deno.mkdirSync(`${site.qmail}/bin`);
      site.write("var/qmail/bin/qmail-queue", "");
      site.chmod("var/qmail/bin/qmail-queue", 0o644);
    },
  },
  {
    id: "queue-trigger",
    fault: "a trigger that is no fifo",
    breaks(site) {
      Deno.mkdirSync(`${site.qmail}/bin`);
      Deno.mkdirSync(`${site.qmail}/queue/lock`, { recursive: true });
      site.write("var/qmail/queue/lock/trigger", "");
      site.write("var/qmail/bin/qmail-queue", "");
      if (IS_ROOT) Deno.chownSync(`${site.qmail}/bin/qmail-queue`, 7794, 2108);
      site.chmod("var/qmail/bin/qmail-queue", 0o4711);
    },
  },
  {
    id: "qmqp-servers-missing",
    fault: "queue: qmqp without servers",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "\nqueue: qmqp\n"),
  },
  {
    // As root serve would refuse to start.
    id: IS_ROOT ? "run-as" : "control-writable",
    fault: "locals writable by everybody",
    breaks: (site) => site.chmod(`${CONTROL}/locals`, 0o666),
    at: ["control/locals"],
  },
  {
    id: "secrets-open",
    fault: "passwords readable by everybody",
    breaks: (site) => site.chmod("var/qmail/users/poppasswd", 0o644),
    at: ["users/poppasswd"],
  },
  {
    id: "control-closed",
    fault: "badmailfrom closed to the service",
    breaks: (site) => site.chmod(`${CONTROL}/badmailfrom`, 0o000),
    at: ["control/badmailfrom"],
  },
  {
    id: "postmaster-undeliverable",
    fault: "a virtual domain without postmaster",
    breaks: (site) => site.remove("home/carol/.qmail-club-postmaster"),
    at: ["control/virtualdomains", 4],
  },
  {
    id: "abuse-undeliverable",
    fault: "a virtual domain without abuse",
    breaks: (site) => site.remove("home/carol/.qmail-club-abuse"),
  },
  {
    id: "role-undecided",
    fault: "a postmaster file that others may write",
    breaks: (site) => site.chmod("home/carol/.qmail-club-postmaster", 0o666),
    only: "roles",
  },
  {
    id: "mailer-daemon-undeliverable",
    fault: "no mailer-daemon",
    breaks: (site) => site.remove("var/qmail/alias/.qmail-mailer-daemon"),
  },
  {
    id: "double-bounce-undeliverable",
    fault: "double bounces to nobody",
    breaks: (site) => site.write(`${CONTROL}/doublebounceto`, "nobody-at-all\n"),
  },
  {
    id: "catch-all",
    fault: "alias/.qmail-default",
    breaks: (site) => site.write("var/qmail/alias/.qmail-default", "&joe@example.org\n"),
    at: ["alias/.qmail-default"],
  },
  {
    id: "catch-all-program",
    fault: "a catch-all that runs a program",
    breaks: (site) => site.write("var/qmail/alias/.qmail-shop-default", "| ./deliver\n"),
    gone: ["catch-all-domain"],
    at: ["alias/.qmail-shop-default"],
  },
  {
    id: "delivery-deferred",
    fault: "a dot-qmail file that others may write",
    breaks: (site) => site.chmod("home/jane/.qmail-sales", 0o666),
    at: ["/home/jane"],
  },
  {
    id: "delivery-deferred",
    fault: "a home that others may write",
    breaks: (site) => site.chmod("home/jane", 0o777),
    at: ["/home/jane"],
  },
  {
    id: "maildir-missing",
    fault: "a Maildir that is not there",
    breaks: (site) => site.remove("home/jane/Maildir"),
    at: ["/home/jane/Maildir"],
  },
  {
    id: "user-without-maildir",
    fault: "a user who has nothing but a home",
    breaks(site) {
      const { uid, gid } = Deno.statSync(`${site.root}/home/joe`);
      site.append("etc/passwd", `dave:x:${uid}:${gid}:Dave:/home/dave:/bin/sh\n`);
      Deno.mkdirSync(`${site.root}/home/dave`);
      if (IS_ROOT) Deno.chownSync(`${site.root}/home/dave`, uid, gid);
    },
    at: ["/home/dave/Maildir"],
  },
  {
    id: "maildir-missing",
    fault: "a Maildir without new",
    breaks: (site) => site.remove("home/carol/Maildir/new"),
  },
  {
    id: "maildir-closed",
    fault: "a Maildir that its owner may not write to",
    breaks: (site) => site.chmod("home/carol/Maildir/new", 0o500),
    at: ["/home/carol/Maildir/new"],
  },
  {
    id: "dot-qmail-unreachable",
    fault: "a dot-qmail file in upper case",
    breaks(site) {
      site.write("var/qmail/alias/.qmail-Info", "&joe@example.org\n");
    },
    only: "deliveries",
    at: ["alias/.qmail-Info"],
  },
  {
    id: "trace-off",
    fault: "no trace",
    breaks: (site) => site.write(`${CONTROL}/trace.cfg`, "trace_level: 0\ntrace_file: x\n"),
  },
  {
    id: "trace-unwritable",
    fault: "a trace file in a directory that is not there",
    breaks: (site) => site.remove("var/log/qfront"),
  },
  {
    id: "trace-rotation",
    fault: "a trace directory that is not the service's",
    breaks(site) {
      site.write("var/log/qfront/trace", "");
      site.chmod("var/log/qfront/trace", 0o666);
      site.chmod("var/log/qfront", 0o555);
    },
  },
  {
    id: "journal-unusable",
    fault: "a journal that others can write to",
    breaks(site) {
      useJournal(site);
      site.chmod(JOURNAL, 0o770);
    },
    only: "journal",
    at: [JOURNAL],
  },
  {
    id: "journal-unusable",
    fault: "a journal in a directory that is not there",
    breaks: (site) => site.append(`${CONTROL}/trace.cfg`, "\nmaildir_journal: none/journal\n"),
    at: ["none/journal"],
  },
  {
    id: "journal-waits",
    fault: "a journal that a killed service has left",
    breaks(site) {
      useJournal(site);
      fillJournal(site);
    },
    at: [`${JOURNAL}/journal.1`],
  },
  {
    id: "journal-unreadable",
    fault: "a journal file of another kind",
    breaks(site) {
      useJournal(site);
      site.write(`${JOURNAL}/journal.1`, "no journal at all\n".repeat(300));
    },
    at: [`${JOURNAL}/journal.1`],
  },
  {
    id: "outgoing-ip",
    fault: "a source address for outgoing mail",
    breaks: (site) => site.write(`${CONTROL}/outgoingip`, "192.0.2.7\n"),
  },
  {
    id: "outgoing-ip-wrong",
    fault: "a source address that is none",
    breaks: (site) => site.write(`${CONTROL}/outgoingip`, "mail.example.org\n"),
  },
  {
    id: "from-the-future",
    fault: "locals of next week",
    breaks(site) {
      const next = Date.now() / 1000 + 604_800;
      Deno.utimeSync(`${site.root}/${CONTROL}/locals`, next, next);
    },
    at: ["control/locals"],
  },
  {
    id: "certificate-unusable",
    fault: "a certificate file without certificate",
    breaks: (site) => site.write(`${CONTROL}/servercert.pem`, "nothing\n"),
    gone: ["certificate-missing"],
  },
];

const BASE: readonly FindingId[] = ["catch-all-domain", "certificate-missing"];

Deno.test("examine: the sample site has two notes and no warning", async () => {
  await withSample(async ({ root }) => {
    const findings = await findingsOf(root);
    assertEquals(findings.map(({ id }) => id).sort(), [...BASE].sort());
    assert(findings.every(({ severity }) => severity === "note"));
  });
});

for (const { id, fault, breaks, args, facts, only, gone = [], at } of CASES) {
  Deno.test(`examine: ${fault} is ${id}, and nothing else`, async () => {
    await withSample(async (site) => {
      breaks(site);
      const findings = await findingsOf(site.root, args, facts, only);
      const base = only === undefined ? BASE.filter((known) => !gone.includes(known)) : [];
      const ids = [...new Set(findings.map((one) => one.id))];
      assertEquals(ids.sort(), [...new Set([...base, id])].sort());
      const finding = findings.find((one) => one.id === id);
      assert(finding !== undefined && finding.what !== "" && finding.mend !== "");
      if (at === undefined) return;
      assert(finding.where.path.endsWith(at[0]), finding.where.path);
      if (at[1] !== undefined) assertEquals(finding.where.line, at[1]);
    });
  });
}

Deno.test("examine: a journal that is in order, or that a service has, is not told of", async () => {
  await withSample(async (site) => {
    useJournal(site);
    const told = async () => (await findingsOf(site.root, [], {}, "journal")).map(({ id }) => id);
    assertEquals(await told(), []);
    fillJournal(site);
    const file = JournalFile.open(`${site.root}/${JOURNAL}/journal.1`);
    assert(file !== null);
    assertEquals(await told(), []);
    file.close();
    assertEquals(await told(), ["journal-waits"]);
  });
});

Deno.test("examine: a journal is read and not changed", async () => {
  await withSample(async (site) => {
    useJournal(site);
    fillJournal(site);
    const directory = `${site.root}/${JOURNAL}`;
    Deno.removeSync(`${directory}/journal.1.done`);
    const state = () => [
      [...Deno.readDirSync(directory)].map(({ name }) => name),
      Deno.statSync(`${directory}/journal.1`).mtime?.getTime(),
      new Uint8Array(Deno.readFileSync(`${directory}/journal.1`)),
    ];
    const before = state();
    assertEquals((await findingsOf(site.root, [], {}, "journal")).length, 1);
    assertEquals(state(), before);
  });
});
