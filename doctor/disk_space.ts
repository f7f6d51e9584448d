/** Space and inodes of the file systems that mail, queue and trace lie on. */
import { tracePath } from "../trace/file.ts";
import { gatherAddresses } from "./addresses.ts";
import type { Check, DiskSpace, Finding, Patient } from "./types.ts";
import { found, onDisk, quoted, statOf } from "./words.ts";

const FULL_BYTES = 20 * 1024 * 1024;
/** With so much left a big disk is not low at 5 %. */
const ENOUGH_BYTES = 20 * 1024 * 1024 * 1024;

export interface DiskFact {
  readonly path: string;
  readonly space: DiskSpace;
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1_048_576)} MB`;

export function judgeDisks(disks: readonly DiskFact[]): Finding[] {
  return disks.flatMap(({ path, space }) => {
    const { freeBytes, totalBytes, freeInodes, totalInodes } = space;
    const share = totalBytes === 0 ? 1 : freeBytes / totalBytes;
    const inodes = totalInodes === 0 ? 1 : freeInodes / totalInodes;
    const what = `${megabytes(freeBytes)} (${Math.floor(share * 100)} %)` +
      (totalInodes === 0
        ? " are free"
        : ` and ${freeInodes} inodes (${Math.floor(inodes * 100)} %) are free`);
    const mend = `df -h ${quoted(path)}; df -i ${quoted(path)}; make room`;
    const isFull = freeBytes < FULL_BYTES || (share < 0.01 && freeBytes < ENOUGH_BYTES) ||
      inodes < 0.01;
    const isLow = (share < 0.05 && freeBytes < ENOUGH_BYTES) || inodes < 0.05;
    if (!isFull && !isLow) return [];
    return [found(isFull ? "disk-full" : "disk-low", { path }, what, mend)];
  });
}

/** One place of each file system. */
export function gatherDisks(patient: Patient): DiskFact[] {
  const { place, settings } = patient;
  const trace = tracePath(settings.trace_file, place.path, place.root).replace(/\/[^/]*$/, "");
  const homes = gatherAddresses(patient).homes.map(({ path }) => onDisk(patient, path));
  const seen = new Set<number>();
  return [`${place.path}/queue`, place.path, trace, `${place.root}/home`, ...homes].flatMap(
    (path) => {
      const info = path === "" ? null : statOf(path);
      if (info === null || seen.has(info.dev)) return [];
      seen.add(info.dev);
      const space = patient.disk(path);
      return space === null ? [] : [{ path, space }];
    },
  );
}

export const DISK_SPACE: Check = {
  name: "disk",
  run: (patient) => judgeDisks(gatherDisks(patient)),
};
