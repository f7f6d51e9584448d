/** Settings of the identities that the service runs with (docs/processes.md). */
import { text } from "./kinds.ts";

export const PROCESS_SETTINGS = {
  run_as: text(
    "",
    "Who serve becomes when it was started as root: a user's name or UID:GID; empty: qmaild, else nobody",
  ),
} as const;
