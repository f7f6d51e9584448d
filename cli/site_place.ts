/** Where a site lies: --root, --qmail-dir, --trace-cfg, --set and --dns-file, made absolute and looked at. */
import { parseOverrides } from "../settings/load.ts";
import { SettingError } from "../settings/mod.ts";
import { type ParsedArgs, reasonOf, SiteError, UsageError } from "./command.ts";

/** Where a site lies, by the command line. */
export interface SitePlace {
  /** --root without "/" at the end; "" for none. */
  readonly root: string;
  /** The qmail directory as the site sees it, absolute. */
  readonly qmailDir: string;
  /** The same with `root` in front: what file calls take. */
  readonly path: string;
  readonly traceCfg: string;
  readonly overrides: readonly string[];
  /**
   * A directory on the way to `root` that only root may pass, "" for none; only looked for by root. Nobody else could serve
   * such a site, so it is a trial: see cli/root.ts.
   */
  readonly closedAt: string;
}

/** Where the site lies. @throws {SiteError} when there is no such directory. */
export function findSite(args: ParsedArgs): SitePlace {
  const given = args.value("root");
  const root = given === undefined ? "" : absolute(given).replace(/\/+$/, "");
  const qmailDir = args.value("qmail-dir") ?? (Deno.env.get("QMAILHOME") || "/var/qmail");
  if (!qmailDir.startsWith("/") && root !== "") {
    throw new UsageError(`Below --root the qmail directory must be absolute, not "${qmailDir}"`);
  }
  const inside = absolute(qmailDir).replace(/(?<=.)\/+$/, "");
  const path = root + inside;
  checkOverrides(args.values("set"));
  requireDirectory(path);
  requireDnsFile(args.value("dns-file"));
  return {
    root,
    qmailDir: inside,
    path,
    traceCfg: absolute(args.value("trace-cfg") ?? `${path}/control/trace.cfg`),
    overrides: overridesOf(args),
    closedAt: root !== "" && Deno.uid() === 0 ? closedOnTheWay(root) : "",
  };
}

/** The first directory on the way to `path`, itself included, that others may not search; "" for none. */
function closedOnTheWay(path: string): string {
  const real = Deno.realPathSync(path);
  for (let end = real.indexOf("/", 1);; end = real.indexOf("/", end + 1)) {
    const here = end < 0 ? real : real.slice(0, end);
    if (((Deno.statSync(here).mode ?? 0) & 0o001) === 0) return here;
    if (end < 0) return "";
  }
}

const absolute = (path: string): string => path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;

/** What --set says, and --dns-file, which is dns_file for short. */
function overridesOf(args: ParsedArgs): readonly string[] {
  const file = args.value("dns-file");
  const given = args.values("set");
  return file === undefined ? given : [...given, `dns_file=${absolute(file)}`];
}

/** A wrong --set is the caller's mistake, whatever the site is like. @throws {UsageError} */
function checkOverrides(overrides: readonly string[]): void {
  try {
    parseOverrides(overrides);
  } catch (error) {
    if (error instanceof SettingError) throw new UsageError(`--set: ${error.message}`);
    throw error;
  }
}

/** Without its answers a trial would say nothing about the DNS, and not why. @throws {SiteError} */
function requireDnsFile(path: string | undefined): void {
  if (path === undefined) return;
  try {
    Deno.readTextFileSync(path);
  } catch (error) {
    throw new SiteError(`--dns-file "${path}" can't be read: ${reasonOf(error)}`);
  }
}

function requireDirectory(path: string): void {
  try {
    if (Deno.statSync(path).isDirectory) return;
  } catch (error) {
    throw new SiteError(`The qmail directory "${path}" can't be used: ${reasonOf(error)}`);
  }
  throw new SiteError(`The qmail directory "${path}" can't be used: it is no directory`);
}
