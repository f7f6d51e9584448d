/**
 * The report as one HTML page: everything in it, nothing fetched, no script. Its policy forbids both, should a log line
 * ever get through; and none does, since every text passes `esc`.
 *
 * Charts are SVG that stretches with the page, with their words beside them in HTML, so that a phone shows them readable.
 */
import { STYLE } from "./html_style.ts";
import type { Report } from "./report_types.ts";
import {
  type Bars,
  type Grid,
  headlines,
  readSentence,
  type Section,
  sectionsOf,
} from "./sections.ts";
import type { Outcome } from "./timeline.ts";
import { localMinute, number, percent, safe } from "./words.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Any text, safe as content and in quotes. */
export const esc = (binary: string): string =>
  safe(binary).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");

const OUTCOMES: readonly Outcome[] = ["accepted", "deferred", "refused"];
const CHART_HEIGHT = 100;

/** Bars of time, stacked. */
function timeChart({ timeline }: Report): string {
  const { steps } = timeline;
  if (steps.length === 0) return "";
  const most = Math.max(...steps.map((s) => s.accepted + s.refused + s.deferred), 1);
  const bars = steps.map((step, i) => {
    let y = CHART_HEIGHT;
    const rects = OUTCOMES.filter((outcome) => step[outcome] > 0).map((outcome) => {
      const height = step[outcome] / most * CHART_HEIGHT;
      y -= height;
      return `<rect class="${outcome}" x="${i + 0.08}" y="${y.toFixed(2)}" width=".84" ` +
        `height="${height.toFixed(2)}"/>`;
    });
    const said = OUTCOMES.map((outcome) => `${number(step[outcome])} ${outcome}`).join(", ");
    return `<g><title>${esc(localMinute(step.start))}: ${said}</title>${rects.join("")}</g>`;
  });
  const lines = [25, 50, 75].map((y) =>
    `<line class="grid" x1="0" x2="${steps.length}" y1="${y}" y2="${y}"/>`
  );
  const at = [0, Math.floor((steps.length - 1) / 2), steps.length - 1];
  const marks = [...new Set(at)].map((i) =>
    `<span>${esc(localMinute(steps[i]?.start ?? null))}</span>`
  );
  const sums = OUTCOMES.map((outcome) => {
    const sum = steps.reduce((total, step) => total + step[outcome], 0);
    return `<li class="${outcome}">${outcome} ${number(sum)}</li>`;
  });
  return `<section class="card"><h3>Recipients and connections over time</h3>
<div class="chart"><span class="most">${number(most)}</span><span class="zero">0</span>
<svg viewBox="0 0 ${steps.length} ${CHART_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="Recipients over time">
${lines.join("")}${bars.join("")}</svg></div>
<div class="times">${marks.join("")}</div>
<ul class="legend">${sums.join("")}</ul></section>`;
}

/** What colour a result has. */
const RESULT_CLASS: Readonly<Record<string, string>> = {
  pass: "accepted",
  fail: "refused",
  softfail: "deferred",
  neutral: "main",
  permerror: "error",
  temperror: "error",
};
const CHECKS = new Set(["SPF", "DKIM", "DMARC", "ARC"]);

/** One bar with the share of each result. */
function stack({ title, rows, total }: Bars): string {
  let x = 0;
  const parts = rows.map(({ name, count }) => {
    const width = count / Math.max(total, 1) * 100;
    const rect = `<rect class="${RESULT_CLASS[name] ?? "neutral"}" x="${x.toFixed(3)}" y="0" ` +
      `width="${width.toFixed(3)}" height="10"><title>${esc(name)} ${number(count)}</title></rect>`;
    x += width;
    return rect;
  });
  const legend = rows.map(({ name, count }) =>
    `<li class="${RESULT_CLASS[name] ?? "neutral"}">${esc(name)} ${number(count)} ` +
    `(${percent(count, total)})</li>`
  );
  return `<div class="card"><h3>${esc(title)}</h3>
<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${
    esc(title)
  }">${parts.join("")}</svg>
<ul class="legend">${legend.join("")}</ul></div>`;
}

const noteOf = (note: string): string => note === "" ? "" : `<p class="note">${esc(note)}</p>`;

function bars(part: Bars): string {
  const { title, rows, total, note } = part;
  if (CHECKS.has(title)) return stack(part);
  const most = Math.max(...rows.map(({ count }) => count), 1);
  const lines = rows.map(({ name, count }) =>
    `<div class="row"><span class="name">${esc(name)}</span><span>${number(count)}</span>` +
    `<span class="share">${percent(count, total)}</span>` +
    `<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">` +
    `<rect class="track" width="100" height="1"/>` +
    `<rect class="main" width="${(count / most * 100).toFixed(2)}" height="1"/></svg></div>`
  );
  return `<div class="card"><h3>${esc(title)}</h3>\n${lines.join("\n")}${noteOf(note)}</div>`;
}

function grid({ title, head, rows, note }: Grid): string {
  const names = head.map((name) => name.replace(/#$/, ""));
  const kind = head.map((name) => name.endsWith("#") ? ' class="n"' : "");
  const heads = names.map((name, i) => `<th${kind[i] ?? ""}>${esc(name)}</th>`).join("");
  const lines = rows.map((row) =>
    `<tr>${
      row.map((value, i) =>
        `<td${kind[i] ?? ""} data-label="${esc(names[i] ?? "")}">${esc(value)}</td>`
      ).join("")
    }</tr>`
  );
  const heading = title === "" ? "" : `<h3>${esc(title)}</h3>`;
  return `<div class="card wide">${heading}<table><thead><tr>${heads}</tr></thead>
<tbody>${lines.join("\n")}</tbody></table>${noteOf(note)}</div>`;
}

function section({ title, lead, parts }: Section): string {
  const cards = parts.map((part) => part.kind === "bars" ? bars(part) : grid(part)).join("\n");
  return `<section><h2>${esc(title)}</h2>\n<p>${esc(lead)}</p>
<div class="cards">${cards}</div></section>`;
}

/** The page. */
export function htmlReport(report: Report): string {
  const tiles = headlines(report).map(({ label, value }) =>
    `<div class="tile"><b>${esc(value)}</b><span>${esc(label)}</span></div>`
  );
  const title = `Mail report of ${esc(report.host)}`;
  const period = `${localMinute(report.from)} to ${localMinute(report.until)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${esc(period)}. ${esc(readSentence(report))}</p>
<div class="tiles">${tiles.join("\n")}</div>
${timeChart(report)}
${sectionsOf(report).map(section).join("\n")}
<p class="note">Made ${esc(localMinute(report.made))} by qfront report.</p>
</main>
</body>
</html>
`;
}
