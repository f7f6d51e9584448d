/** All checks, in the order in which their findings are told; and what an exit code says. */
import { CATCH_ALLS } from "./catch_alls.ts";
import { CERTIFICATES } from "./certificates.ts";
import { CONTROL_ENTRIES } from "./control_entries.ts";
import { DELIVERIES } from "./deliveries.ts";
import { DISK_SPACE } from "./disk_space.ts";
import { DNSBLS } from "./dnsbls.ts";
import { DOMAINS } from "./domains.ts";
import { JOURNAL } from "./journal.ts";
import { MACHINE } from "./machine.ts";
import { PERMISSIONS } from "./permissions.ts";
import { QUEUE_WAY, queueKindOf } from "./queue_way.ts";
import { ROLES } from "./roles.ts";
import { RULES } from "./rules.ts";
import { runningCheck } from "./running.ts";
import { SETTINGS_SAID } from "./settings_said.ts";
import { STALE } from "./stale.ts";
import { TRACE_FILE } from "./trace_file.ts";
import type { Check, Finding, Patient, Severity } from "./types.ts";

/** `root`: of a site of this system itself, whose processes are those of the machine. */
const needsSend = (patient: Patient): boolean =>
  patient.place.root === "" && queueKindOf(patient) === "qmail-queue";

export const CHECKS: readonly Check[] = [
  CONTROL_ENTRIES,
  DOMAINS,
  PERMISSIONS,
  STALE,
  RULES,
  SETTINGS_SAID,
  QUEUE_WAY,
  JOURNAL,
  ROLES,
  runningCheck(needsSend),
  CATCH_ALLS,
  DELIVERIES,
  CERTIFICATES,
  DNSBLS,
  TRACE_FILE,
  DISK_SPACE,
  MACHINE,
];

export const SEVERITIES: readonly Severity[] = ["fatal", "error", "warning", "note"];

/** Exit codes by the worst finding. */
const CODES: Readonly<Record<Severity, number>> = { fatal: 3, error: 2, warning: 1, note: 0 };

export const exitCodeFor = (findings: readonly Finding[]): number =>
  Math.max(0, ...findings.map(({ severity }) => CODES[severity]));

/** Everything that `checks` find, the worst first. */
export async function examine(
  patient: Patient,
  checks: readonly Check[] = CHECKS,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) findings.push(...await check.run(patient));
  return SEVERITIES.flatMap((severity) => findings.filter((one) => one.severity === severity));
}
