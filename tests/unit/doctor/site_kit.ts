/** The sample site in a directory of its own, and what `doctor` finds there. */
import { makeHasher } from "../../../auth/crypt.ts";
import { parseCommand } from "../../../cli/command.ts";
import { DOCTOR, openPatient } from "../../../cli/doctor.ts";
import { CHECKS, examine } from "../../../doctor/mod.ts";
import type { Finding, Patient } from "../../../doctor/types.ts";
import { findSystemUser } from "../../../net/privileges.ts";
import { makeSampleSite } from "../../../tools/sample_site.ts";

// Opens the system's libraries, which stay open, outside of any test.
findSystemUser("root");
makeHasher().missing("$6$a$b");

export interface Broken {
  readonly root: string;
  /** The qmail directory. */
  readonly qmail: string;
  /** Writes a file below the site. */
  write(path: string, text: string): void;
  append(path: string, text: string): void;
  chmod(path: string, mode: number): void;
  remove(path: string): void;
}

/** Finds the facts of the machine that a test must not depend on. */
const QUIET: Partial<Patient> = {
  env: {},
  openFiles: 1_000_000,
  disk: () => ({ freeBytes: 5e11, totalBytes: 1e12, freeInodes: 5e6, totalInodes: 1e7 }),
};

export async function patientOf(
  root: string,
  args: readonly string[] = [],
  facts: Partial<Patient> = {},
): Promise<Patient> {
  const parsed = parseCommand(DOCTOR, ["--root", root, ...args]);
  return { ...await openPatient(parsed), ...QUIET, ...facts };
}

export const findingsOf = async (
  root: string,
  args: readonly string[] = [],
  facts: Partial<Patient> = {},
  only?: string,
): Promise<readonly Finding[]> => {
  const checks = CHECKS.filter(({ name }) => only === undefined || name === only);
  return await examine(await patientOf(root, args, facts), checks);
};

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs `action` on a fresh sample site; directories on the way to it are open. */
export async function withSample(action: (site: Broken) => Promise<void>): Promise<void> {
  const top = Deno.makeTempDirSync();
  const root = `${top}/site`;
  try {
    Deno.chmodSync(top, 0o755);
    await makeSampleSite(root);
    await action({
      root,
      qmail: `${root}/var/qmail`,
      write: (path, text) => Deno.writeTextFileSync(`${root}/${path}`, text),
      append: (path, text) => Deno.writeTextFileSync(`${root}/${path}`, text, { append: true }),
      chmod: (path, mode) => Deno.chmodSync(`${root}/${path}`, mode),
      remove: (path) => Deno.removeSync(`${root}/${path}`, { recursive: true }),
    });
  } finally {
    // What a test closed would keep its owner from taking it away.
    const log = `${root}/var/log/qfront`;
    if (exists(log)) Deno.chmodSync(log, 0o755);
    Deno.removeSync(top, { recursive: true });
  }
}
