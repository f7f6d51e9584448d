/** Settings of the look-up (docs/lookup.md): what is compiled into qmail and can't be read from a file. */
import { choice, text } from "./kinds.ts";

export const VALIDATE_SETTINGS = {
  conf_break: text("-", "qmail's conf-break: the character between user and extension"),
  conf_patrn: text(
    "002",
    "qmail's conf-patrn: mode bits that no home and no dot-qmail file may have",
  ),
  users: choice(
    ["system", "passwd"],
    "system",
    "Where users come from: the system (NSS), or /etc/passwd alone",
  ),
} as const;
