/** Where accepted mail goes: the qmail-queue program as a real installation has it, its queue's trigger, QMQP servers. */
import { chooseQueue, type QueueKind } from "../queue/mod.ts";
import { may, SEARCH, WRITE } from "../validate/files.ts";
import { controlPath, found, octal, quoted, statOf } from "./words.ts";
import type { Check, Finding, Patient, ServiceUser } from "./types.ts";

const SETUID = 0o4000;

/** A file as far as it is judged here; null: there is none. */
export interface ProgramFact {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly isFile: boolean;
}

export interface QueueFacts {
  readonly kind: QueueKind;
  readonly program: string;
  readonly stat: ProgramFact | null;
  /** It is qmail's own, not one that QMAILQUEUE names. */
  readonly isQmails: boolean;
  readonly service: ServiceUser;
  /** queue/lock/trigger: null: there is no queue here. */
  readonly trigger:
    | { readonly path: string; readonly isFifo: boolean; readonly mode: number }
    | null;
  readonly servers: readonly string[];
  readonly serversPath: string;
}

function programFindings({ program, stat, isQmails, service }: QueueFacts): Finding[] {
  const where = { path: program };
  if (stat === null || !stat.isFile) {
    return [
      found(
        "queue-program-missing",
        where,
        `${program} is not there`,
        "install qmail there, or write queue: maildir into control/trace.cfg",
      ),
    ];
  }
  // SEARCH is the bit of execution, too.
  if (
    !may({ ...stat, size: 0, dev: 0, ino: 0, ctime: 0, mtime: 0 }, service, SEARCH) ||
    (stat.mode & 0o111) === 0
  ) {
    return [found(
      "queue-program-missing",
      where,
      `${program} (mode ${octal(stat.mode)}) can't be executed by ${service.name}`,
      `chmod 4711 ${quoted(program)}`,
    )];
  }
  if (!isQmails || service.uid === stat.uid) return [];
  if ((stat.mode & SETUID) !== 0 && stat.uid !== 0) return [];
  return [found(
    "queue-program-mode",
    where,
    (stat.mode & SETUID) === 0
      ? `${program} has mode ${octal(stat.mode)} and is not setuid`
      : `${program} is setuid root`,
    `chown qmailq:qmail ${quoted(program)} && chmod 4711 ${quoted(program)}`,
  )];
}

export function judgeQueue(facts: QueueFacts): Finding[] {
  const { kind, trigger, servers, serversPath } = facts;
  if (kind === "qmqp") {
    return servers.length > 0 ? [] : [found(
      "qmqp-servers-missing",
      { path: serversPath },
      "control/qmqpservers names no server",
      `echo 192.0.2.1 > ${quoted(serversPath)}`,
    )];
  }
  if (kind === "maildir") return [];
  const isOpen = trigger === null || (trigger.isFifo && (trigger.mode & WRITE) !== 0);
  return [
    ...programFindings(facts),
    ...(isOpen || trigger === null ? [] : [found(
      "queue-trigger",
      { path: trigger.path },
      trigger.isFifo ? `Its mode is ${octal(trigger.mode)}` : "It is no fifo",
      trigger.isFifo ? `chmod 0622 ${quoted(trigger.path)}` : "make setup check in qmail's source",
    )]),
  ];
}

/** The way that mail goes, as the service chooses it. */
export const queueKindOf = ({ settings, place, env }: Patient): QueueKind =>
  chooseQueue({ settings, qmailDir: place.path, env });

function linesOr(patient: Patient, name: string): readonly string[] {
  try {
    return patient.control.lines(name) ?? [];
  } catch {
    return []; // told with the control files
  }
}

export function gatherQueue(patient: Patient): QueueFacts {
  const { place, env } = patient;
  const named = env["QMAILQUEUE"] ?? "";
  const program = named === ""
    ? `${place.path}/bin/qmail-queue`
    : named.startsWith("/")
    ? named
    : `${place.path}/${named}`;
  const info = statOf(program);
  const triggerPath = `${place.path}/queue/lock/trigger`;
  const trigger = statOf(triggerPath);
  return {
    kind: queueKindOf(patient),
    program,
    stat: info === null ? null : {
      path: program,
      mode: info.mode ?? 0,
      uid: info.uid ?? 0,
      gid: info.gid ?? 0,
      isFile: info.isFile,
    },
    isQmails: named === "",
    service: patient.service,
    trigger: trigger === null
      ? null
      : { path: triggerPath, isFifo: trigger.isFifo === true, mode: trigger.mode ?? 0 },
    servers: linesOr(patient, "qmqpservers"),
    serversPath: controlPath(patient, "qmqpservers"),
  };
}

export const QUEUE_WAY: Check = {
  name: "queue",
  run: (patient) => judgeQueue(gatherQueue(patient)),
};
