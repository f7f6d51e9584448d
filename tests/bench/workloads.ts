/**
 * The workloads: what is played, what is counted, and what is asked of qfront in comparison with the others.
 *
 * W6 (idle sessions) and the session on standard input have their own measurements: idle.ts and stdin.ts.
 */
import type { Load } from "./tools.ts";

export type WorkloadName = "w1" | "w1b" | "w2" | "w2q" | "w3" | "w4" | "w5" | "w6" | "stdin";

/** What qfront shall reach, as ratios: to the best peer, and to the floor. */
export interface Goal {
  readonly ofBestPeer?: number;
  readonly ofFloor?: number;
}

/** A workload that the load generator plays. */
export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  readonly unit: string;
  readonly protocol: "smtp" | "pop3";
  /** Options of mload. */
  readonly load: readonly string[];
  readonly rate: (load: Load) => number;
  /** Units over the whole run: the server's CPU time is divided by them. */
  readonly units: (load: Load) => number;
  readonly goal: Goal;
  /** Somebody takes away what is delivered, while it runs (reader.ts). */
  readonly isRead?: boolean;
}

const DOMAIN_OPTIONS = ["-D", "local.test", "-V", "bench@local.test"];

/** The workloads by name, in the order of the table. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "w1",
    title: "W1 dictionary attack: connect, EHLO, MAIL, one invalid RCPT, end",
    unit: "sessions/s",
    protocol: "smtp",
    load: ["-m", "w1", ...DOMAIN_OPTIONS],
    rate: (l) => l.sessions_s,
    units: (l) => l.all_sessions,
    goal: { ofBestPeer: 4, ofFloor: 0.85 },
  },
  {
    name: "w1b",
    title: "W1b 100 invalid RCPTs in one session",
    unit: "replies/s",
    protocol: "smtp",
    load: ["-m", "w1b", "-x", "100", ...DOMAIN_OPTIONS],
    rate: (l) => l.recipients_s,
    units: (l) => l.all_recipients,
    goal: { ofBestPeer: 1.5, ofFloor: 0.6 },
  },
  {
    name: "w2",
    title: "W2 one 4 KiB message a session into a Maildir, on disk before 250",
    unit: "messages/s",
    protocol: "smtp",
    load: ["-m", "msg", "-n", "1", "-s", "4096", ...DOMAIN_OPTIONS],
    rate: (l) => l.messages_s,
    units: (l) => l.all_messages,
    goal: { ofBestPeer: 3, ofFloor: 1 },
  },
  {
    name: "w2q",
    title: "W2q the same through a qmail-queue program",
    unit: "messages/s",
    protocol: "smtp",
    load: ["-m", "msg", "-n", "1", "-s", "4096", ...DOMAIN_OPTIONS],
    rate: (l) => l.messages_s,
    units: (l) => l.all_messages,
    goal: { ofBestPeer: 1 },
  },
  {
    name: "w3",
    title: "W3 100 messages of 4 KiB a session",
    unit: "messages/s",
    protocol: "smtp",
    load: ["-m", "msg", "-n", "100", "-s", "4096", ...DOMAIN_OPTIONS],
    rate: (l) => l.messages_s,
    units: (l) => l.all_messages,
    goal: { ofBestPeer: 2 },
  },
  {
    name: "w4",
    title: "W4 one 10 MiB message a session",
    unit: "MB/s",
    protocol: "smtp",
    load: ["-m", "msg", "-n", "1", "-s", "10485760", "-c", "8", ...DOMAIN_OPTIONS],
    rate: (l) => l.mb_s,
    units: (l) => l.all_messages,
    goal: { ofBestPeer: 2 },
    isRead: true,
  },
  {
    name: "w5",
    title: "W5 POP3 login, STAT, UIDL, RETR 1, QUIT on 100 messages",
    unit: "sessions/s",
    protocol: "pop3",
    load: ["-m", "pop", "-u", "200", "-U", "u%d", "-k", "pw"],
    rate: (l) => l.sessions_s,
    units: (l) => l.all_sessions,
    goal: { ofBestPeer: 5 },
  },
];

export const WORKLOAD_NAMES: readonly WorkloadName[] = [
  ...WORKLOADS.map((w) => w.name),
  "w6",
  "stdin",
];

/** The workload of that name; W6 uses W1's. */
export function workload(name: WorkloadName): Workload {
  const found = WORKLOADS.find((w) => w.name === name);
  if (found === undefined) throw new RangeError(`"${name}" is not played by the load generator`);
  return found;
}
