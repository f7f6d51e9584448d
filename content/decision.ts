/**
 * The decision record: what the checks said of a message, in one line of the trace and, as X-Qfront,
 * in the message itself.
 *
 *     X-Qfront: v=1; session=12; rule=spamd; shadow=patterns:554;
 *      spamd="score 6.1 of 15, tagged from 5 on"
 *
 * Later versions may add keys; `v` changes when the meaning of one does. Nothing in it comes from a
 * client unquoted, and no byte of it can end the field.
 */
import { isNamed } from "./header.ts";
import type { Examined } from "./examine.ts";
import type { Envelope, HeaderField } from "./types.ts";

export const DECISION_FIELD = "X-Qfront";

/** Longest quoted text of one check. */
const QUOTED_BYTES = 300;

/** Quoted, visible ASCII only; what would end the quotes becomes "?". */
function quoted(text: string): string {
  return `"${text.slice(0, QUOTED_BYTES).replace(/[^ !#-[\]-~]/g, "?")}"`;
}

/** A word without quotes: no blank, no separator. */
function word(text: string): string {
  return text.slice(0, QUOTED_BYTES).replace(/[^!-+\--:<-~]+/g, "_");
}

const words = (all: readonly string[]): string => all.length === 0 ? "none" : all.join(",");

/** The parts of the record. */
function partsOf(examined: Examined, envelope: Envelope): string[] {
  const { judgement, overruled, rules } = examined;
  const { verdict, shadows, findings } = judgement;
  const decided = verdict.kind === "none" ? [] : [verdict.rule];
  const against = (rule: string, code: number): string => `${word(rule)}:${code}`;
  const shadowed = shadows.map(({ verdict: one }) =>
    one.kind === "accept" ? `${word(one.rule)}:accepted` : against(one.rule, one.reply.code)
  );
  return [
    "v=1",
    `session=${envelope.session}`,
    `rule=${words([...decided, ...rules].map(word))}`,
    `shadow=${words([...(envelope.shadows ?? []).map(word), ...shadowed])}`,
    ...(overruled.length === 0 ? [] : [
      `overruled=${words(overruled.map(({ verdict: v }) => against(v.rule, v.reply.code)))}`,
    ]),
    ...findings.map(({ check, text }) => `${check}=${quoted(text)}`),
  ];
}

/** The record in one line. */
export function decisionRecord(examined: Examined, envelope: Envelope): string {
  return partsOf(examined, envelope).join("; ");
}

/** Longest list of rules that stays on one line: RFC 5322 allows 998 characters. */
const LINE_CHARS = 400;

/** The record as a field, folded. */
export function decisionField(examined: Examined, envelope: Envelope): string {
  const parts = partsOf(examined, envelope)
    .map((part) => part.length <= LINE_CHARS ? part : part.replaceAll(",", ",\n "));
  const first = parts.slice(0, 4).join("; ");
  return `${DECISION_FIELD}: ${[first, ...parts.slice(4)].join(";\n ")}`;
}

/** Forged records. */
export const isDecision = (field: HeaderField): boolean => isNamed(field, DECISION_FIELD);
