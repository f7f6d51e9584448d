/**
 * OpenSMTPD: recipients from a database of virtual users (its tables in memory are searched from end to end for a
 * name that is not in them), delivery into a Maildir; its limits of a session lifted.
 */
import { startCell } from "../cell.ts";
import { chownTree, DOMAIN, makeMaildir, userNames } from "../site.ts";
import { debianObstacle, OPENSMTPD, packageRoot } from "./packages.ts";
import { type Bench, freshFolder, type Server } from "./types.ts";

const NAME = "opensmtpd";
const maildir = (bench: Bench) => `${bench.dir}/run/${NAME}/mail/Maildir`;

const configuration = (bench: Bench, port: number): string =>
  [
    `table owners db:/etc/owners.db`,
    `smtp max-message-size 50M`,
    `smtp limit max-mails 100000`,
    `smtp limit max-rcpt 100000`,
    `listen on 127.0.0.1 port ${port} hostname mail.${DOMAIN}`,
    `action "in" maildir "${maildir(bench)}" virtual <owners>`,
    `match from any for domain "${DOMAIN}" action "in"`,
  ].join("\n") + "\n";

export const OPENSMTPD_SERVER: Server = {
  name: NAME,
  kind: "peer",
  about: "OpenSMTPD, recipients from a table, delivering into a Maildir",
  workloads: ["w1", "w1b", "w2", "w3", "w4"],
  obstacle: (bench) => debianObstacle(bench, OPENSMTPD),
  start(bench, { port }) {
    const data = freshFolder(bench, NAME);
    makeMaildir(maildir(bench));
    chownTree(bench.site, [`${data}/mail`]);
    const { uid, gid } = bench.site;
    Deno.mkdirSync(`${data}/spool`);
    Deno.chmodSync(`${data}/spool`, 0o711);
    return Promise.resolve(startCell({
      name: NAME,
      dir: bench.dir,
      packages: packageRoot(bench, OPENSMTPD),
      passwd: [
        "opensmtpd:x:30020:30020::/var/lib/opensmtpd/empty:/bin/false",
        "opensmtpq:x:30021:30021::/var/lib/opensmtpd/empty:/bin/false",
        `bench:x:${uid}:${gid}::${data}/mail:/bin/sh`,
      ],
      group: ["opensmtpd:x:30020:", "opensmtpq:x:30021:", `bench:x:${gid}:`],
      files: {
        "/etc/smtpd.conf": configuration(bench, port),
        "/etc/mailname": `mail.${DOMAIN}\n`,
        "/etc/owners": userNames().map((user) => `${user}@${DOMAIN}: bench\n`).join(""),
      },
      prepare: [
        "mkdir -p /var/lib/opensmtpd/empty && chmod 711 /var/lib/opensmtpd/empty",
        "chgrp opensmtpq /usr/sbin/smtpctl && chmod 2755 /usr/sbin/smtpctl",
        "ln -sf smtpctl /usr/sbin/makemap",
        "/usr/sbin/makemap -t aliases -o /etc/owners.db /etc/owners",
      ],
      binds: { "/var/spool/smtpd": `${data}/spool` },
      argv: ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"],
    }));
  },
  maildir,
};
