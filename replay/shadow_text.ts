/** Checks in shadow for a terminal: 80 columns, and nothing from a log that could move a cursor. */
import { wrap } from "../report/text.ts";
import { localMinute, number, plural, safe } from "../report/words.ts";
import type { CountedText } from "./replay_types.ts";
import type { Evidence, ShadowCheck, ShadowHit, ShadowReport, WantedHit } from "./shadow_types.ts";

const WIDTH = 80;

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  answered: "its recipient wrote to its sender",
  accepted_later: "later mail of this sender to this recipient passed the check",
};

function hitLines(hit: ShadowHit | WantedHit): string[] {
  const { when, ip, sender, recipient, rule, reply, delivered } = hit;
  const fate = delivered === true ? ", delivered" : delivered === false ? ", bounced" : "";
  const head = `${localMinute(when)} <${safe(recipient)}> from <${safe(sender)}>, ${
    safe(ip)
  }${fate}`;
  const evidence = "evidence" in hit ? hit.evidence.map((one) => EVIDENCE[one]).join("; ") : "";
  const why = `${safe(reply)} by ${safe(rule)}${evidence === "" ? "" : `; wanted: ${evidence}`}`;
  return [...wrap(head, WIDTH, "    "), ...wrap(why, WIDTH, "        ")];
}

function listLine(title: string, texts: readonly CountedText[]): string[] {
  if (texts.length === 0) return [];
  const shown = texts.slice(0, 5).map(({ text, count }) => `${safe(text)} (${number(count)})`);
  return wrap(`${title}: ${shown.join(", ")}`, WIDTH, "  ");
}

/** What became of those who would have been refused. */
function fateLines(check: ShadowCheck, knowsDeliveries: boolean): string[] {
  const { recipients, refused_anyway, accepted, delivered, bounced } = check;
  if (recipients === 0) return [];
  const known = knowsDeliveries
    ? `, ${number(delivered)} delivered and ${number(bounced)} bounced by qmail-send's log`
    : "";
  return wrap(
    `${plural(recipients, "recipient")} under it: ${number(refused_anyway)} refused anyway, ` +
      `${number(accepted)} accepted${known}`,
    WIDTH,
    "  ",
  );
}

/** Mail that was wanted, by name. */
export function wantedLines({ wanted: { count, rows }, only_delays }: ShadowCheck): string[] {
  if (count === 0) return [];
  const verb = only_delays ? "delayed" : "lost";
  const rest = count > rows.length ? [`    and ${number(count - rows.length)} more`] : [];
  return [`  Wanted, and ${verb}: ${number(count)}`, ...rows.flatMap(hitLines), ...rest];
}

function checkLines(check: ShadowCheck, knowsDeliveries: boolean): string[] {
  const { verdicts: { refuse, defer, accept }, service, setting, recipients, wanted } = check;
  const counts = [
    `${number(refuse)} refused`,
    `${number(defer)} deferred`,
    ...(accept === 0 ? [] : [`${number(accept)} accepted`]),
  ];
  const running = service === null
    ? ""
    : `; ${plural(service, "verdict")} since the service started`;
  const none = recipients > 0 && wanted.count === 0
    ? ["  Nothing shows that any of it was wanted"]
    : [];
  return [
    `${check.check} (${setting ?? "no setting"})`,
    ...wrap(`Would have: ${counts.join(", ")}${running}`, WIDTH, "  "),
    ...fateLines(check, knowsDeliveries),
    ...listLine("Networks", check.networks),
    ...listLine("Rules", check.rules),
    ...wantedLines(check),
    ...none,
    ...(check.examples.length === 0 ? [] : ["  Examples", ...check.examples.flatMap(hitLines)]),
    "",
  ];
}

/** The text. */
export function shadowText(report: ShadowReport): string {
  const { files, lines, from, until, checks, knows_deliveries, partial } = report;
  const span = from === null ? "" : `, ${localMinute(from)} to ${localMinute(until)}`;
  const notes = [
    ...(knows_deliveries || checks.every(({ accepted }) => accepted === 0)
      ? []
      : wrap("What was delivered is not known: give qmail-send's log too", WIDTH, "")),
    ...(partial
      ? wrap("There is more mail than could be kept, so evidence may be missing", WIDTH, "")
      : []),
  ];
  const none = checks.length === 0
    ? ["No check is in shadow, and the logs have no verdict of one"]
    : [];
  return `${
    [
      ...wrap(`${plural(files, "log")} (${plural(lines, "line")}${span})`, WIDTH, ""),
      "",
      ...none,
      ...checks.flatMap((check) => checkLines(check, knows_deliveries)),
      ...notes,
    ].join("\n").trimEnd()
  }\n`;
}
