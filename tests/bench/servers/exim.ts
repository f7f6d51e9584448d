/** exim: recipients are the folders of the site's homes, delivery into a Maildir; no other route exists. */
import { startCell } from "../cell.ts";
import { chownTree, DOMAIN, makeMaildir } from "../site.ts";
import { debianObstacle, EXIM, packageRoot } from "./packages.ts";
import { type Bench, freshFolder, type Server } from "./types.ts";

const NAME = "exim";
const maildir = (bench: Bench) => `${bench.dir}/run/${NAME}/mail/Maildir`;

const configuration = (bench: Bench, data: string): string =>
  [
    `primary_hostname = mail.${DOMAIN}`,
    `spool_directory = ${data}/spool`,
    "log_file_path = /tmp/exim-%slog",
    "log_selector = -all",
    "domainlist local_domains = " + DOMAIN,
    "acl_smtp_rcpt = judge",
    "acl_smtp_data = accept",
    "host_lookup =",
    "rfc1413_hosts =",
    "smtp_accept_max = 0",
    "smtp_accept_max_per_connection = 100000",
    "smtp_connect_backlog = 1000",
    "smtp_max_unknown_commands = 1000",
    "message_size_limit = 50M",
    "bounce_return_message = false",
    "begin acl",
    "judge:",
    "  require domains = +local_domains",
    "  require verify = recipient",
    "  accept",
    "begin routers",
    "users:",
    "  driver = accept",
    "  domains = +local_domains",
    `  local_parts = dsearch;${bench.site.root}/home`,
    "  transport = maildir",
    "begin transports",
    "maildir:",
    "  driver = appendfile",
    "  maildir_format",
    `  directory = ${maildir(bench)}`,
    `  user = ${bench.site.uid}`,
    `  group = ${bench.site.gid}`,
  ].join("\n") + "\n";

export const EXIM_SERVER: Server = {
  name: NAME,
  kind: "peer",
  about: "exim, recipients by look-up in a folder, delivering into a Maildir",
  workloads: ["w1", "w1b", "w2", "w3", "w4"],
  load: () => ["-S"], // it answers QUIT 200 ms late, unless the client has closed its side
  obstacle: (bench) => debianObstacle(bench, EXIM),
  start(bench, { port }) {
    const data = freshFolder(bench, NAME);
    makeMaildir(maildir(bench));
    chownTree(bench.site, [`${data}/mail`]);
    return Promise.resolve(startCell({
      name: NAME,
      dir: bench.dir,
      packages: packageRoot(bench, EXIM),
      passwd: ["Debian-exim:x:30030:30030::/var/spool/exim4:/bin/false"],
      group: ["Debian-exim:x:30030:"],
      files: { "/etc/exim4/exim4.conf": configuration(bench, data) },
      prepare: [`mkdir -p ${data}/spool && chown Debian-exim ${data}/spool`],
      argv: ["/usr/sbin/exim4", "-bdf", "-oX", `127.0.0.1.${port}`],
    }));
  },
  maildir,
};
