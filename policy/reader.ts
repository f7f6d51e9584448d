/**
 * Reads policy snapshots for many sessions: made again only when a setting, a control file or what
 * matters of the environment changed. The snapshots of the last few environments are kept.
 *
 * What has no effect is told once for each snapshot; mail rules that can't be used any more leave
 * those that were there (mailrules_watch.ts).
 */
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { ControlFiles } from "../validate/types.ts";
import { type PolicyConfig, type PolicySettings, readPolicyConfig } from "./config.ts";
import type { MailRules } from "./mailrules.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a site's policy comes from. */
export interface PolicySources {
  readonly control: ControlFiles;
  /** Is this domain, in lower case, one of ours? */
  readonly isOwnDomain: (domain: string) => boolean;
  /** Our own names and addresses; asked when a snapshot is made. */
  readonly ownNames: () => ReadonlySet<string>;
  /** The mail rules of a file, as they are now. */
  readonly mailRules: (name: string) => MailRules;
  readonly tracer: Tracer;
  /** How old, in milliseconds, what is known of control files may be; absent: not at all. */
  readonly keepMs?: number;
  /** Milliseconds; absent: `performance.now()`. */
  readonly clock?: () => number;
}

/** Reads snapshots. */
export interface PolicyReader {
  /** @throws {ControlError} when a control file can't be read */
  read(settings: PolicySettings, env: Environment): PolicyConfig;
}

/** Variables that a snapshot depends on. */
const VARIABLES = [
  "SENDER_DOMAINS",
  "DEFAULTHOST",
  "DEFAULTDOMAIN",
  "RBLSMTPD",
  "SPFBEHAVIOR",
  "MAILRULES",
] as const;

type Method = "line" | "lines" | "integer";

/** Control files that remember what they were asked, and can tell whether they would say it again. */
function recordControl(control: ControlFiles) {
  const said: { readonly method: Method; readonly name: string; readonly value: unknown }[] = [];
  const ask = <T>(method: Method, name: string, value: T): T => {
    said.push({ method, name, value });
    return value;
  };
  return {
    files: {
      line: (name: string) => ask("line", name, control.line(name)),
      lines: (name: string) => ask("lines", name, control.lines(name)),
      integer: (name: string) => ask("integer", name, control.integer(name)),
    },
    isSame: () => said.every(({ method, name, value }) => control[method](name) === value),
  };
}

interface Kept {
  readonly settings: PolicySettings;
  readonly variables: readonly (string | undefined)[];
  readonly mailRules: MailRules | null;
  readonly isSame: () => boolean;
  readonly config: PolicyConfig;
  /** When its files were compared last. */
  comparedMs: number;
}

/** Snapshots kept; connection rules give sessions different environments. */
const MAX_KEPT = 8;

/** A reader for one site. */
export function createPolicyReader(sources: PolicySources): PolicyReader {
  const { keepMs = 0, clock = () => performance.now() } = sources;
  const kept: Kept[] = [];
  const told = new Set<string>();
  const tell = (notes: readonly string[]) => {
    const fresh = notes.filter((note) => !told.has(note));
    for (const reason of fresh) {
      if (told.size < 1000) told.add(reason);
      if (sources.tracer.level >= 1) sources.tracer.emit(0, POLICY_EVENTS.note, { reason });
    }
  };
  const isFresh = (one: Kept, nowMs: number): boolean => {
    if (nowMs - one.comparedMs < keepMs) return true;
    one.comparedMs = nowMs;
    return one.isSame();
  };
  return {
    read(settings, env) {
      const nowMs = clock();
      const mailRules = rulesOf(settings, env, sources);
      const known = kept.find((one) =>
        one.settings === settings && one.mailRules === mailRules &&
        VARIABLES.every((name, i) => one.variables[i] === env[name])
      );
      if (known !== undefined && isFresh(known, nowMs)) return known.config;
      if (known !== undefined) kept.splice(kept.indexOf(known), 1);
      const { files, isSame } = recordControl(sources.control);
      const { isOwnDomain, ownNames } = sources;
      const site = { control: files, env, isOwnDomain, ownNames: ownNames(), mailRules };
      const config = readPolicyConfig(settings, site);
      tell(config.notes);
      const variables = VARIABLES.map((name) => env[name]);
      const made = { settings, variables, mailRules, isSame, config, comparedMs: nowMs };
      if (kept.unshift(made) > MAX_KEPT) kept.pop();
      return config;
    },
  };
}

/** mailrules_file, else MAILRULES, else none. */
function rulesOf(
  settings: PolicySettings,
  env: Environment,
  sources: PolicySources,
): MailRules | null {
  if (settings.mailrules === "off") return null;
  const name = settings.mailrules_file || (env["MAILRULES"] ?? "");
  return name === "" ? null : sources.mailRules(name);
}
