/** Settings of the control socket (docs/control.md). */
import { text } from "./kinds.ts";

export const CONTROL_SETTINGS = {
  control_socket: text(
    "",
    "Unix socket for qfront ctl, bans and watch, mode 0600; a relative name lies in the qmail directory; empty: none",
  ),
} as const;
