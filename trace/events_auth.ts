/** Trace events of auth/. None ever carries a password, a hash or a digest. */
import { event } from "./tracer.ts";

export const AUTH_EVENTS = {
  users: event<{ file: string; logins: number }>(
    "auth.users",
    1,
    "auth",
    (f) => `${f.file}: ${f.logins} logins`,
  ),
  usersKept: event<{ file: string; reason: string }>(
    "auth.users.kept",
    1,
    "auth",
    (f) => `${f.file} can't be used, the logins read before stay in force: ${f.reason}`,
  ),
  lineUnusable: event<{ file: string; login: string; reason: string }>(
    "auth.line.unusable",
    2,
    "auth",
    (f) => `${f.file}: login [${f.login}] can't be used: ${f.reason}`,
  ),
} as const;
