/**
 * Whose a new trace file is when root makes it: it has to be written by who serves, and rotated by him.
 *
 * Never through a link: in a directory that somebody else can write to, a name may lead anywhere.
 */
import fs from "node:fs";
import type { Identity } from "../net/privileges.ts";
import type { Settings } from "../settings/mod.ts";
import { isStderr, tracePath } from "../trace/file.ts";
import type { TracePlace } from "./switch_tracer.ts";
import { isOutOfReach, isRoots } from "./trusted.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

/** The name of the trace file; null: there is none. */
function traceFileOf(place: TracePlace, settings: Settings): string | null {
  const path = tracePath(settings.trace_file, place.path, place.root);
  return settings.trace_level === 0 || path === "" || isStderr(path) ? null : path;
}

const directoryOf = (path: string): string => path.replace(/\/[^/]*$/, "") || "/";

function openFor({ uid, gid }: Pick<Identity, "uid" | "gid">, path: string, flags: number): void {
  const fd = fs.openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY | flags, 0o640);
  try {
    fs.fchownSync(fd, uid, gid);
  } finally {
    fs.closeSync(fd);
  }
}

/** Makes the trace file for `identity`, who could not make it in a directory of root. Only there. */
export function handTraceOver(place: TracePlace, settings: Settings, identity: Identity): void {
  const path = traceFileOf(place, settings);
  if (path === null) return;
  try {
    if (isRoots(directoryOf(path), identity)) openFor(identity, path, 0);
  } catch {
    // Why the trace can't be written is said when it is opened.
  }
}

/**
 * Makes the trace file, where there is none yet, for the owner of its directory: a dialogue that root plays must not
 * leave a file that the service can't write.
 */
export function makeTraceForOwner(place: TracePlace, settings: Settings): void {
  const path = traceFileOf(place, settings);
  if (path === null) return;
  try {
    const directory = directoryOf(path);
    const { uid, gid } = Deno.statSync(directory);
    if (uid === null || gid === null || uid === 0) return;
    // He must not put another directory in its place meanwhile.
    if (!isOutOfReach(directoryOf(directory), { uid, gid, name: null })) return;
    openFor({ uid, gid }, path, O_EXCL);
  } catch {
    // It is there already; or why it can't be written is said when it is opened.
  }
}
