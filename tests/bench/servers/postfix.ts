/**
 * Postfix: unknown recipients refused at RCPT, accepted mail delivered by virtual(8) into a Maildir.
 *
 * Limits and pauses that a load from one address would meet are lifted; nothing is logged; nothing can leave
 * the machine (every other transport answers with an error). `postfix-queue` does not deliver: mail is safe in
 * its queue when 250 is said, which is all that the promise asks.
 */
import { startCell } from "../cell.ts";
import { chownTree, DOMAIN, makeMaildir, userNames } from "../site.ts";
import { debianObstacle, packageRoot, POSTFIX } from "./packages.ts";
import { type Bench, freshFolder, type Server, type Start } from "./types.ts";

const UID = 30_010, POSTDROP_GID = 30_011;

function mainCf(bench: Bench, data: string, delivers: boolean): string {
  const settings: Record<string, string | number> = {
    compatibility_level: "3.6",
    queue_directory: `${data}/spool`,
    data_directory: `${data}/data`,
    inet_protocols: "ipv4",
    inet_interfaces: "127.0.0.1",
    myhostname: `mail.${DOMAIN}`,
    mydestination: "",
    alias_maps: "",
    virtual_mailbox_domains: DOMAIN,
    virtual_mailbox_maps: `hash:${data}/mailboxes`,
    virtual_mailbox_base: `${data}/mail`,
    virtual_uid_maps: `static:${bench.site.uid}`,
    virtual_gid_maps: `static:${bench.site.gid}`,
    virtual_mailbox_limit: 0,
    mailbox_size_limit: 0,
    message_size_limit: 50_000_000,
    smtpd_recipient_restrictions: "reject_unauth_destination",
    smtpd_peername_lookup: "no",
    smtpd_client_connection_count_limit: 0,
    smtpd_client_connection_rate_limit: 0,
    smtpd_error_sleep_time: "0",
    smtpd_soft_error_limit: 10_000,
    smtpd_hard_error_limit: 20_000,
    smtpd_tls_security_level: "none",
    in_flow_delay: "0",
    default_process_limit: 100,
    default_transport: "error:nothing leaves this machine",
    relay_transport: "error:nothing leaves this machine",
    notify_classes: "",
  };
  if (!delivers) settings.defer_transports = "virtual";
  return Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`).join("");
}

const masterCf = (port: number): string =>
  [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "discard unix - - n - - discard",
    "virtual unix - n n - - virtual",
    "anvil unix - - n - 1 anvil",
  ].join("\n") + "\n";

function postfix(name: string, about: string, delivers: boolean): Server {
  const mail = (bench: Bench) => `${bench.dir}/run/${name}/mail/Maildir`;
  return {
    name,
    kind: "peer",
    about,
    workloads: delivers ? ["w1", "w1b", "w2", "w3", "w4"] : ["w2", "w3"],
    obstacle: (bench) => debianObstacle(bench, POSTFIX),
    start(bench: Bench, { port }: Start) {
      const data = freshFolder(bench, name);
      makeMaildir(mail(bench));
      chownTree(bench.site, [`${data}/mail`]);
      const boxes = userNames().map((user) => `${user}@${DOMAIN} Maildir/\n`).join("");
      Deno.writeTextFileSync(`${data}/mailboxes`, boxes);
      return Promise.resolve(startCell({
        name,
        dir: bench.dir,
        packages: packageRoot(bench, POSTFIX),
        passwd: [`postfix:x:${UID}:${UID}::/:/bin/false`],
        group: [`postfix:x:${UID}:`, `postdrop:x:${POSTDROP_GID}:`],
        files: {
          "/etc/postfix/main.cf": mainCf(bench, data, delivers),
          "/etc/postfix/master.cf": masterCf(port),
        },
        prepare: [
          `mkdir -p ${data}/spool ${data}/data && chown postfix ${data}/data`,
          `/usr/sbin/postmap hash:${data}/mailboxes`,
        ],
        argv: ["/usr/sbin/postfix", "start-fg"],
      }));
    },
    maildir: mail,
  };
}

export const POSTFIXES: readonly Server[] = [
  postfix("postfix", "Postfix, virtual mailboxes, delivering into a Maildir", true),
  postfix("postfix-queue", "the same, mail left in its queue", false),
];
