/** What a site without root has through its keeper, in the places of what it would otherwise do itself. */
import type { AuthService } from "../auth/mod.ts";
import {
  openKeeperAuth,
  openKeeperDrops,
  openKeeperLookup,
  openKeeperQueue,
  openKeeperResponses,
  openKeeperSecrets,
  Proofs,
} from "../keeper/client.ts";
import type { Keeper } from "../keeper/start.ts";
import { chooseQueue, openQueue, type QueueOptions } from "../queue/mod.ts";
import type { Queue } from "../queue/types.ts";
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { LookupService, SiteLookup } from "../validate/types.ts";
import type { OpenMaildrop } from "./maildrops.ts";

export interface Kept {
  readonly lookup: LookupService;
  readonly auth: AuthService;
  readonly openMaildrop: OpenMaildrop;
}

/** `auth`: who would judge logins here. Its kind stays, its work is the keeper's. */
export function openKept(
  keeper: Keeper,
  settings: Settings,
  lookup: SiteLookup,
  auth: AuthService,
  tracer: Tracer,
): Kept {
  const { connection } = keeper;
  const proofs = new Proofs(connection);
  return {
    lookup: openKeeperLookup(lookup, connection, tracer),
    auth: {
      source: auth.source,
      secrets: auth.secrets === null ? null : openKeeperSecrets(connection, proofs),
      ...openKeeperAuth(connection, proofs),
      wantsEnv: auth.wantsEnv ?? true,
      ...(auth.checkResponse === undefined
        ? {}
        : { checkResponse: openKeeperResponses(connection, proofs) }),
    },
    openMaildrop: openKeeperDrops(connection, proofs, settings.pop3_cache_messages),
  };
}

/** The queue: the keeper's where Maildirs are delivered to as their owners. */
export function openKeptQueue(keeper: Keeper, options: QueueOptions): Queue {
  const isKeepers = chooseQueue(options) === "maildir" && options.settings.deliver_as === "owner";
  return isKeepers
    ? openKeeperQueue({
      keeper: keeper.connection,
      trace: options.trace,
      nextMail: keeper.nextMail,
      files: keeper.files,
    })
    : openQueue(options);
}
