/**
 * SMTP as listeners and the stdin session see it: an engine for each connection, and what is said
 * to connections that are not served.
 *
 * Every session gets the configuration of the moment it begins and keeps it. A site that can't be
 * read is answered with 421: the sender tries again, nothing is lost.
 */
import type { Content } from "../content/mod.ts";
import { createClosedEngine } from "../net/closed_engine.ts";
import type { Engine, Output, Peer, Protocol, RefuseReason } from "../net/types.ts";
import { POLICY_REPLIES } from "../policy/replies.ts";
import type { PolicyDesk } from "../policy/visit.ts";
import { networksOf } from "../policy/networks.ts";
import type { Settings } from "../settings/mod.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { ControlError } from "../validate/types.ts";
import type { SmtpConfigReader } from "./config.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { createSmtpEngine } from "./session.ts";
import type { SmtpDeps } from "./state.ts";
import { bytesOf } from "./text.ts";
import type { KnownBefore } from "./xclient.ts";
import { createXclientEngine } from "./xclient_engine.ts";

/** What the service works with; `config` comes anew for each session. */
export interface SmtpService extends Omit<SmtpDeps, "config" | "tls" | "policy" | "content"> {
  readonly configs: SmtpConfigReader;
  /** Policy as a session with this environment begins with it; absent: nobody is judged. */
  readonly policies?: ((env: Readonly<Record<string, string>>) => PolicyDesk) | undefined;
  /** Who looks into messages; absent: nobody. */
  readonly contents?: Content | undefined;
  /** The settings of the moment. */
  readonly settings: () => Settings;
  /** How old, in milliseconds, what a session begins with may be; absent: not at all. */
  readonly keepMs?: number | undefined;
  /** Can the driver of this connection start TLS? Absent: it can't. */
  readonly tls?: ((peer: Peer) => boolean) | undefined;
  /** What a trial says of a client before its first word; absent: nothing. */
  readonly knownOf?: ((peer: Peer) => KnownBefore | undefined) | undefined;
}

/** Policy's word, which is said before there is a session. */
const ofNetwork = POLICY_REPLIES.sessions_of_network;

const REFUSALS: Readonly<Record<RefuseReason, Pick<Reply, "bytes">>> = {
  sessions: REPLIES.too_busy,
  address: REPLIES.too_many_sessions,
  network: { bytes: bytesOf(`${ofNetwork.code} ${ofNetwork.enhanced} ${ofNetwork.text}\r\n`) },
  busy: REPLIES.too_busy,
  shutdown: REPLIES.shutdown,
  fault: REPLIES.fault,
};

/** The SMTP service. */
export function createSmtpProtocol(service: SmtpService): Protocol {
  const readDeps = keepDeps(service);
  return {
    name: "smtp",
    open: (peer, output) => openEngine(service, peer, output, readDeps),
    refuse: (reason) => REFUSALS[reason].bytes,
  };
}

function mayXclient({ xclient_from: words }: Settings, ip: string): boolean {
  return words.length > 0 && networksOf(words).has(ip);
}

/** What a session works with; the peer's own is in it. @throws {ControlError} */
type ReadDeps = (service: SmtpService, peer: Peer) => SmtpDeps;

const readDepsAnew: ReadDeps = (service, peer) => {
  const { configs, policies, contents, settings, tls, knownOf } = service;
  const config = configs.read(settings(), peer.env);
  const policy = policies?.(peer.env);
  const content = contents?.open(peer.env);
  const known = service.known ?? knownOf?.(peer);
  return { ...service, known, config, policy, content, tls: tls?.(peer) ?? false };
};

/**
 * Sessions that begin within `keepMs` of one another and have one environment share what they work with: to compare what
 * is known of a dozen control files costs as much as judging a recipient.
 */
function keepDeps({ keepMs = 0, knownOf }: SmtpService): ReadDeps {
  if (keepMs <= 0 || knownOf !== undefined) return readDepsAnew;
  let env: Peer["env"] | null = null;
  let settings: Settings | null = null;
  let deps: SmtpDeps | null = null;
  let untilMs = 0;
  return (service, peer) => {
    const now = service.settings();
    const tls = service.tls?.(peer) ?? false;
    const nowMs = performance.now();
    const isKept = nowMs < untilMs && env === peer.env && settings === now && deps?.tls === tls;
    if (deps !== null && isKept) return deps;
    deps = null;
    deps = readDepsAnew(service, peer);
    env = peer.env;
    settings = now;
    untilMs = nowMs + keepMs;
    return deps;
  };
}

function openEngine(service: SmtpService, peer: Peer, output: Output, readDeps: ReadDeps): Engine {
  if (!mayXclient(service.settings(), peer.remoteIp)) {
    return openAs(service, peer, output, readDeps);
  }
  return createXclientEngine(
    peer,
    output,
    (as, known, xclient) => openAs({ ...service, known, xclient }, as, output, readDepsAnew),
  );
}

function openAs(service: SmtpService, peer: Peer, output: Output, readDeps: ReadDeps): Engine {
  try {
    return createSmtpEngine(readDeps(service, peer), peer, output);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    service.tracer.emit(peer.session, SMTP_EVENTS.controlTrouble, {
      ip: peer.remoteIp,
      reason: error.message,
    });
    return createClosedEngine(REPLIES.site_unusable.bytes, output);
  }
}
