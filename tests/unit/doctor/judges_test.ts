/** Judges over facts that no temporary directory can have: processes, disks, clocks, lists of the DNS, certificates, owners. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { judgeCertificates } from "../../../doctor/certificates.ts";
import { judgeDisks } from "../../../doctor/disk_space.ts";
import { DNSBLS } from "../../../doctor/dnsbls.ts";
import { groupsOf, openFilesOf, startedMs } from "../../../doctor/host.ts";
import { gatherJournal, type JournalFacts, judgeJournal } from "../../../doctor/journal.ts";
import { judgeClock } from "../../../doctor/machine.ts";
import { exitCodeFor } from "../../../doctor/mod.ts";
import { judgeClosed } from "../../../doctor/permissions.ts";
import { judgeQueue, type QueueFacts } from "../../../doctor/queue_way.ts";
import { judgeRunning, type RunningFacts } from "../../../doctor/running.ts";
import type { Finding, RunningProcess, ServiceUser } from "../../../doctor/types.ts";
import { found } from "../../../doctor/words.ts";
import { patientOf, withSample } from "./site_kit.ts";

const ids = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id);

const QMAILD: ServiceUser = { uid: 7791, gid: 2108, groups: [], name: "qmaild", how: "qmaild" };

const SEND: RunningProcess = {
  pid: 812,
  name: "qmail-send",
  args: ["qmail-send"],
  startedMs: 1_000_000,
  openFiles: 1024,
};

const RUNNING: RunningFacts = {
  processes: [SEND],
  files: [],
  needsSend: true,
  neededFiles: 1000,
  maxSessions: 900,
  ownOpenFiles: 5000,
  traceCfg: "/c/trace.cfg",
};

Deno.test("judgeRunning: files newer than qmail-send, those of its start and those of a HUP", () => {
  const file = (name: string, changedMs: number) => ({ name, path: `/c/${name}`, changedMs });
  const files = [file("me", 1_000_001), file("locals", 1_000_001), file("virtualdomains", 999_999)];
  const findings = judgeRunning({ ...RUNNING, files });
  assertEquals(ids(findings), ["qmail-send-restart", "qmail-send-hup"]);
  assertEquals(findings[1]?.mend, "kill -HUP 812");
  assertStringIncludes(findings[1]?.what ?? "", "can't be seen");
});

Deno.test("judgeRunning: mail goes to qmail-queue and no qmail-send runs", () => {
  const other = { ...SEND, name: "init" };
  assertEquals(ids(judgeRunning({ ...RUNNING, processes: [other] })), ["qmail-send-not-running"]);
  assertEquals(ids(judgeRunning({ ...RUNNING, processes: [other], needsSend: false })), []);
  assertEquals(ids(judgeRunning({ ...RUNNING, processes: [] })), []);
});

Deno.test("judgeRunning: open files of the running service count, else those of this shell", () => {
  const serve = {
    ...SEND,
    pid: 9,
    name: "qfront",
    args: ["/usr/bin/qfront", "serve"],
    openFiles: 999,
  };
  assertEquals(ids(judgeRunning({ ...RUNNING, processes: [SEND, serve] })), ["open-files"]);
  const wide = { ...serve, openFiles: 1000 };
  assertEquals(ids(judgeRunning({ ...RUNNING, processes: [SEND, wide], ownOpenFiles: 5 })), []);
  assertEquals(ids(judgeRunning({ ...RUNNING, ownOpenFiles: 999 })), ["open-files-here"]);
});

Deno.test("startedMs, openFilesOf: read what Linux writes, names with blanks and parentheses included", () => {
  const fields = ["S", ...Array.from({ length: 18 }, (_, i) => String(i)), "4242", "9"];
  assertEquals(startedMs(`7 (a (b) c) ${fields.join(" ")}`, 1000), 1000 + 42_420);
  assertEquals(startedMs("nonsense", 0), null);
  const limits = "Limit Soft Hard Units\nMax open files            1024      4096     files\n";
  assertEquals(openFilesOf(limits), 1024);
  assertEquals(openFilesOf("Max open files unlimited unlimited files\n"), null);
});

Deno.test("groupsOf: the groups that name a user as member", () => {
  assertEquals(groupsOf("root:x:0:\nmail:x:8:joe,qmaild\nx:x:9:qmaildx\n", "qmaild"), [8]);
});

Deno.test("judgeDisks: full and low by space or inodes; much space is enough at any share", () => {
  const GB = 1024 ** 3;
  const space = (freeBytes: number, freeInodes: number, totalInodes = 1000) => ({
    path: "/q",
    space: { freeBytes, totalBytes: 100 * GB, freeInodes, totalInodes },
  });
  assertEquals(ids(judgeDisks([space(6 * GB, 500)])), []);
  assertEquals(ids(judgeDisks([space(4 * GB, 500)])), ["disk-low"]);
  assertEquals(ids(judgeDisks([space(GB / 2, 500)])), ["disk-full"]);
  assertEquals(ids(judgeDisks([space(50 * GB, 49)])), ["disk-low"]);
  assertEquals(ids(judgeDisks([space(50 * GB, 9)])), ["disk-full"]);
  assertEquals(ids(judgeDisks([space(50 * GB, 0, 0)])), []);
  const big = { freeBytes: 30 * GB, totalBytes: 10_000 * GB, freeInodes: 9, totalInodes: 10 };
  assertEquals(ids(judgeDisks([{ path: "/q", space: big }])), []);
});

Deno.test("judgeClock: 1970 is no date; an hour ahead is borne", () => {
  assertEquals(ids(judgeClock(0, [])), ["clock-wrong"]);
  const now = Date.UTC(2026, 10, 20);
  assertEquals(ids(judgeClock(now, [{ path: "/a", changedMs: now + 3_600_000 }])), []);
  assertEquals(ids(judgeClock(now, [{ path: "/a", changedMs: now + 3_600_001 }])), [
    "from-the-future",
  ]);
});

const PROGRAM = { path: "/q", mode: 0o104711, uid: 7794, gid: 2107, isFile: true };
const QUEUE: QueueFacts = {
  kind: "qmail-queue",
  program: "/var/qmail/bin/qmail-queue",
  stat: PROGRAM,
  isQmails: true,
  service: QMAILD,
  trigger: { path: "/t", isFifo: true, mode: 0o622 },
  servers: [],
  serversPath: "/s",
};

Deno.test("judgeQueue: qmail-queue is setuid qmailq, or the service is who owns it", () => {
  assertEquals(ids(judgeQueue(QUEUE)), []);
  const plain = { ...PROGRAM, mode: 0o100755 };
  assertEquals(ids(judgeQueue({ ...QUEUE, stat: plain })), ["queue-program-mode"]);
  assertEquals(ids(judgeQueue({ ...QUEUE, stat: { ...PROGRAM, uid: 0 } })), ["queue-program-mode"]);
  assertEquals(ids(judgeQueue({ ...QUEUE, stat: { ...plain, uid: 7791 } })), []);
  assertEquals(ids(judgeQueue({ ...QUEUE, stat: plain, isQmails: false })), []);
  assertEquals(ids(judgeQueue({ ...QUEUE, trigger: { path: "/t", isFifo: true, mode: 0o600 } })), [
    "queue-trigger",
  ]);
});

Deno.test("judgeClosed: one finding for each place that ends a way, with the bit and for whom", () => {
  const closed = (wanted: string) => ({
    wanted,
    at: "/var/qmail/control",
    isDirectory: true,
    errno: "EACCES",
    mode: 0o750,
    owner: "0:2107",
  });
  const findings = judgeClosed([
    closed("/var/qmail/control/me"),
    closed("/var/qmail/control/locals"),
  ], QMAILD);
  assertEquals(ids(findings), ["control-closed"]);
  assertStringIncludes(
    findings[0]?.what ?? "",
    "qmaild (7791:2108) lacks x on it (mode 0750, owner 0:2107)",
  );
  assertEquals(findings[0]?.mend, "chmod o+rx /var/qmail/control");
});

Deno.test("judgeCertificates: dates, names with wildcards, keys, who signed", () => {
  const DAY = 86_400_000;
  const now = Date.UTC(2026, 10, 20);
  const judge = (days: number, names: readonly string[], keyMode = 0o600, from = -9) =>
    ids(judgeCertificates(
      {
        kind: "read",
        all: [{
          certificate: { names, certPem: "", keyPem: "", certFile: "/c", keyFile: "/k" },
          fromMs: now + from * DAY,
          untilMs: now + days * DAY,
          isSelfSigned: false,
          keyMode,
        }],
      },
      "Mail.example.org",
      now,
    ));
  assertEquals(judge(14, ["mail.example.org"]), []);
  assertEquals(judge(13, ["*.example.org"]), ["certificate-expires"]);
  assertEquals(judge(-1, ["mail.example.org"]), ["certificate-expired"]);
  assertEquals(judge(90, ["mail.example.org"], 0o600, 1), ["certificate-expired"]);
  assertEquals(judge(90, ["example.org"]), ["certificate-name"]);
  assertEquals(judge(90, ["mail.example.org"], 0o644), ["key-open"]);
});

Deno.test("DNSBLS: dead, silent and living lists by the self-test of RFC 5782", async () => {
  const zone = [
    "2.0.0.127.alive.example A 127.0.0.2",
    "*.wild.example A 127.0.0.2",
    "2.0.0.127.silent.example TIMEOUT",
    "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.silent.example TIMEOUT",
  ].join("\n");
  await withSample(async ({ root }) => {
    const patient = await patientOf(root);
    const dnsbl_lists = ["alive.example", "wild.example*2", "gone.example", "silent.example"];
    const findings = await DNSBLS.run({
      ...patient,
      resolver: createFileResolver(zone, "test"),
      settings: { ...patient.settings, dnsbl_lists },
    });
    assertEquals(ids(findings), ["dnsbl-dead", "dnsbl-dead", "dnsbl-silent"]);
    assertStringIncludes(findings[0]?.what ?? "", "wild.example lists 127.0.0.1");
    assertStringIncludes(findings[1]?.what ?? "", "gone.example");
  });
});

Deno.test("exitCodeFor: the worst finding decides", () => {
  const of = (id: Parameters<typeof found>[0]) => found(id, { path: "x" }, "x", "x");
  assertEquals(exitCodeFor([]), 0);
  assertEquals(exitCodeFor([of("trace-off")]), 0);
  assertEquals(exitCodeFor([of("disk-low"), of("trace-off")]), 1);
  assertEquals(exitCodeFor([of("disk-full"), of("disk-low")]), 2);
  assertEquals(exitCodeFor([of("disk-full"), of("open-relay")]), 3);
});

const JOURNAL: JournalFacts = {
  path: "/var/qmail/journal",
  user: QMAILD,
  directory: { isDirectory: true, mode: 0o700, uid: 7791, gid: 2108 },
  parent: { isDirectory: true, mode: 0o755, uid: 0, gid: 0 },
  isRefused: false,
  isUsed: true,
  waiting: [],
  traceCfg: "/c/trace.cfg",
};

Deno.test("judgeJournal: the directory is that of who delivers, and nobody else writes to it", () => {
  const { directory, parent } = JOURNAL;
  assert(directory !== null && parent !== null);
  assertEquals(judgeJournal(JOURNAL), []);
  const roots = judgeJournal({ ...JOURNAL, directory: { ...directory, uid: 0 } });
  assertEquals(ids(roots), ["journal-unusable"]);
  assertStringIncludes(roots[0]?.what ?? "", "belongs to uid 0, and qmaild (7791:2108)");
  for (const mode of [0o720, 0o702, 0o777]) {
    const open = judgeJournal({ ...JOURNAL, directory: { ...directory, mode } });
    assertEquals([ids(open), open[0]?.mend], [
      ["journal-unusable"],
      "chmod 0700 /var/qmail/journal",
    ]);
  }
  assertEquals(ids(judgeJournal({ ...JOURNAL, directory: { ...directory, mode: 0o755 } })), []);
  assertEquals(ids(judgeJournal({ ...JOURNAL, directory: { ...directory, isDirectory: false } })), [
    "journal-unusable",
  ]);
});

Deno.test("judgeJournal: a directory that is not there is made, by who may", () => {
  const none = { ...JOURNAL, directory: null };
  const { parent } = JOURNAL;
  assert(parent !== null);
  assertEquals(ids(judgeJournal(none)), ["journal-unusable"]);
  assertEquals(ids(judgeJournal({ ...none, parent: null })), ["journal-unusable"]);
  assertEquals(ids(judgeJournal({ ...none, parent: { ...parent, uid: 7791 } })), []);
  assertEquals(ids(judgeJournal({ ...none, user: { ...QMAILD, uid: 0 } })), []);
});

Deno.test("judgeJournal: what waits is told, whether the journal is used or not", () => {
  const waiting = [
    { path: "/j/journal.1", messages: 12, reason: "" },
    { path: "/j/journal.2", messages: null, reason: "its head is damaged" },
  ];
  const findings = judgeJournal({ ...JOURNAL, waiting });
  assertEquals(ids(findings), ["journal-waits", "journal-unreadable"]);
  assertEquals(findings.map(({ where }) => where.path), ["/j/journal.1", "/j/journal.2"]);
  assertStringIncludes(findings[0]?.what ?? "", "12 accepted messages");
  assertStringIncludes(findings[1]?.what ?? "", "its head is damaged");
  const unused = judgeJournal({ ...JOURNAL, isUsed: false, directory: null, waiting });
  assertEquals(ids(unused), ["setting-useless", "journal-waits", "journal-unreadable"]);
  const refused = judgeJournal({ ...JOURNAL, isRefused: true, directory: null });
  assertEquals(refused, []);
});

Deno.test("gatherJournal: as root it is root's where a keeper delivers, else the serving user's", () =>
  withSample(async ({ root }) => {
    const uidOf = async (...args: string[]) => {
      const patient = await patientOf(root, args, { service: QMAILD });
      return gatherJournal(patient, `${root}/journal`).user.uid;
    };
    const isRoot = Deno.uid() === 0;
    assertEquals(await uidOf(), isRoot ? 0 : QMAILD.uid);
    assertEquals(await uidOf("--set", "deliver_as=self"), QMAILD.uid);
    const as = await patientOf(root, [], { service: { ...QMAILD, how: "--as" } });
    assertEquals(gatherJournal(as, `${root}/journal`).user.uid, QMAILD.uid);
  }));
