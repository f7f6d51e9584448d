/** Findings as a person reads them, and as a program does. */
import { SEVERITIES } from "../doctor/mod.ts";
import type { Finding, ServiceUser, Severity } from "../doctor/types.ts";

export interface TextOptions {
  readonly colour: boolean;
  /** Every finding of a kind. */
  readonly all: boolean;
}

/** Findings of one kind that are shown. */
const SHOWN = 5;
const WIDTH = 78;

/** SGR colours. */
const COLOURS: Readonly<Record<Severity, string>> = {
  fatal: "1;37;41",
  error: "1;31",
  warning: "33",
  note: "36",
};

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Bytes of the site, one char each, as UTF-8 where they are; no control characters. */
export function readable(text: string): string {
  let shown = text;
  // deno-lint-ignore no-control-regex
  if (/[\x80-\xff]/.test(text) && /^[\x00-\xff]*$/.test(text)) {
    try {
      shown = UTF8.decode(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    } catch {
      // Latin-1 then.
    }
  }
  // deno-lint-ignore no-control-regex
  const controls = /[\x00-\x1f\x7f]/g;
  return shown.replace(controls, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Words in lines of at most WIDTH, further ones below the first word. */
function wrapped(label: string, text: string): string {
  const indent = " ".repeat(label.length);
  const lines: string[] = [];
  let line = label;
  for (const word of text.split(" ")) {
    if (line.length + word.length + 1 > WIDTH && line !== label && line !== indent) {
      lines.push(line);
      line = indent;
    }
    line += line === label || line === indent ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

const placeOf = ({ where: { path, line } }: Finding): string =>
  readable(line === undefined ? path : `${path}:${line}`);

function oneText(finding: Finding, { colour }: TextOptions): string {
  const { severity, id, what, why, mend } = finding;
  const mark = colour ? `\x1b[${COLOURS[severity]}m${severity}\x1b[0m` : severity;
  const bold = colour ? `\x1b[1m${placeOf(finding)}\x1b[0m` : placeOf(finding);
  return [
    `${mark}${" ".repeat(8 - severity.length)}${bold}  [${id}]`,
    wrapped("  ", `${readable(what)}.`),
    wrapped("  why:  ", `${why}.`),
    // A command is copied: it stays one line.
    `  mend: ${readable(mend)}`,
  ].join("\n");
}

/** "2 errors, 1 note". */
export function countsText(findings: readonly Finding[]): string {
  const parts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((one) => one.severity === severity).length;
    const word = severity === "fatal" ? "fatal" : count === 1 ? severity : `${severity}s`;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return parts.length === 0 ? "Nothing was found" : parts.join(", ");
}

const judgedFor = ({ name, uid, gid, how }: ServiceUser): string =>
  `judged for ${name === `${uid}:${gid}` ? name : `${name} (${uid}:${gid})`}${
    how === "this user" ? ", who asks" : how === "--as" ? "" : ", whom serve becomes"
  }`;

/** The whole text. The worst stands first; of many of one kind the first five. */
export function findingsText(
  findings: readonly Finding[],
  service: ServiceUser,
  options: TextOptions,
): string {
  const counts = new Map<string, number>();
  const blocks = findings.flatMap((finding) => {
    const count = (counts.get(finding.id) ?? 0) + 1;
    counts.set(finding.id, count);
    const isLast = findings.findLast(({ id }) => id === finding.id) === finding;
    if (options.all || count <= SHOWN) return [oneText(finding, options)];
    return isLast ? [`        ... and ${count - SHOWN} more [${finding.id}] (--all)`] : [];
  });
  return [...blocks, `${countsText(findings)} (${judgedFor(service)})`].join("\n\n");
}

export function findingsJson(findings: readonly Finding[], service: ServiceUser): string {
  const plain = findings.map((finding) => ({
    ...finding,
    where: { ...finding.where, path: readable(finding.where.path) },
    what: readable(finding.what),
    mend: readable(finding.mend),
  }));
  const worst = SEVERITIES.find((severity) => findings.some((one) => one.severity === severity));
  const { name, uid, gid, how } = service;
  return JSON.stringify(
    { worst: worst ?? null, service: { name, uid, gid, how }, findings: plain },
    null,
    2,
  );
}
