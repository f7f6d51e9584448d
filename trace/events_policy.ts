/**
 * Trace events of policy/: verdicts applied and in shadow, what checks saw, bans, lists of the DNS,
 * state files.
 */
import { event } from "./tracer.ts";

export const POLICY_EVENTS = {
  applied: event<{ stage: string; ip: string; rule: string; reply: string; reason: string }>(
    "policy.applied",
    2,
    "policy",
    (f) => `${f.stage}: ${f.reply} by rule[${f.rule}] ip[${f.ip}]: ${f.reason}`,
  ),
  softened: event<{ stage: string; ip: string; rule: string; reply: string }>(
    "policy.softened",
    2,
    "policy",
    (f) => `${f.stage}: soft_reject, would be refused by rule[${f.rule}] ip[${f.ip}]: ${f.reply}`,
  ),
  shadow: event<{ stage: string; ip: string; rule: string; reply: string; reason: string }>(
    "policy.shadow",
    2,
    "policy",
    (f) => `${f.stage}: shadow, would be ${f.reply} by rule[${f.rule}] ip[${f.ip}]: ${f.reason}`,
  ),
  finding: event<{ check: string; ip: string; text: string }>(
    "policy.finding",
    3,
    "policy",
    (f) => `${f.check} ip[${f.ip}]: ${f.text}`,
  ),
  decoyHit: event<{ ip: string; recipient: string; sender: string }>(
    "policy.decoy",
    1,
    "policy",
    (f) => `decoy: ip[${f.ip}] wants <${f.recipient}> from <${f.sender}>`,
  ),
  banned: event<{ network: string; seconds: number; times: number; reason: string }>(
    "policy.ban.added",
    1,
    "policy",
    (f) => `ban: ${f.network} for ${f.seconds} s, number ${f.times}: ${f.reason}`,
  ),
  lifted: event<{ network: string; reason: string }>(
    "policy.ban.lifted",
    1,
    "policy",
    (f) => `ban: ${f.network} lifted: ${f.reason}`,
  ),
  listDead: event<{ zone: string; reason: string }>(
    "policy.dnsbl.dead",
    1,
    "policy",
    (f) => `dnsbl: ${f.zone} is not asked any more: ${f.reason}`,
  ),
  listAlive: event<{ zone: string }>(
    "policy.dnsbl.alive",
    1,
    "policy",
    (f) => `dnsbl: ${f.zone} passes its self-test and is asked again`,
  ),
  note: event<{ reason: string }>("policy.note", 1, "policy", (f) => f.reason),
  stateTrouble: event<{ file: string; reason: string }>(
    "policy.state",
    1,
    "policy",
    (f) => `${f.file}: ${f.reason}`,
  ),
} as const;
