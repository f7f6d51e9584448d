/**
 * Every kind of finding, once: its stable id, how bad it is, what it means and why it matters. docs/doctor.md has the same as
 * a table; a test holds the two together.
 */
import type { FindingKind } from "./catalogue_kind.ts";
import { SERVICE_FINDINGS } from "./catalogue_service.ts";
import { SITE_FINDINGS } from "./catalogue_site.ts";

export const FINDINGS = {
  ...SITE_FINDINGS,
  ...SERVICE_FINDINGS,
} as const satisfies Readonly<Record<string, FindingKind>>;

export type FindingId = keyof typeof FINDINGS;
