/**
 * What the service's user must be able to read, path by path, and what nobody else may read or write: computed from mode, owner
 * and groups, as the look-up judges for qmail's programs.
 */
import { isDirectory, READ, WRITE } from "../validate/files.ts";
import { errnoWords } from "../validate/trouble.ts";
import type { Check, Finding, Patient, ServiceUser } from "./types.ts";
import { found, octal, onDisk, quoted, statOf } from "./words.ts";

/** Read by every session, or by the look-up. */
const NEEDED = [
  "control",
  "control/me",
  "control/locals",
  "control/virtualdomains",
  "control/rcpthosts",
  "control/morercpthosts.cdb",
  "control/percenthack",
  "control/envnoathost",
  "control/badmailfrom",
  "control/badrcptto",
  "control/databytes",
  "control/defaultdelivery",
  "control/trace.cfg",
  "users/cdb",
];

/** Where whoever can write decides over mail. */
const GUARDED = [
  ...NEEDED,
  "",
  "users",
  "users/assign",
  "users/poppasswd",
  "users/poppasswd.cdb",
  "alias",
  "control/smtproutes",
];
const SECRET = ["users/poppasswd", "users/poppasswd.cdb"];

/** What stands between the user and a path. */
export interface ClosedPath {
  readonly wanted: string;
  /** The file or directory that ends the way. */
  readonly at: string;
  readonly isDirectory: boolean;
  readonly errno: string;
  readonly mode: number | null;
  readonly owner: string;
}

export interface ModeFact {
  readonly path: string;
  readonly mode: number;
}

/** One finding for each place that ends a way, whatever lies behind it. */
export function judgeClosed(closed: readonly ClosedPath[], service: ServiceUser): Finding[] {
  const first = new Map<string, { path: ClosedPath; count: number }>();
  for (const path of closed) {
    const known = first.get(path.at);
    if (known === undefined) first.set(path.at, { path, count: 1 });
    else known.count++;
  }
  return [...first.values()].map(({ path, count }) => {
    const { at, wanted, mode, owner, errno } = path;
    const bit = path.isDirectory ? "x" : "r";
    const seen = mode === null ? errnoWords(errno) : `mode ${octal(mode)}, owner ${owner}`;
    const more = count === 1 ? "" : ` and ${count - 1} more`;
    return found(
      "control-closed",
      { path: at },
      `${service.name} (${service.uid}:${service.gid}) lacks ${bit} on it (${seen}) and can't read ${wanted}${more}`,
      `chmod o+${path.isDirectory ? "rx" : "r"} ${quoted(at)}`,
    );
  });
}

export function judgeModes(guarded: readonly ModeFact[], secret: readonly ModeFact[]): Finding[] {
  const isSticky = (mode: number) => (mode & 0o1000) !== 0;
  return [
    ...guarded.filter(({ mode }) => (mode & WRITE) !== 0 && !isSticky(mode)).map(({ path, mode }) =>
      found("control-writable", { path }, `Its mode is ${octal(mode)}`, `chmod o-w ${quoted(path)}`)
    ),
    ...secret.filter(({ mode }) => (mode & READ) !== 0).map(({ path, mode }) =>
      found("secrets-open", { path }, `Its mode is ${octal(mode)}`, `chmod 0600 ${quoted(path)}`)
    ),
  ];
}

export function gatherClosed(patient: Patient): ClosedPath[] {
  const { files, place, service } = patient;
  files.begin();
  return NEEDED.flatMap((name): ClosedPath[] => {
    const path = `${place.qmailDir}/${name}`;
    const whole = files.resolve(path, service);
    const isWay = whole.ok && isDirectory(whole.stat);
    const answer = isWay ? files.enter(path, service) : files.open(path, service);
    // What is not there is empty; what this process can't see either is told by its errno.
    if (answer.ok || answer.errno === "ENOENT" || answer.errno === "ENOTDIR") return [];
    const at = onDisk(patient, answer.at);
    const info = statOf(at);
    return [{
      wanted: onDisk(patient, path),
      at,
      isDirectory: info?.isDirectory ?? false,
      errno: answer.errno,
      mode: info?.mode ?? null,
      owner: info === null ? "" : `${info.uid}:${info.gid}`,
    }];
  });
}

function modesOf(patient: Patient, names: readonly string[]): ModeFact[] {
  return names.flatMap((name) => {
    const path = name === "" ? patient.place.path : `${patient.place.path}/${name}`;
    const mode = statOf(path)?.mode;
    return mode === undefined || mode === null ? [] : [{ path, mode }];
  });
}

export const PERMISSIONS: Check = {
  name: "permissions",
  run(patient) {
    const { refusal, service } = patient;
    // What keeps serve from starting is told as that alone.
    const guarded = modesOf(patient, GUARDED).filter(({ path }) => path !== refusal?.path);
    return [
      ...judgeClosed(gatherClosed(patient), service),
      ...judgeModes(guarded, modesOf(patient, SECRET)),
      ...(refusal === null ? [] : [found(
        "run-as",
        { path: refusal.path },
        refusal.why,
        `chown root ${quoted(refusal.path)} && chmod go-w ${quoted(refusal.path)}, or set run_as`,
      )]),
      ...(service.how !== "fallback" ? [] : [found(
        "run-as-nobody",
        { path: patient.place.traceCfg },
        `The service becomes ${service.name} (${service.uid}:${service.gid})`,
        "useradd -r -g nofiles -d /var/qmail -s /usr/sbin/nologin qmaild, or run_as: USER",
      )]),
    ];
  },
};
