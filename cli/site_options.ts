/** How a site is opened: by a service, by a command, for one session, or on trial. */
import type { Resolver } from "../dns/types.ts";
import type { Peer } from "../net/types.ts";
import type { PolicyStateOptions } from "../policy/state_types.ts";
import type { DeskWitness } from "../policy/visit.ts";
import type { KnownBefore } from "../smtp/xclient.ts";
import type { Tracer } from "../trace/tracer.ts";

export interface SiteOptions {
  /** A long-running service: control files are looked at a few times a second, not at every use. */
  readonly isService: boolean;
  /** Number of this worker; 0: the only one. */
  readonly worker?: number;
  /** The one protocol that is spoken; absent: any may be. Others are then not loaded, and fail. */
  readonly serves?: "smtp" | "pop3" | "qmtp" | "qmqp" | undefined;
  /** false: no session of this process can come to TLS; absent: one may. */
  readonly isSecurable?: boolean | undefined;
  /**
   * What a process that is root does with it: gives it away before it serves (`settle`), as every service does, or becomes
   * the owner of the one maildrop it opens. Absent: it stays what it is.
   */
  readonly asRoot?: "settle" | "become_owner" | undefined;
  /** Policy remembers beyond a session; absent: services do. */
  readonly remembers?: boolean | undefined;
  /** Sessions open now, for those who judge; absent: this one is alone. */
  readonly sessions?: PolicyStateOptions["sessions"];
  /** Isolates that share the work; absent: one. */
  readonly workers?: number | undefined;
  /** Takes the trace, in place of the file that the settings name. */
  readonly tracer?: Tracer | undefined;
  /** Accepted mail is thrown away: the dialogue is what counts. */
  readonly discardMail?: boolean;
  /** Nothing is served: attempts are judged, and nothing outside this process changes. */
  readonly trial?: SiteTrial | undefined;
}

/** What a trial has its own ways for. */
export interface SiteTrial {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly witness: DeskWitness;
  readonly knownOf: (peer: Peer) => KnownBefore | undefined;
  /** Policy remembers one attempt for the next; false: it answers by its files. */
  readonly remembers: boolean;
  /** How old, in milliseconds, what is known of files may be. */
  readonly keepMs: number;
  /** Asked in place of the DNS; absent: the DNS is asked, or the file that the settings name. */
  readonly resolver?: Resolver | undefined;
}
