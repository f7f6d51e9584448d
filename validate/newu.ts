/**
 * users/assign into users/cdb, as qmail-newu does.
 *
 * Mirrors qmail-newu.c: "+" lines are wildcards, every other line is exact; a line of one dot ends
 * the file. The last bytes of wildcards become the set under the empty key, in the case in which
 * they are written.
 */
import { latin1, makeCdb } from "../cdb/mod.ts";
import { lowerAscii } from "./rewrite.ts";

/** A line that qmail-newu would refuse. `message`: a sentence with the line number. */
export class AssignError extends Error {
  override name = "AssignError";
}

const FIELDS = 6;

/** One line without its LF as a record. @throws {AssignError} */
function recordOf(line: string, number: number): { key: string; data: string; wild: string } {
  const colon = line.indexOf(":");
  const parts = line.slice(colon + 1).split(":");
  if (colon <= 0 || parts.length <= FIELDS) {
    throw new AssignError(
      `Line ${number} of users/assign has not the form "=local:user:uid:gid:home:dash:ext:"`,
    );
  }
  if (line.includes("\0")) {
    throw new AssignError(`Line ${number} of users/assign has a NUL in it`);
  }
  const name = line.slice(1, colon);
  const isWild = line.startsWith("+");
  return {
    key: `!${lowerAscii(name)}${isWild ? "" : "\0"}`,
    data: parts.slice(0, FIELDS).join("\0"),
    wild: isWild ? name.slice(-1) : "",
  };
}

/** The database of a users/assign file. @throws {AssignError} */
export function makeAssignCdb(assign: Uint8Array): Uint8Array<ArrayBuffer> {
  const records: [string, string][] = [];
  const wildcards = new Set<string>();
  const lines = latin1(assign).split("\n");
  // A line without its LF, or a file without its dot, was cut short.
  for (const [index, line] of lines.entries()) {
    if (line.startsWith(".")) {
      return makeCdb([...records, ["", [...wildcards].join("")]]);
    }
    if (index === lines.length - 1) break;
    const { key, data, wild } = recordOf(line, index + 1);
    if (wild !== "") wildcards.add(wild);
    records.push([key, data]);
  }
  throw new AssignError('users/assign does not end with a line that is a single "."');
}
