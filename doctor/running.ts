/**
 * What runs now: qmail-send with older control files than the disk has, and the open files of a running service.
 *
 * qmail-send reads locals and virtualdomains again at a HUP, all else at its start alone. A process' start is in /proc; whether it
 * had a HUP since is nowhere, so that is said as what it is: not known.
 */
import type { Check, Finding, Patient, RunningProcess } from "./types.ts";
import { controlPath, found, statOf } from "./words.ts";

/** Control files of qmail-send that concern the look-up. */
const AT_START = ["me", "envnoathost", "percenthack"];
const AT_HUP = ["locals", "virtualdomains"];

/** Open files beside the sessions: listeners, trace, look-up. */
const BASE_FILES = 64;

export interface ChangedFile {
  readonly name: string;
  readonly path: string;
  readonly changedMs: number;
}

export interface RunningFacts {
  readonly processes: readonly RunningProcess[];
  readonly files: readonly ChangedFile[];
  /** Mail goes to qmail-queue. */
  readonly needsSend: boolean;
  /** Open files that max_sessions needs. */
  readonly neededFiles: number;
  readonly maxSessions: number;
  readonly ownOpenFiles: number | null;
  readonly traceCfg: string;
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

function sendFindings({ processes, files, needsSend, traceCfg }: RunningFacts): Finding[] {
  const send = processes.find(({ name }) => name === "qmail-send");
  if (send === undefined) {
    return !needsSend || processes.length === 0 ? [] : [found(
      "qmail-send-not-running",
      { path: traceCfg },
      "Mail goes to qmail-queue, but no process is called qmail-send",
      "start qmail: svc -u /service/qmail-send, /etc/init.d/qmail start, or systemctl start qmail",
    )];
  }
  return files.filter(({ changedMs }) => changedMs > send.startedMs).map((file) => {
    const since = `changed at ${day(file.changedMs)}, qmail-send (process ${send.pid}) started at ${
      day(send.startedMs)
    } UTC`;
    return AT_START.includes(file.name)
      ? found(
        "qmail-send-restart",
        { path: file.path },
        since,
        "svc -t /service/qmail-send, or however it is started here",
      )
      : found(
        "qmail-send-hup",
        { path: file.path },
        `${since}; it is in force if it had a HUP since, which can't be seen`,
        `kill -HUP ${send.pid}`,
      );
  });
}

const isService = ({ name, args }: RunningProcess): boolean =>
  name.startsWith("qfront") && args.includes("serve");

function limitFindings(facts: RunningFacts): Finding[] {
  const { neededFiles, maxSessions, traceCfg } = facts;
  const running = facts.processes.filter(isService);
  const said = (limit: number) =>
    `${limit} files may be open, and max_sessions ${maxSessions} may need ${neededFiles}`;
  const small = running.find(({ openFiles }) => openFiles !== null && openFiles < neededFiles);
  if (small !== undefined && small.openFiles !== null) {
    return [found(
      "open-files",
      { path: `/proc/${small.pid}/limits` },
      said(small.openFiles),
      `LimitNOFILE=${neededFiles} in its unit, or ulimit -n ${neededFiles} in its run file, then restart it`,
    )];
  }
  const own = facts.ownOpenFiles;
  if (running.length > 0 || own === null || own >= neededFiles) return [];
  return [found("open-files-here", { path: traceCfg }, said(own), `ulimit -n ${neededFiles}`)];
}

export const judgeRunning = (facts: RunningFacts): Finding[] => [
  ...sendFindings(facts),
  ...limitFindings(facts),
];

/** `needsSend`: see RunningFacts. */
export function gatherRunning(patient: Patient, needsSend: boolean): RunningFacts {
  const { settings, processes, openFiles, place } = patient;
  const perSession = settings.smtps_listen.length + settings.pop3s_listen.length > 0 ? 3 : 1;
  return {
    processes,
    files: [...AT_START, ...AT_HUP].flatMap((name) => {
      const path = controlPath(patient, name);
      const changedMs = statOf(path)?.mtime?.getTime();
      return changedMs === undefined ? [] : [{ name, path, changedMs }];
    }),
    needsSend,
    neededFiles: settings.max_sessions * perSession + BASE_FILES,
    maxSessions: settings.max_sessions,
    ownOpenFiles: openFiles,
    traceCfg: place.traceCfg,
  };
}

/** The check; who knows where mail goes gives `needsSend`. */
export const runningCheck = (needsSend: (patient: Patient) => boolean): Check => ({
  name: "processes",
  run: (patient) => judgeRunning(gatherRunning(patient, needsSend(patient))),
});
