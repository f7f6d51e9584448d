/** Trace events of validate/: each look-up step, and how the look-up ended. */
import { event } from "./tracer.ts";

export const VALIDATE_EVENTS = {
  /** One step of the walk. */
  step: event<{ step: string; file: string; key: string; found: string }>(
    "lookup.step",
    3,
    "lookup",
    (f) => {
      const asked = [f.file, f.key === "" ? "" : `"${f.key}"`].filter((word) => word !== "");
      return [`${f.step}:`, ...asked, f.found].join(" ");
    },
  ),
  /** The verdict and why. */
  answer: event<{ address: string; verdict: string; route: string; reason: string }>(
    "lookup.answer",
    3,
    "lookup",
    (f) => `${f.address} ${f.verdict}, ${f.route}: ${f.reason}`,
  ),
} as const;
