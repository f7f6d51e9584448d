/**
 * Service files for the systems that start services: systemd, runit, daemontools. config/service/ has the same files as they come
 * out for a site in /var/qmail; a test holds the two together.
 */

export type ServiceSystem = "systemd" | "runit" | "daemontools";

/** What differs between sites. */
export interface ServiceFacts {
  /** The program, absolute. */
  readonly program: string;
  /** Options behind `serve`, quoted for a shell; "" for none. */
  readonly options: string;
  /** Open files. */
  readonly openFiles: number;
  /** Where the trace goes: the serving user's. */
  readonly traceDirectory: string;
  /** Where the log of standard error goes: the log service's, who is another user. */
  readonly logDirectory: string;
}

export const DEFAULT_FACTS: ServiceFacts = {
  program: "/usr/local/bin/qfront",
  options: "",
  openFiles: 20_000,
  traceDirectory: "/var/log/qfront",
  logDirectory: "/var/log/qfront-service",
};

export interface ServiceFile {
  /** Below the service's directory, such as "log/run"; the unit's name for systemd. */
  readonly name: string;
  readonly text: string;
  readonly mode: number;
}

const serve = ({ program, options }: ServiceFacts): string =>
  `${program} serve${options === "" ? "" : ` ${options}`}`;

function systemdUnit(facts: ServiceFacts): string {
  return `# /etc/systemd/system/qfront.service
[Unit]
Description=qfront, SMTP and POP3 in front of qmail
Documentation=man:qfront(1) man:qmail(7)
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=${serve(facts)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
# A wrong command line or a site that can't be used: starting again would not mend it.
RestartPreventExitStatus=64 78
# One a session, and a few more for each delivery in hand.
LimitNOFILE=${facts.openFiles}
# Memory is limited here and nowhere else: an address-space limit (LimitAS=) ends the runtime at once.
MemoryMax=1G
TimeoutStopSec=60
# Started as root it becomes qmaild (setting run_as) and leaves root to its keeper, which needs: ports, other identities,
# homes that are closed, and to end a checkpassword program. See docs/processes.md.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_DAC_READ_SEARCH CAP_KILL
# With User= there is no keeper: AmbientCapabilities=CAP_NET_BIND_SERVICE is all it needs then. But most lines below imply
# NoNewPrivileges= together with User=, and qmail-queue is setuid: take them out where mail goes to qmail-queue.
ProtectSystem=full
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
LockPersonality=yes
KeyringMode=private
# Not: NoNewPrivileges= and RestrictSUIDSGID= (qmail-queue), ProtectHome= (Maildirs), MemoryDenyWriteExecute= (the runtime
# compiles while it runs).

[Install]
WantedBy=multi-user.target
`;
}

const runitRun = (facts: ServiceFacts): string =>
  `#!/bin/sh
# /etc/sv/qfront/run for runit. The number of open files bounds the number of sessions: one a session, a few more each delivery.
exec 2>&1
ulimit -n ${facts.openFiles}
exec ${serve(facts)}
`;

const runitLog = ({ logDirectory }: ServiceFacts): string =>
  `#!/bin/sh
# /etc/sv/qfront/log/run
exec chpst -u qmaill svlogd -tt ${logDirectory}
`;

const daemontoolsRun = (facts: ServiceFacts): string =>
  `#!/bin/sh
# /service/qfront/run for daemontools; the log goes to ./log/run (multilog).
# Don't limit the address space (softlimit -a, -m or -d): the runtime reserves far more than it uses.
exec 2>&1
ulimit -n ${facts.openFiles}
exec ${serve(facts)}
`;

const daemontoolsLog = ({ logDirectory }: ServiceFacts): string =>
  `#!/bin/sh
# /service/qfront/log/run
exec setuidgid qmaill multilog t s1000000 n20 ${logDirectory}
`;

/** The files of one system. */
export function serviceFiles(system: ServiceSystem, facts: ServiceFacts): readonly ServiceFile[] {
  switch (system) {
    case "systemd":
      return [{ name: "qfront.service", text: systemdUnit(facts), mode: 0o644 }];
    case "runit":
      return [
        { name: "run", text: runitRun(facts), mode: 0o755 },
        { name: "log/run", text: runitLog(facts), mode: 0o755 },
      ];
    case "daemontools":
      return [
        { name: "run", text: daemontoolsRun(facts), mode: 0o755 },
        { name: "log/run", text: daemontoolsLog(facts), mode: 0o755 },
      ];
  }
}
