/** Settings of who may log in (docs/passwords.md). */
import { integer, text } from "./kinds.ts";

export const AUTH_SETTINGS = {
  auth_source: text(
    "poppasswd",
    "Who judges logins: poppasswd, or checkpassword COMMAND, or cvm ADDRESS[,ADDRESS...]",
  ),
  auth_cache_seconds: integer(
    300,
    "seconds",
    "Time for which a right password need not be hashed again; 0: never",
  ),
  auth_cache_logins: integer(10000, "logins", "Logins remembered for that time", 1),
  auth_timeout_seconds: integer(
    30,
    "seconds",
    "Longest wait for a checkpassword program or a CVM module",
    1,
    3600,
  ),
  max_auth_programs: integer(10, "programs", "checkpassword and CVM programs at one time", 1),
  max_password_hashes: integer(
    0,
    "hashes",
    "Password hashes computed at one time; 0: one a core",
    0,
    256,
  ),
  auth_delay_seconds: integer(
    2,
    "seconds",
    "Pause before a failed login is answered; 0: none",
    0,
    60,
  ),
} as const;
