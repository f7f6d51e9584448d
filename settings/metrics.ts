/** Settings of the numbers for Prometheus (docs/metrics.md). */
import { text } from "./kinds.ts";

export const METRICS_SETTINGS = {
  metrics_listen: text(
    "",
    "Where numbers are served over HTTP: HOST:PORT of this machine, or the absolute name of a Unix socket; empty: nowhere",
  ),
} as const;
