/** The recorded cases: where they are, how they are read, and a result in their spelling. */
import type { LookupResult } from "../../../validate/types.ts";

export const TRUTH = new URL("../../../../shared/qmail-truth/", import.meta.url).pathname;

export interface Case {
  readonly id: string;
  readonly fixture: string;
  readonly address: string;
  readonly expect: Readonly<Record<string, unknown>>;
}

function present(): boolean {
  try {
    return Deno.statSync(TRUTH).isDirectory;
  } catch {
    console.warn(`skipped: the recorded cases are not at ${TRUTH}`);
    return false;
  }
}

export const HERE = present();
export const ROOT = Deno.uid() === 0;
if (HERE && !ROOT) console.warn("skipped: building the recorded installations takes root");

export function readLines<T>(name: string): T[] {
  const text = Deno.readTextFileSync(TRUTH + name).trim();
  return text.split("\n").map((line) => JSON.parse(line) as T);
}

const FIELDS = [
  "route",
  "rewritten",
  "selector",
  "user",
  "uid",
  "gid",
  "home",
  "dash",
  "ext",
  "qmailfile",
] as const;

/** What a case expects, under the names and in the order of `FIELDS`, the verdict first. */
export function expected(expect: Case["expect"]): Record<string, unknown> {
  const fields: Record<string, unknown> = { verdict: expect.lookup_verdict ?? expect.verdict };
  for (const field of FIELDS) if (field in expect) fields[field] = expect[field];
  return fields;
}

/** What a result (or the command's JSON object) says, in the same form. */
export function actual(
  result: LookupResult | Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const fields: Record<string, unknown> = { verdict: result.verdict };
  for (const field of FIELDS) if (result[field] !== undefined) fields[field] = result[field];
  return fields;
}
