/**
 * A replay for a terminal: what would change first, by name, then how the numbers move. 80 columns; everything that comes
 * from a log is made safe.
 */
import { wrap } from "../report/text.ts";
import { localMinute, number, plural, safe } from "../report/words.ts";
import type { Move, MoveKind, MoveRow, ReplayReport, RuleRow } from "./replay_types.ts";

const WIDTH = 80;

const HEADS: { readonly [K in MoveKind]: (n: number) => string } = {
  delivered_refused: (n) =>
    `${plural(n, "false positive")}: delivered then, by qmail-send's own log; refused now`,
  delivered_deferred: (n) => `${number(n)} delivered then, deferred now`,
  bounced_refused: (n) =>
    `${number(n)} accepted and bounced then, refused at the door now: backscatter saved`,
  bounced_deferred: (n) => `${number(n)} accepted and bounced then, deferred now`,
  accepted_refused: (n) =>
    `${number(n)} accepted then, refused now; the logs don't say what became of them`,
  accepted_deferred: (n) =>
    `${number(n)} accepted then, deferred now; the logs don't say what became of them`,
  refused_accepted: (n) => `${number(n)} refused then, accepted now`,
  deferred_accepted: (n) => `${number(n)} deferred then, accepted now`,
  refused_deferred: (n) => `${number(n)} refused then, deferred now`,
  deferred_refused: (n) => `${number(n)} deferred then, refused now`,
};

/** Addresses and rules as a reader wants them. */
const shownSender = (sender: string | null): string => sender === null ? "?" : `<${safe(sender)}>`;

function moveRow({ count, recipient, sender, ip, rule_before, rule_now, reason }: MoveRow) {
  const times = count === 1 ? "" : `${number(count)} times `;
  const by = ip === "" ? "" : count === 1 ? `, ${safe(ip)}` : `, such as ${safe(ip)}`;
  const head = `${times}<${safe(recipient)}> from ${shownSender(sender)}${by}`;
  const then = rule_before === "" ? "" : `then: ${safe(rule_before)}; `;
  const now = rule_now === "" ? safe(reason) : `${safe(rule_now)}: ${safe(reason)}`;
  return [...wrap(head, WIDTH, "    "), ...wrap(`${then}now: ${now}`, WIDTH, "        ")];
}

function moveLines(kind: MoveKind, { count, rows, more }: Move): string[] {
  if (count === 0) return [];
  const rest = more === 0
    ? []
    : [`    and ${more === null ? "others" : number(more)} more: --top N shows N`];
  return [...wrap(HEADS[kind](count), WIDTH, "  "), ...rows.flatMap(moveRow), ...rest, ""];
}

function columns(rows: readonly (readonly [string, number, number])[], title: string): string[] {
  const wide = Math.max(7, ...rows.flatMap(([, a, b]) => [number(a).length, number(b).length]));
  const line = (name: string, a: string, b: string) =>
    `  ${a.padStart(wide)}  ${b.padStart(wide)}  ${name}`.trimEnd();
  const shown = rows.map(([name, a, b]) => line(safe(name), number(a), number(b)));
  return [line(title, "then", "now"), ...shown, ""];
}

const ruleLines = (rows: readonly RuleRow[], title: string): string[] =>
  rows.length === 0
    ? []
    : columns(rows.map(({ rule, before, now }) => [rule, before, now] as const), title);

function unjudgedLines({ not_judged: { count, why, relay_domains } }: ReplayReport): string[] {
  if (count === 0) return [];
  const domains = relay_domains.map(({ text, count }) => `${safe(text)} (${number(count)})`);
  return [
    `  Not judged: ${plural(count, "attempt")}`,
    ...why.flatMap(({ text, count }) => wrap(`${number(count)}: ${text}`, WIDTH, "    ")),
    ...(domains.length === 0 ? [] : wrap(`to ${domains.join(", ")}`, WIDTH, "      ")),
    "",
  ];
}

function headLines(report: ReplayReport): string[] {
  const { files, lines, attempts, from, until, changed } = report;
  const span = from === null ? "" : `, ${localMinute(from)} to ${localMinute(until)}`;
  const settings = changed.length === 0 ? "" : ` and ${changed.map(safe).join(", ")}`;
  return [
    ...wrap(
      `${plural(attempts, "attempt")} of ${plural(files, "log")} ` +
        `(${plural(lines, "line")}${span}), judged by today's tree${settings}`,
      WIDTH,
      "",
    ),
    "",
  ];
}

function setAsideLines({ set_aside, out_of_order }: ReplayReport): string[] {
  const late = out_of_order === 0
    ? []
    : wrap(`${plural(out_of_order, "attempt")} came too late to be put in order`, WIDTH, "  ");
  if (set_aside.length === 0) return late;
  return [
    ...wrap("These checks are not off, and were not asked:", WIDTH, "  "),
    ...set_aside.flatMap(({ check, why }) => wrap(`${check}: ${why}`, WIDTH, "    ")),
    ...late,
  ];
}

/** The text. */
export function replayText(report: ReplayReport): string {
  const { before, now, moves } = report;
  const changes = (Object.keys(HEADS) as MoveKind[]).flatMap((kind) =>
    moveLines(kind, moves[kind])
  );
  const lines = [
    ...headLines(report),
    ...columns([
      ["accepted", before.accepted, now.accepted],
      ["refused", before.refused, now.refused],
      ["deferred", before.deferred, now.deferred],
    ], ""),
    ...unjudgedLines(report),
    ...(changes.length === 0 ? ["  Nothing would change", ""] : changes),
    ...ruleLines(report.refused_by, "refused by"),
    ...ruleLines(report.deferred_by, "deferred by"),
    ...setAsideLines(report),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
