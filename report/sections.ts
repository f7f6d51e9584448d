/**
 * What a report says, in its order, as data that text and HTML show each in its way. A section without anything to say
 * is not there.
 */
import type { Report, Row, Table } from "./report_types.ts";
import { bytes, duration, localMinute, number, percent, plural } from "./words.ts";

/** Rows of a name and a count, shown with bars. */
export interface Bars {
  readonly kind: "bars";
  readonly title: string;
  readonly rows: readonly Row[];
  readonly total: number;
  readonly note: string;
}

/** Columns; those whose head ends in "#" hold numbers. */
export interface Grid {
  readonly kind: "grid";
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note: string;
}

export type Part = Bars | Grid;

export interface Section {
  readonly title: string;
  /** One or two sentences: what it means. */
  readonly lead: string;
  readonly parts: readonly Part[];
}

/** How exact a table is, where it is not. */
function exactness({ rows, total, distinct, may_miss }: Table): string {
  const shown = rows.reduce((sum, row) => sum + row.count, 0);
  const rest = distinct === null || distinct > rows.length ? Math.max(0, total - shown) : 0;
  const others = rest === 0
    ? ""
    : distinct === null
    ? `${number(rest)} more from others`
    : `${number(rest)} more from ${plural(distinct - rows.length, "other")}`;
  const miss = may_miss === 0 ? "" : `each count may be up to ${number(may_miss)} too low`;
  return [others, miss].filter((text) => text !== "").join("; ");
}

function bars(title: string, table: Table): Bars[] {
  const { rows, total } = table;
  return rows.length === 0 ? [] : [{ kind: "bars", title, rows, total, note: exactness(table) }];
}

const grid = (
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  note = "",
): Grid[] => rows.length === 0 ? [] : [{ kind: "grid", title, head, rows, note }];

function refusals(r: Report): Section {
  return {
    title: "Refused and deferred",
    lead: "By the rule that decided. Deferred senders are told to come again.",
    parts: [
      ...bars("Refused by rule", r.refused_by),
      ...bars("Deferred by rule", r.deferred_by),
      ...bars("Would be refused (shadow)", r.shadow),
      ...bars("Softened to 4xx", r.softened),
      ...bars("Networks refused most", r.refused_networks),
      ...bars("Relay attempts", r.relay_attempts),
      ...bars("Failed logins", r.failed_logins),
    ],
  };
}

function guessing({ guessing: g }: Report): Section {
  const answers = g.harvest_answers === 0
    ? ""
    : ` ${plural(g.harvest_answers, "answer")} told a guesser nothing (harvest).`;
  return {
    title: "Dictionary attacks",
    lead: `${plural(g.names.total, "recipient")} that nobody has.${answers}`,
    parts: [
      ...bars("Networks (/24, /64)", g.networks),
      ...bars("Addresses", g.addresses),
      ...bars("Names guessed most", g.names),
      ...bars("Decoys hit by", g.decoys),
      ...bars("Banned", g.bans),
    ],
  };
}

function backscatter({ backscatter: b, bounced }: Report): Section {
  const doubles = b.double_bounces + b.triple_bounces === 0
    ? ""
    : ` ${plural(b.double_bounces, "double bounce")}, ${number(b.triple_bounces)} given up.`;
  return {
    title: "Accepted, then bounced",
    lead: `${plural(bounced.reasons.total, "delivery", "deliveries")} failed for good; ` +
      `${plural(b.bounces, "bounce")} written, ` +
      `${number(b.victims.total)} of them to strangers: backscatter.${doubles}`,
    parts: [
      ...bars("Victims of backscatter", b.victims),
      ...bars("Recipients that caused it", b.recipients),
      ...bars("Networks that brought it", b.sources),
      ...bars("Local recipients that bounced", bounced.recipients),
      ...bars("Reasons", bounced.reasons),
    ],
  };
}

function recheck({ recheck: checked }: Report): Section[] {
  if (checked === null) return [];
  const rows = checked.refused.map(({ recipient, accepted, bounced, reason }) => [
    recipient,
    number(accepted),
    number(bounced),
    reason,
  ]);
  const undecided = checked.undecided === 0 ? "" : `, ${number(checked.undecided)} undecided`;
  return [{
    title: "Would be refused today",
    lead: `${plural(checked.asked, "recipient")} that got mail or bounced were looked up again: ` +
      `${number(rows.length)} would be refused${undecided}.`,
    parts: grid("", ["Recipient", "Accepted#", "Bounced#", "Reason"], rows),
  }];
}

function authenticity(r: Report): Section {
  const results = (["spf", "dkim", "dmarc", "arc"] as const).flatMap((check) =>
    bars(check.toUpperCase(), r.results[check])
  );
  const zones = r.dnsbl.map(({ zone, listed, alone, errors, together }) => [
    zone,
    number(listed),
    `${number(alone)} (${percent(alone, listed)})`,
    number(errors),
    together.slice(0, 3).map(({ name, count }) => `${name} ${percent(count, listed)}`).join(", "),
  ]);
  const head = ["List", "Listed#", "Alone#", "Errors#", "Together with"];
  const note = "Alone: no other list would have found these.";
  return {
    title: "SPF, DKIM, DMARC and lists of the DNS",
    lead: "Results as traced, whether they were applied or in shadow.",
    parts: [...results, ...grid("Lists and their overlap", head, zones, note)],
  };
}

