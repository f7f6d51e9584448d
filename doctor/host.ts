/** What `doctor` asks of the machine: processes, disks, limits, groups. Everything by reading; nothing is started. */
import { statfsSync } from "node:fs";
import type { DiskSpace, RunningProcess } from "./types.ts";

/** Clock ticks a second in /proc: fixed on Linux for programs. */
const TICKS = 100;

function textOf(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

/** Milliseconds since 1970 of the machine's start; null: not to be seen. */
function bootMs(): number | null {
  const seconds = /^btime (\d+)$/m.exec(textOf("/proc/stat") ?? "")?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

/** Start of a process by its /proc/PID/stat; null: no such text. `bootMs`: see above. */
export function startedMs(stat: string, bootMs: number): number | null {
  // The name in parentheses may have blanks and parentheses of its own.
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined || !/^\d+$/.test(ticks)
    ? null
    : bootMs + Number(ticks) * (1000 / TICKS);
}

/** The soft limit of open files in a text of /proc/PID/limits; null: it is not told, or there is none. */
export function openFilesOf(limits: string): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}

export const ownOpenFiles = (): number | null => openFilesOf(textOf("/proc/self/limits") ?? "");

/** Processes of this machine that may be seen. */
export function runningProcesses(): RunningProcess[] {
  const boot = bootMs();
  if (boot === null) return [];
  return [...Deno.readDirSync("/proc")].flatMap(({ name: pid }): RunningProcess[] => {
    if (!/^\d+$/.test(pid)) return [];
    const stat = textOf(`/proc/${pid}/stat`);
    const began = stat === null ? null : startedMs(stat, boot);
    if (stat === null || began === null) return [];
    return [{
      pid: Number(pid),
      name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")),
      args: (textOf(`/proc/${pid}/cmdline`) ?? "").split("\0").filter((arg) => arg !== ""),
      startedMs: began,
      openFiles: openFilesOf(textOf(`/proc/${pid}/limits`) ?? ""),
    }];
  });
}

/** Space of the file system of `path` for who is not root; null: it can't be told. */
export function diskSpace(path: string): DiskSpace | null {
  try {
    const { bsize, blocks, bavail, files, ffree } = statfsSync(path);
    return {
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeInodes: ffree,
      totalInodes: files,
    };
  } catch {
    return null;
  }
}

/** Numbers of the groups that a text of /etc/group has `user` in. Groups of directory servers are not seen. */
export function groupsOf(text: string, user: string): number[] {
  return text.split("\n").flatMap((line) => {
    const [, , gid = "", members = ""] = line.split(":");
    return /^\d+$/.test(gid) && members.split(",").includes(user) ? [Number(gid)] : [];
  });
}

/** The same of this system. */
export const systemGroupsOf = (user: string): number[] =>
  groupsOf(textOf("/etc/group") ?? "", user);
