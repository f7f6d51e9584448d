/** What looks into the messages of a site, for one generation of sessions. */
import { authenticityChecks, type Content, openContent } from "../content/mod.ts";
import type { Resolver } from "../dns/types.ts";
import type { CountSink } from "../policy/counts.ts";
import type { Settings } from "../settings/mod.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { ControlTexts } from "../validate/types.ts";

/** What it is made of. */
export interface SiteContentOptions {
  readonly settings: Settings;
  readonly control: ControlTexts;
  /** The qmail directory as the site sees it, and as file calls take it. */
  readonly qmailDir: string;
  readonly path: string;
  /** --root, "" for none. */
  readonly root: string;
  /** The process' environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly tracer: Tracer;
  readonly counts: CountSink;
  readonly resolver: Resolver;
}

/** Opens it; undefined: everything is off, and messages stream through. */
export function openSiteContent(options: SiteContentOptions): Content | undefined {
  const { settings, control, qmailDir, path, root, env, tracer, counts, resolver } = options;
  const content = openContent(settings, {
    text: (name) => control.text(name),
    qmailDir,
    programDir: path,
    root,
    host: Deno.hostname(),
    env,
    softReject: settings.soft_reject,
    tracer,
    counts,
    others: authenticityChecks(settings, {
      resolver,
      trouble: settings.on_dns_trouble,
      random: Math.random,
    }),
  });
  return content ?? undefined;
}
