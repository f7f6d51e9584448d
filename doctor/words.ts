/** Small things that several checks say or ask in the same way. */
import { lowerAscii } from "../validate/rewrite.ts";
import { type FindingId, FINDINGS } from "./catalogue.ts";
import type { Finding, Patient, Where } from "./types.ts";

/** A finding of the catalogue. `what` and `mend` are of this one; severity and reason are of its kind. */
export function found(id: FindingId, where: Where, what: string, mend: string): Finding {
  const { severity, why } = FINDINGS[id];
  return { severity, id, where, what, why, mend };
}

/** A word as a shell takes it. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** Mode bits as chmod takes them. */
export const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");

/** Name on this system of a path within the site. */
export const onDisk = (patient: Patient, path: string): string => patient.place.root + path;

/** Name on this system of a control file. */
export const controlPath = (patient: Patient, name: string): string =>
  `${patient.place.path}/control/${name}`;

/** A setting's path as file calls take it, as the service resolves it. */
export const settingPath = ({ place }: Patient, name: string): string =>
  name.startsWith("/") ? place.root + name : `${place.path}/${name}`;

/** stat(2); null: there is nothing that can be seen. */
export function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

/** The bytes of a file; null: none that can be read. */
export function bytesOf(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch {
    return null;
  }
}

/** What `entry` would be without what qmail does not strip: blanks and CR at its ends, upper case. */
export const cleaned = (entry: string): string => lowerAscii(entry.trim());

/** Nobody's name, in one word: `-` would ask for more dot-qmail files. */
export const NOBODY = "qfrontdoctor7c1e09b4";

/** How many of a kind are looked at before a check stops. */
export const MANY = 5000;
