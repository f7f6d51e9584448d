/** Where a service that delivers by itself has its delivery journal. */
import { stateFilePath } from "../policy/state_file.ts";
import { chooseQueue } from "../queue/choice.ts";
import type { Settings } from "../settings/mod.ts";
import type { SitePlace } from "./site_place.ts";

/** The directory, absolute; "": none. */
export function journalPath(
  { path, root }: Pick<SitePlace, "path" | "root">,
  { maildir_journal: name }: Pick<Settings, "maildir_journal">,
): string {
  return stateFilePath(name, root, path);
}

/** The same of a keeper; "" where the front delivers. */
export function keptJournalPath(
  place: SitePlace,
  settings: Pick<Settings, "deliver_as" | "maildir_journal">,
): string {
  return settings.deliver_as === "owner" ? journalPath(place, settings) : "";
}

/** The same of a service without a keeper that delivers for it; "" where mail goes another way. */
export function ownJournalPath(place: SitePlace, settings: Settings, hasKeeper: boolean): string {
  const kind = chooseQueue({ settings, qmailDir: place.path, env: Deno.env.toObject() });
  const isKeepers = hasKeeper && settings.deliver_as === "owner";
  return kind === "maildir" && !isKeepers ? journalPath(place, settings) : "";
}
