/**
 * mailfront under tcpserver: one process a session; recipients from a cdb by its mail rules; messages to the
 * stand-in for qmail-queue. Likewise qmail-smtpd where a qmail is installed (it checks no recipient itself, so
 * W1 is not comparable and left out).
 */
import { startCell } from "../cell.ts";
import type { Running } from "../process.ts";
import { debianObstacle, MAILFRONT, packageRoot } from "./packages.ts";
import { type Bench, exists, freshFolder, type Server, type Start } from "./types.ts";

const rules = (bench: Bench): string =>
  [
    ":sender",
    "k*:*",
    ":recipient",
    `k*:[[${bench.site.recipientsCdb}]]`,
    "d*:*:no such user here",
  ].join("\n") + "\n";

function underTcpserver(
  bench: Bench,
  { port }: Start,
  name: string,
  program: readonly string[],
  environment: readonly string[],
): Promise<Running> {
  freshFolder(bench, name);
  return Promise.resolve(startCell({
    name,
    dir: bench.dir,
    packages: packageRoot(bench, MAILFRONT),
    files: { "/etc/mailrules": rules(bench) },
    binds: { "/var/qmail/control": `${bench.site.qmailDir}/control` },
    argv: [
      "/usr/bin/env",
      `QMAILQUEUE=${bench.tools.qmailQueue}`,
      ...environment,
      ...["/usr/bin/tcpserver", "-HRl0", "-b", "1000", "-c", "1000", "127.0.0.1", String(port)],
      ...program,
    ],
  }));
}

export const MAILFRONT_SERVER: Server = {
  name: "mailfront",
  kind: "peer",
  about: "mailfront under tcpserver, recipients from a cdb, stand-in for qmail-queue",
  workloads: ["w1", "w1b", "w2", "w2q", "w3", "w4", "stdin"],
  obstacle: (bench) => debianObstacle(bench, MAILFRONT),
  start: (bench, what) =>
    underTcpserver(
      bench,
      what,
      "mailfront",
      ["/usr/sbin/mailfront", "smtp", "qmail", "counters", "mailrules", "add-received"],
      ["MAILRULES=/etc/mailrules", `QMAILHOME=${bench.site.qmailDir}`],
    ),
};

const QMAIL_SMTPD = "/var/qmail/bin/qmail-smtpd";

export const QMAIL_SERVER: Server = {
  name: "qmail",
  kind: "peer",
  about: "qmail-smtpd under tcpserver, stand-in for qmail-queue",
  workloads: ["w2q"],
  obstacle: (bench) =>
    exists(QMAIL_SMTPD)
      ? debianObstacle(bench, MAILFRONT)
      : `is not installed (${QMAIL_SMTPD}; Debian has no package of it, notqmail.org has the source)`,
  start: (bench, what) => underTcpserver(bench, what, "qmail", [QMAIL_SMTPD], []),
};
