/**
 * The file calls of the look-up as another user would have them, by mode, owner and groups: so root can ask what a service
 * without a keeper would see (`--as`).
 */
import { openFiles, type Person } from "../validate/files.ts";
import { type System, system } from "../validate/system.ts";

/** `root`: the site's, binary, "" for none; directories above it are not judged. */
export function systemSeenBy(root: string, person: Person, calls: System = system()): System {
  const files = openFiles(root, 0, calls);
  const inside = (path: string): string => path.slice(root.length) || "/";
  const parent = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

  /** Null: he may get as far as `path`; the errno otherwise. */
  function hindrance(path: string): string | null {
    files.begin();
    if (path === "/") return null;
    const found = files.enter(parent(path), person);
    return found.ok ? null : found.errno;
  }

  return {
    stat: (path, follow) => hindrance(inside(path)) ?? calls.stat(path, follow),
    readLink: (path) => hindrance(inside(path)) ?? calls.readLink(path),
    read(path) {
      files.begin();
      const found = files.open(inside(path), person);
      return found.ok ? calls.read(path) : found.errno;
    },
    mayRead(path) {
      files.begin();
      const found = files.open(inside(path), person);
      return found.ok ? true : found.errno;
    },
  };
}
