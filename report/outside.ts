/** Events of the trace beside the recipients of a session: connections, bans, decoys, logins, lost lines. */
import type { Facts } from "./facts.ts";
import type { TraceRecord } from "./record.ts";

/** Takes an event that belongs to no session of mail, or is not about its recipients. */
export function takeOutside(
  facts: Facts,
  event: string,
  fields: TraceRecord["fields"],
  whenMs: number | null,
): void {
  const ip = fields["ip"] ?? "";
  switch (event) {
    case "net.refused":
      return facts.refusal({
        whenMs,
        ip,
        rule: `connection: ${fields["reason"] ?? ""}`,
        outcome: "refused",
        what: "connection",
      });
    case "policy.ban.added":
      return facts.ban(fields["network"] ?? "");
    case "policy.decoy":
      return facts.decoy(ip, fields["recipient"] ?? "");
    case "pop3.session":
      return facts.begun("pop3", ip, whenMs);
    case "pop3.login.failed":
      return facts.loginFailed("pop3", ip);
    case "trace.lost":
      return facts.lost(Number(fields["lines"] ?? 0));
  }
}