function suspects({ suspects: s }: Report): Section {
  const rows = s.rows.map(({ when, ip, helo, sender, rule, fcrdns }) => [
    localMinute(when),
    `${ip} ${helo}`,
    sender === null ? "not traced" : `<${sender}>`,
    rule,
    fcrdns === null ? "not traced" : "confirmed",
  ]);
  return {
    title: "Perhaps refused by mistake",
    lead: `${plural(s.count, "session")} refused although SPF passed and reverse DNS does not ` +
      "speak against it.",
    parts: grid("", ["When", "Client", "Sender", "Refused by", "Reverse DNS"], rows),
  };
}

function deliveries(r: Report): Section {
  const results = (["local", "remote"] as const).filter((channel) =>
    r.deliveries[channel].success + r.deliveries[channel].failure + r.deliveries[channel].deferral >
      0
  ).map((channel) => {
    const { success, failure, deferral } = r.deliveries[channel];
    const { median_ms, p90_ms, longest_ms } = r.latency[channel];
    return [
      channel,
      ...[success, failure, deferral].map(number),
      ...[median_ms, p90_ms, longest_ms].map(duration),
    ];
  });
  const { count, median_ms, p90_ms, longest_ms } = r.latency.since_arrival;
  const since = count === 0
    ? ""
    : `From arrival to delivery: half within ${duration(median_ms)}, nine of ten within ` +
      `${duration(p90_ms)}, longest ${duration(longest_ms)}.`;
  return {
    title: "Deliveries",
    lead: `${plural(r.arrivals.count, "message")} in the queue, ${
      bytes(r.arrivals.bytes)
    }. ${since}`
      .trim(),
    parts: [
      ...grid(
        "",
        ["To", "Success#", "Failure#", "Deferral#", "Median#", "90%#", "Longest#"],
        results,
      ),
      ...bars("Warnings of qmail-send", r.troubles),
    ],
  };
}

function queue({ queue: q }: Report): Section[] {
  if (q === null) return [];
  const oldest = q.oldest === null ? "" : `, the oldest since ${localMinute(q.oldest)}`;
  const rows = q.list.map((m) => [
    localMinute(m.arrived),
    `#${m.id}`,
    bytes(m.bytes),
    `<${m.sender}>` + (m.return_path === null ? "" : `, answer to <${m.return_path}>`),
    [...m.local.map((r) => `local ${r}`), ...m.remote.map((r) => `remote ${r}`)].join(", ") +
    (m.failed.length === 0 ? "" : `; failed: ${m.failed.join(", ")}`),
  ]);
  const notes = [...q.troubles, ...(q.list_cut ? ["The list is cut."] : [])];
  return [{
    title: "Queue now",
    lead: `${plural(q.messages, "message")} (${bytes(q.bytes)})${oldest}; recipients waiting: ` +
      `${number(q.local_recipients)} local, ${number(q.remote_recipients)} remote; ` +
      `${number(q.backscatter)} without sender to somebody elsewhere: backscatter in flight. ` +
      `${plural(q.todo, "message")} not yet looked at by qmail-send.` +
      (notes.length === 0 ? "" : ` ${notes.join(". ")}`),
    parts: grid("", ["Since", "Id", "Size#", "Sender", "Recipients"], rows),
  }];
}

/** The numbers that come first. */
export function headlines(r: Report): { readonly label: string; readonly value: string }[] {
  const { accepted, refused, deferred } = r.recipients;
  const clients = r.clients === null ? "over 10,000" : number(r.clients);
  return [
    { label: "sessions", value: number(r.sessions.total) },
    { label: "clients", value: clients },
    { label: "recipients accepted", value: number(accepted) },
    { label: "recipients refused", value: number(refused) },
    { label: "recipients deferred", value: number(deferred) },
    { label: "messages taken", value: number(r.messages.count) },
    { label: "backscatter", value: number(r.backscatter.victims.total) },
  ];
}

const saysSomething = ({ parts }: Section): boolean => parts.length > 0;

/** Everything that has something to say. */
export function sectionsOf(report: Report): Section[] {
  return [
    ...[refusals(report), guessing(report), backscatter(report)].filter(saysSomething),
    ...recheck(report),
    ...[authenticity(report), suspects(report), deliveries(report)].filter(saysSomething),
    ...queue(report),
  ];
}

/** What was read, and what could not be understood. */
export function readSentence({ read, connections, privacy }: Report): string {
  const parts = [
    `${plural(read.files, "log")}, ${plural(read.lines, "line")}, ${bytes(read.bytes)}`,
    ...(read.unknown_lines > 0 ? [`${number(read.unknown_lines)} lines of no known form`] : []),
    ...(read.lines_without_time > 0 ? [`${number(read.lines_without_time)} without a time`] : []),
    ...(read.lines_lost > 0 ? [`${number(read.lines_lost)} lost when written`] : []),
    ...(connections.ok + connections.deny > 0
      ? [`tcpserver let ${number(connections.ok)} in and denied ${number(connections.deny)}`]
      : []),
    ...(privacy === "none" ? [] : [`addresses masked: ${privacy}`]),
  ];
  return `${parts.join("; ")}.`;
}
