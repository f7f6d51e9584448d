/**
 * QMTP and QMQP as listeners see them: an engine for each connection, and what is said to connections that are not
 * served.
 *
 * Every session gets the configuration of the moment it begins and keeps it. QMTP has no word for "not now": its client
 * is hung up on, as qmail-qmtpd does, and tries again. QMQP's one answer can be given before the question.
 */
import type { Content } from "../content/mod.ts";
import { createClosedEngine } from "../net/closed_engine.ts";
import type { Engine, Output, Peer, Protocol, RefuseReason } from "../net/types.ts";
import type { PolicyConfig } from "../policy/config.ts";
import { withoutChecks } from "../policy/mod.ts";
import type { PolicyDesk } from "../policy/visit.ts";
import type { Settings } from "../settings/mod.ts";
import { QMQP_EVENTS, QMTP_EVENTS } from "../trace/events_qmtp.ts";
import { ControlError, type ControlFiles } from "../validate/types.ts";
import { SMTP_ONLY } from "./judging.ts";
import { readQmtpConfig } from "./config.ts";
import type { Grammar } from "./reading.ts";
import { netstringOf, REPLIES, type Reply } from "./replies.ts";
import { createQmtpEngine } from "./session.ts";
import type { QmtpDeps } from "./state.ts";

/** What the services work with; `config` comes anew for each session. */
export interface QmtpService extends Omit<QmtpDeps, "config" | "policy" | "content"> {
  /** Policy as a session with this environment begins with it; absent: nobody is judged. */
  readonly policies?: ((env: Readonly<Record<string, string>>) => PolicyDesk) | undefined;
  /** Who looks into messages; absent: nobody. */
  readonly contents?: Content | undefined;
  readonly control: ControlFiles;
  readonly settings: Settings;
}

const REFUSALS: Readonly<Record<RefuseReason, Reply>> = {
  sessions: REPLIES.too_busy,
  address: REPLIES.too_many_sessions,
  network: REPLIES.too_busy,
  busy: REPLIES.too_busy,
  shutdown: REPLIES.shutdown,
  fault: REPLIES.fault,
};

/** The service of one of the two. */
export function createQmtpProtocol(grammar: Grammar, service: QmtpService): Protocol {
  return {
    name: grammar,
    open: (peer, output) => openEngine(grammar, service, peer, output),
    refuse: (reason) => lastWord(grammar, REFUSALS[reason]),
  };
}

function lastWord(grammar: Grammar, reply: Reply): Uint8Array {
  return new TextEncoder().encode(grammar === "qmqp" ? netstringOf(reply) : "");
}

const narrowed = new WeakMap<PolicyConfig, PolicyConfig>();

/** The desk without checks that only SMTP has a meaning for; made once for each snapshot. */
function withoutSmtp(desk: PolicyDesk): PolicyDesk {
  let config = narrowed.get(desk.config);
  if (config === undefined) {
    config = { ...desk.config, policy: withoutChecks(desk.config.policy, SMTP_ONLY) };
    narrowed.set(desk.config, config);
  }
  return { ...desk, config };
}

function openEngine(grammar: Grammar, service: QmtpService, peer: Peer, output: Output): Engine {
  const { settings, control, tracer } = service;
  try {
    const config = readQmtpConfig(settings, control, peer.env, grammar);
    const desk = service.policies?.(peer.env);
    const policy = desk === undefined ? undefined : withoutSmtp(desk);
    const content = service.contents?.open(peer.env);
    return createQmtpEngine(grammar, { ...service, config, policy, content }, peer, output);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const events = grammar === "qmtp" ? QMTP_EVENTS : QMQP_EVENTS;
    const fields = { ip: peer.remoteIp, reason: error.message };
    tracer.emit(peer.session, events.controlTrouble, fields);
    return createClosedEngine(lastWord(grammar, REPLIES.site_unusable), output);
  }
}
