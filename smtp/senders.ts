/**
 * Which senders belong to a login: control/senderlogins, asked at MAIL where `sender_login_map` is
 * on (RFC 6409, section 6.1).
 *
 * One line a login: `login: address, @domain ...`; several lines of one login add up, `*` stands for
 * every sender. A login that is an address may always send as itself, and everybody with the null
 * path: notices about mail have no sender. Upper and lower case are alike. Who did not log in is
 * not judged here.
 *
 * No qmail program has this file; its form is that of qmail's other tables.
 */

/** The file, read; `fault`: one sentence about the line that can't be understood. */
export type SenderLogins =
  | { readonly kind: "table"; readonly table: ReadonlyMap<string, ReadonlySet<string>> }
  | { readonly kind: "fault"; readonly reason: string };

/** May the login send so? Undecided: the file can't be understood. */
export type SenderVerdict = "allowed" | "refused" | { readonly undecided: string };

/** Reads the entries of control/senderlogins; null: no such file. */
export function readSenderLogins(lines: readonly string[] | null): SenderLogins {
  const table = new Map<string, Set<string>>();
  for (const line of lines ?? []) {
    const colon = line.lastIndexOf(":");
    const login = lowerAscii(line.slice(0, Math.max(0, colon)).trim());
    const senders = lowerAscii(line.slice(colon + 1)).split(/[\s,]+/).filter((w) => w !== "");
    const wrong = senders.find((sender) => sender !== "*" && !sender.includes("@"));
    if (login === "" || wrong !== undefined) return fault(line, wrong);
    const known = table.get(login) ?? new Set();
    for (const sender of senders) known.add(sender);
    table.set(login, known);
  }
  return { kind: "table", table };
}

function fault(line: string, wrong: string | undefined): SenderLogins {
  const what = wrong === undefined
    ? 'it is not of the form "login: sender, sender ..."'
    : `"${wrong}" is neither an address nor "@domain" nor "*"`;
  return { kind: "fault", reason: `Line "${line}" of control/senderlogins is wrong: ${what}` };
}

/** Judges `sender` of somebody who logged in as `login`. */
export function judgeSender(logins: SenderLogins, login: string, sender: string): SenderVerdict {
  const name = lowerAscii(login);
  const address = lowerAscii(sender);
  if (address === "" || (address === name && name.includes("@"))) return "allowed";
  if (logins.kind === "fault") return { undecided: logins.reason };
  const senders = logins.table.get(name);
  if (senders === undefined) return "refused";
  const domain = address.slice(Math.max(0, address.lastIndexOf("@")));
  const isTheirs = senders.has(address) || senders.has("*") ||
    (domain.startsWith("@") && senders.has(domain));
  return isTheirs ? "allowed" : "refused";
}

/** ASCII only: addresses are bytes. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (c) => c.toLowerCase());
}
