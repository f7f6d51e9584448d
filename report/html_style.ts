/** The style sheet of the HTML report: one column on a phone, light or dark as the reader's system is. */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #f4f5f7; --card: #fff; --ink: #1b2430; --soft: #5b6675; --line: #dfe3e8; --track: #e9ecf0;
  --accepted: #2a9d6f; --refused: #c8453b; --deferred: #d99a2b; --main: #3366b8;
  --none: #98a2b0; --error: #8a5cb8; }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1b212a; --ink: #e6eaf0; --soft: #9aa6b5; --line: #2c3440; --track: #29313c;
  --accepted: #45b98a; --refused: #e0695f; --deferred: #e0ad4e; --main: #6c9be8;
  --none: #6f7a88; --error: #ad86d6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 36px 0 2px; }
h3 { font-size: .95rem; margin: 0 0 10px; }
p { margin: 2px 0 12px; color: var(--soft); overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px;
  margin: 18px 0; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 10px 14px; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.cards { columns: 2 400px; column-gap: 14px; }
.card { padding: 14px 16px; }
.cards .card { break-inside: avoid; margin-bottom: 14px; }
.cards .wide { column-span: all; overflow-x: auto; }
.card + .wide { margin-top: 14px; }
.note { font-size: .82rem; margin: 8px 0 0; }
svg { display: block; width: 100%; }
.chart { position: relative; margin-left: 3.4rem; }
.chart svg { height: 190px; border-bottom: 1px solid var(--line); }
.most, .zero { position: absolute; right: 100%; padding-right: .5rem; color: var(--soft);
  font-size: .8rem; font-variant-numeric: tabular-nums; }
.most { top: -.5em; } .zero { bottom: -.6em; }
.times { display: flex; justify-content: space-between; margin: 4px 0 0 3.4rem; color: var(--soft);
  font-size: .8rem; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 10px 0 0; padding: 0; list-style: none;
  font-size: .88rem; }
.legend li::before { content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 2px;
  margin-right: .45em; background: var(--c); }
.accepted { fill: var(--accepted); --c: var(--accepted); }
.refused { fill: var(--refused); --c: var(--refused); }
.deferred { fill: var(--deferred); --c: var(--deferred); }
.neutral { fill: var(--none); --c: var(--none); }
.error { fill: var(--error); --c: var(--error); }
.main { fill: var(--main); --c: var(--main); }
.track { fill: var(--track); }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.stack { height: 22px; border-radius: 4px; overflow: hidden; }
.row { display: grid; grid-template-columns: minmax(0, 1fr) auto auto; gap: 0 .8em; padding: 4px 0;
  font-variant-numeric: tabular-nums; }
.row .name { overflow-wrap: anywhere; }
.row .share { color: var(--soft); min-width: 3.2em; text-align: right; }
.row svg { grid-column: 1 / -1; height: 5px; border-radius: 3px; margin-top: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: break-word; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td:not(.n) { min-width: 10em; overflow-wrap: anywhere; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) {
  .tiles { grid-template-columns: repeat(2, 1fr); }
  table, tbody, tr, td { display: block; }
  thead { display: none; }
  tr { padding: 8px 0; border-bottom: 1px solid var(--line); }
  tr:last-child { border-bottom: 0; }
  td { border: 0; padding: 1px 0; }
  td.n { text-align: left; white-space: normal; }
  td::before { content: attr(data-label) " "; color: var(--soft); font-size: .82rem; }
  td:empty { display: none; }
}
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } }
`;
