/**
 * Lines of other password files as lines of users/poppasswd: passwd and shadow, vpopmail's vpasswd,
 * Apache's htpasswd. Pure. Clear passwords that vpasswd files may carry are never taken over.
 */
import { readEntry } from "../auth/poppasswd_file.ts";

export const IMPORT_FORMS = ["passwd", "vpasswd", "htpasswd"] as const;
export type ImportForm = (typeof IMPORT_FORMS)[number];

/** A line's outcome: what belongs to the login, or a sentence why it is left out. */
export type Imported =
  | { readonly login: string; readonly hash: string; readonly place: string }
  | { readonly login: string; readonly fault: string };

/** vpopmail's V_USER bit for "no POP access". */
const NO_POP = 0x02;

type Converted = { readonly place: string } | { readonly fault: string };

/** The place of a line that names none. */
const ownersOnly = (owner: string): Converted => ({ place: owner === "" ? "" : `:${owner}` });

/** The owner of a passwd line is its own user, unless `owner` names another. */
function convertPasswd(fields: readonly string[], owner: string): Converted {
  const [, , uid = "", gid = "", , home = ""] = fields;
  if (fields.length === 2 || fields.length === 9) return ownersOnly(owner);
  if (fields.length !== 7) return { fault: `A passwd line has 7 fields, not ${fields.length}` };
  return { place: `:${owner || `${uid}:${gid}`}${home === "" ? "" : `:${home}`}` };
}

/**
 * The uid and gid of a vpasswd line are flags, not ids: the files belong to whoever `owner` names.
 */
function convertVpasswd(fields: readonly string[], owner: string): Converted {
  const [, , , flags = "", , home = ""] = fields;
  if (fields.length < 7 || fields.length > 8) {
    return { fault: `A vpasswd line has 7 or 8 fields, not ${fields.length}` };
  }
  if ((Number(flags) & NO_POP) !== 0) return { fault: "POP is switched off for it" };
  return { place: `:${owner}:${home}` };
}

function convert(form: ImportForm, fields: readonly string[], owner: string): Converted {
  switch (form) {
    case "passwd":
      return convertPasswd(fields, owner);
    case "vpasswd":
      return convertVpasswd(fields, owner);
    case "htpasswd":
      return fields.length === 2
        ? ownersOnly(owner)
        : { fault: `An htpasswd line has 2 fields, not ${fields.length}` };
  }
}

export interface ImportOptions {
  readonly form: ImportForm;
  /** Put behind logins that have none: "example.org"; "": nothing. */
  readonly domain: string;
  /** user or uid[:gid] that owns the maildrops; "": the line's own, where it has one. */
  readonly owner: string;
}

/** Reads one line; null: a comment or an empty line. Text is binary. */
export function importLine(raw: string, options: ImportOptions): Imported | null {
  const text = raw.replace(/[ \t\r\n]+$/, "");
  if (/^[ \t]*(#|$)/.test(text)) return null;
  const fields = text.split(":");
  const [name = "", hash] = fields;
  const login = options.domain === "" || name.includes("@") ? name : `${name}@${options.domain}`;
  if (hash === undefined) return { login, fault: 'There is no ":" after the login' };
  const converted = convert(options.form, fields, options.owner);
  if ("fault" in converted) return { login, fault: converted.fault };
  const reading = readEntry(login, hash + converted.place);
  if ("fault" in reading) return { login, fault: reading.fault };
  return { login, hash, place: converted.place };
}
