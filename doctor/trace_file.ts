/** Can the service's user write the trace, and make it anew after a rotation? */
import { isStderr, tracePath } from "../trace/file.ts";
import { may, SEARCH, WRITE } from "../validate/files.ts";
import type { Stat } from "../validate/system.ts";
import type { Check, Finding, Patient, ServiceUser } from "./types.ts";
import { found, octal, quoted, statOf } from "./words.ts";

type Owned = Pick<Stat, "mode" | "uid" | "gid">;

export interface TraceFacts {
  readonly path: string;
  readonly level: number;
  /** null: there is no such file. */
  readonly file: Owned | null;
  readonly directory: Owned | null;
  readonly service: ServiceUser;
  /** serve starts as root and makes the file for its user where the directory is root's alone. */
  readonly isMadeByRoot: boolean;
  readonly traceCfg: string;
}

const asStat = (owned: Owned): Stat => ({ ...owned, size: 0, dev: 0, ino: 0, mtime: 0, ctime: 0 });

export function judgeTrace(facts: TraceFacts): Finding[] {
  const { path, level, file, directory, service, isMadeByRoot, traceCfg } = facts;
  if (level === 0 || path === "") {
    return [
      found(
        "trace-off",
        { path: traceCfg },
        "trace_level is 0 or trace_file is empty",
        `printf 'trace_file=/var/log/qfront/trace\\ntrace_level=2\\n' >> ${quoted(traceCfg)}`,
      ),
    ];
  }
  if (isStderr(path)) return [];
  const folder = path.replace(/\/[^/]*$/, "") || "/";
  const own = `install -d -o ${service.uid} -g ${service.gid} -m 0750 ${quoted(folder)}`;
  if (directory === null) {
    return [found("trace-unwritable", { path: folder }, "The directory does not exist", own)];
  }
  const mayMake = may(asStat(directory), service, SEARCH) && may(asStat(directory), service, WRITE);
  if (file !== null && !may(asStat(file), service, WRITE)) {
    return [found(
      "trace-unwritable",
      { path },
      `${service.name} (${service.uid}:${service.gid}) may not write it (mode ${
        octal(file.mode)
      }, owner ${file.uid}:${file.gid})`,
      `chown ${service.uid}:${service.gid} ${quoted(path)}`,
    )];
  }
  if (file === null && !mayMake && !(isMadeByRoot && directory.uid === 0)) {
    return [
      found(
        "trace-unwritable",
        { path: folder },
        `${service.name} may not make the file there (mode ${
          octal(directory.mode)
        }, owner ${directory.uid}:${directory.gid})`,
        own,
      ),
    ];
  }
  if (mayMake) return [];
  return [
    found(
      "trace-rotation",
      { path: folder },
      `${service.name} may not write to it (mode ${
        octal(directory.mode)
      }, owner ${directory.uid}:${directory.gid})`,
      own,
    ),
  ];
}

function owned(path: string): Owned | null {
  const info = statOf(path);
  return info === null ? null : { mode: info.mode ?? 0, uid: info.uid ?? 0, gid: info.gid ?? 0 };
}

export const TRACE_FILE: Check = {
  name: "trace",
  run(patient: Patient) {
    const { settings, place, service } = patient;
    const path = tracePath(settings.trace_file, place.path, place.root);
    const isFile = path !== "" && !isStderr(path);
    return judgeTrace({
      path,
      level: settings.trace_level,
      file: isFile ? owned(path) : null,
      directory: isFile ? owned(path.replace(/\/[^/]*$/, "") || "/") : null,
      service,
      isMadeByRoot: Deno.uid() === 0,
      traceCfg: place.traceCfg,
    });
  },
};
