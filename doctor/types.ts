/**
 * What `doctor` finds, and what it looks at.
 *
 * A check gathers facts from the patient and judges them by a pure function; what the running service decides for itself
 * (look-up, control files, cdbs, rules, certificates, settings) is asked of the same code that the service runs.
 */
import type { Resolver } from "../dns/types.ts";
import type { PolicySettings } from "../policy/config.ts";
import type { Problem } from "../settings/load.ts";
import type { Settings } from "../settings/mod.ts";
import type { ControlTexts } from "../validate/control.ts";
import type { Files } from "../validate/files.ts";
import type { SiteLookup } from "../validate/types.ts";
import type { FindingId } from "./catalogue.ts";
import type { Severity } from "./catalogue_kind.ts";

export type { Severity } from "./catalogue_kind.ts";

export interface Where {
  /** Name on this system, or of a setting. */
  readonly path: string;
  readonly line?: number;
}

/** One thing that is wrong, or worth knowing. Sentences have no final period. */
export interface Finding {
  readonly severity: Severity;
  readonly id: FindingId;
  readonly where: Where;
  readonly what: string;
  readonly why: string;
  /** The command or the edit that mends it. */
  readonly mend: string;
}

/** Whose permissions are judged: by mode, owner and groups; access control lists are not seen. */
export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** A name, or UID:GID. */
  readonly name: string;
  /** How it is known, for people. */
  readonly how: string;
}

/** A process of this machine. Times in milliseconds since 1970. */
export interface RunningProcess {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly startedMs: number;
  /** Its soft limit of open files; null: not to be seen. */
  readonly openFiles: number | null;
}

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  /** 0: the file system does not count them. */
  readonly totalInodes: number;
}

/** Settings, with those of policy as far as the table of settings has them. */
export type DoctorSettings = Settings & Partial<PolicySettings>;

export interface PatientPlace {
  /** --root without "/" at its end; "" for none. */
  readonly root: string;
  /** The qmail directory as the site sees it. */
  readonly qmailDir: string;
  /** The same with `root` in front. */
  readonly path: string;
  readonly traceCfg: string;
}

/** A site with all that is asked about it. Nothing here changes anything. */
export interface Patient {
  readonly place: PatientPlace;
  readonly settings: DoctorSettings;
  /** What reading the settings came to. */
  readonly problems: readonly Problem[];
  /** As the service looks addresses up: by the keeper's rules as root, else as this process sees files. */
  readonly lookup: SiteLookup;
  readonly files: Files;
  readonly control: ControlTexts;
  readonly service: ServiceUser;
  /** Why `serve` would not start as root here; null: it would, or nobody starts it so. */
  readonly refusal: Where & { readonly why: string } | null;
  readonly resolver: Resolver;
  /** Why the resolver of the settings can't be used. */
  readonly dnsFault: string | null;
  readonly nowMs: number;
  readonly env: Readonly<Record<string, string>>;
  /** Those of this machine; empty below another root, whose processes can't be told. */
  readonly processes: readonly RunningProcess[];
  disk(path: string): DiskSpace | null;
  /** This process' own soft limit of open files; null: not to be seen. */
  readonly openFiles: number | null;
}

export interface Check {
  /** As --only names it. */
  readonly name: string;
  readonly run: (patient: Patient) => readonly Finding[] | Promise<readonly Finding[]>;
}
