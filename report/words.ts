/** Numbers, times and foreign text as people read them; for the terminal, mail and HTML alike. */
import { escapeText } from "../trace/escape.ts";

/** Foreign text without anything that moves a cursor, turns or hides text; a backslash stays one. */
export const safe = (binary: string): string => escapeText(binary).replaceAll("\\\\", "\\");

/** "12,345". */
export const number = (n: number): string => Math.round(n).toLocaleString("en-US");

/** "1 session", "2 sessions". */
export const plural = (n: number, word: string, words = `${word}s`): string =>
  `${number(n)} ${n === 1 ? word : words}`;

export function bytes(n: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 1000 && at < units.length - 1) {
    n /= 1000;
    at++;
  }
  return `${at === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[at]}`;
}

/** "0.3 s", "12 min". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** Local time, "2026-03-01 08:00"; "?" where there is none. */
export function localMinute(iso: string | null): string {
  if (iso === null) return "?";
  const t = new Date(iso);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
    `${two(t.getHours())}:${two(t.getMinutes())}`;
}

/** "7.5%"; "-" of nothing. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "-";
  const share = part / whole * 100;
  if (part !== 0 && share < 0.1) return "<0.1%";
  return `${share < 10 && part !== 0 ? share.toFixed(1) : share.toFixed(0)}%`;
}
