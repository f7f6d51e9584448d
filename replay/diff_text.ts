/** Two trees compared, for a terminal: 80 columns, and nothing foreign that could move a cursor. */
import { wrap } from "../report/text.ts";
import { number, plural, safe as safely } from "../report/words.ts";
import type { LookupStep } from "../validate/types.ts";
import { ANY_NAME } from "./addresses.ts";
import { DIFF_KINDS, type DiffKind, type DiffReport, type DiffRow, type DiffSide } from "./diff.ts";

const WIDTH = 80;

const safe = (text: string): string => safely(text).replaceAll(ANY_NAME, "*");

const HEADS: Readonly<Record<DiffKind, string>> = {
  accepted_refused: "Accepted by the old tree, refused by the new one",
  accepted_deferred: "Accepted by the old tree, deferred by the new one",
  deferred_refused: "Deferred by the old tree, refused by the new one",
  refused_deferred: "Refused by the old tree, deferred by the new one",
  refused_accepted: "Refused by the old tree, accepted by the new one",
  deferred_accepted: "Deferred by the old tree, accepted by the new one",
  goes_elsewhere: "Accepted by both, and goes elsewhere",
};

/** An address; a name that stands for any says so. */
function shownRecipient({ recipient, is_any_name }: DiffRow): string {
  if (!is_any_name) return `<${safe(recipient)}>`;
  return `<${safe(recipient)}> (any name that the tree does not have)`;
}

function sideText({ outcome, rule, reason, goes_to }: DiffSide): string {
  if (outcome === "accepted") return goes_to === "" ? "accepted" : `to ${safe(goes_to)}`;
  return `${safe(rule)}: ${safe(reason)}`;
}

function stepText(step: LookupStep | null): string {
  if (step === null) return "no such step";
  const { file, key, found } = step;
  return `${file === "" ? step.step : safe(file)}${key === "" ? "" : ` "${safe(key)}"`}: ${
    safe(found)
  }`;
}

function rowLines(row: DiffRow): string[] {
  const { count, delivered, step } = row;
  const fate = delivered === 0 ? "" : `, ${number(delivered)} of them delivered then`;
  const times = count === 1 && delivered === 0 ? "" : `, ${plural(count, "attempt")}${fate}`;
  const steps = step === null ? [] : [
    ...wrap(`old step: ${stepText(step.old)}`, WIDTH, "      "),
    ...wrap(`new step: ${stepText(step.new)}`, WIDTH, "      "),
  ];
  return [
    ...wrap(`${shownRecipient(row)}${times}`, WIDTH, "  "),
    ...wrap(`old: ${sideText(row.old)}`, WIDTH, "    "),
    ...wrap(`new: ${sideText(row.new)}`, WIDTH, "    "),
    ...steps,
  ];
}

function kindLines(kind: DiffKind, { changes, rows }: DiffReport): string[] {
  const count = changes[kind];
  if (count === 0) return [];
  const own = rows.filter((row) => row.kind === kind);
  return [`${HEADS[kind]}: ${number(count)}`, ...own.flatMap(rowLines), ""];
}

/** The text. */
export function diffText(report: DiffReport): string {
  const { old_dir, new_dir, asked, count, not_judged, changes, more, set_aside, notes } = report;
  const word = asked === "attempts"
    ? plural(count, "attempt")
    : plural(count, "address", "addresses");
  const isSame = Object.values(changes).every((n) => n === 0);
  const unjudged = not_judged.why.flatMap(({ text, count }) =>
    wrap(`Not judged: ${number(count)}, because ${text}`, WIDTH, "")
  );
  const rest = more === 0
    ? []
    : [`${more === null ? "Others" : number(more)} more: --top N shows N`];
  const aside = set_aside.length === 0
    ? []
    : wrap(`Not asked on either side: ${set_aside.join(", ")}`, WIDTH, "");
  return `${
    [
      ...wrap(`${word} asked of ${safe(old_dir)} and ${safe(new_dir)}`, WIDTH, ""),
      "",
      ...(isSame ? ["Nothing would change", ""] : []),
      ...DIFF_KINDS.flatMap((kind) => kindLines(kind, report)),
      ...rest,
      ...unjudged,
      ...aside,
      ...notes.flatMap((note) => wrap(safe(note), WIDTH, "")),
    ].join("\n").trimEnd()
  }\n`;
}
