/** Settings of listeners and sessions (docs/net.md). */
import { choice, integer, text } from "./kinds.ts";

export const NET_SETTINGS = {
  max_sessions: integer(10000, "sessions", "Sessions at one time; 421 beyond", 1),
  max_sessions_per_address: integer(100, "sessions", "Sessions of one address at one time", 1),
  workers: text("1", "Isolates that share the work: a number, or auto for one a core"),
  sockets: choice(
    ["auto", "runtime"],
    "auto",
    "Who waits for clients: an epoll loop of qfront's own where it can be had, or the runtime",
  ),
  write_stall_seconds: integer(60, "seconds", "Longest time a client may refuse to read", 1),
  shutdown_seconds: integer(30, "seconds", "Time that sessions get to finish at a stop", 1),
} as const;
