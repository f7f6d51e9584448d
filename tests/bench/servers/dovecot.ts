/**
 * Dovecot's POP3: the same maildrops and the same hashes as qfront.
 *
 * Set for speed as its documentation says (service_count = 0: login processes are used again), flags are not
 * written, the password is checked at every login (its authentication cache is off, as it is by default).
 */
import { startCell } from "../cell.ts";
import { POP_USERS } from "../site.ts";
import { debianObstacle, DOVECOT, packageRoot } from "./packages.ts";
import { type Bench, freshFolder, type Server } from "./types.ts";

const configuration = (bench: Bench, data: string, port: number): string => {
  const { uid, gid, root } = bench.site;
  return `
protocols = pop3
listen = 127.0.0.1
base_dir = ${data}/run
log_path = /dev/null
ssl = no
disable_plaintext_auth = no
mail_max_userip_connections = 0
first_valid_uid = 1
first_valid_gid = 1
pop3_no_flag_updates = yes
auth_cache_size = 0
mail_location = maildir:~/Maildir:INDEX=${data}/index/%u:CONTROL=${data}/control/%u
passdb {
  driver = passwd-file
  args = scheme=CRYPT username_format=%u ${data}/users
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${root}/home/%u
}
service pop3-login {
  inet_listener pop3 {
    port = ${port}
  }
  inet_listener pop3s {
    port = 0
  }
  service_count = 0
  process_min_avail = 2
  client_limit = 20000
}
service pop3 {
  service_count = 10000
  process_min_avail = 16
  process_limit = 20000
}
service anvil {
  client_limit = 50000
}
service auth {
  client_limit = 50000
}
service stats {
  client_limit = 50000
}
`;
};

export const DOVECOT_SERVER: Server = {
  name: "dovecot",
  kind: "peer",
  about: "Dovecot, login processes used again, authentication cache off",
  workloads: ["w5"],
  obstacle: (bench) => debianObstacle(bench, DOVECOT),
  start(bench, { port }) {
    const data = freshFolder(bench, "dovecot");
    const { uid, gid, passwordHash } = bench.site;
    for (const folder of ["index", "control"]) {
      Deno.mkdirSync(`${data}/${folder}`);
      Deno.chownSync(`${data}/${folder}`, uid, gid);
    }
    const users = Array.from({ length: POP_USERS }, (_, i) => `u${i}:${passwordHash}\n`);
    Deno.writeTextFileSync(`${data}/users`, users.join(""));
    return Promise.resolve(startCell({
      name: "dovecot",
      dir: bench.dir,
      packages: packageRoot(bench, DOVECOT),
      passwd: ["dovecot:x:30040:30040::/:/bin/false", "dovenull:x:30041:30041::/:/bin/false"],
      group: ["dovecot:x:30040:", "dovenull:x:30041:"],
      files: { "/etc/dovecot/dovecot.conf": configuration(bench, data, port) },
      argv: ["/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf"],
    }));
  },
};
