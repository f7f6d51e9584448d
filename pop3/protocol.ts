/**
 * POP3 as listeners and the stdin session see it: an engine for each connection, and what is said to connections that are
 * not served. A site whose control files can't be read is a temporary error, said in the greeting's place.
 */
import { createClosedEngine } from "../net/closed_engine.ts";
import type { Peer, Protocol, RefuseReason } from "../net/types.ts";
import type { Settings } from "../settings/mod.ts";
import { POP3_EVENTS } from "../trace/events.ts";
import { ControlError, type ControlFiles } from "../validate/types.ts";
import { readPop3Config } from "./config.ts";
import type { Pop3Deps } from "./context.ts";
import { makeLoginTimes } from "./login_times.ts";
import { REPLIES, type Reply } from "./replies.ts";
import { createPop3Engine } from "./session.ts";

/** What the service works with; the configuration comes anew for each session. */
export interface Pop3Service extends Omit<Pop3Deps, "config" | "account" | "tls"> {
  /** Can a TLS handshake be done with this client? Absent: with none. */
  readonly tls?: ((peer: Peer) => boolean) | undefined;
  readonly control: ControlFiles;
  readonly settings: Settings;
}

/** Outlives a reload of the settings. */
const LOGIN_TIMES = makeLoginTimes();

const REFUSALS: Readonly<Record<RefuseReason, Reply>> = {
  sessions: REPLIES.tooManySessions,
  address: REPLIES.tooManySessions,
  network: REPLIES.tooManySessions,
  busy: REPLIES.tooManySessions,
  shutdown: REPLIES.stopping,
  fault: REPLIES.failure,
};

export function createPop3Protocol(service: Pop3Service): Protocol {
  const { control, settings, tls, ...deps } = service;
  return {
    name: "pop3",
    open(peer, output) {
      try {
        const config = readPop3Config(settings, control, peer.env);
        return createPop3Engine(
          { loginTimes: LOGIN_TIMES, ...deps, config, tls: tls?.(peer) ?? false },
          peer,
          output,
        );
      } catch (error) {
        if (!(error instanceof ControlError)) throw error;
        deps.tracer.emit(peer.session, POP3_EVENTS.controlTrouble, {
          ip: peer.remoteIp,
          reason: error.message,
        });
        return createClosedEngine(REPLIES.failure.bytes, output);
      }
    },
    refuse: (reason) => REFUSALS[reason].bytes,
  };
}
