/**
 * The settings of what looks into messages, and its rule files, made into checks.
 *
 * One for a generation of sessions: places, servers that failed of late and the quarantine are
 * theirs together. Rule files are read again when they change; a session keeps those it began with.
 * Control files: headerrules, patterns. A missing one is an empty one; lines that can't be meant are
 * told and left out; a file that can't be read is the caller's trouble (451).
 */
import type { CountSink } from "../policy/counts.ts";
import { CHECK_ORDER } from "../policy/mod.ts";
import type { ClientFacts } from "../policy/types.ts";
import { createSlots } from "../queue/slots.ts";
import type { Spool } from "../queue/spool.ts";
import type { CONTENT_SETTINGS, FILTER_SETTINGS } from "../settings/content.ts";
import type { Setting } from "../settings/kinds.ts";
import { CONTENT_EVENTS } from "../trace/events_content.ts";
import type { Tracer } from "../trace/tracer.ts";
import { type ContentTerms, type Examination, startExamination } from "./examination.ts";
import { filterCheck } from "./filter.ts";
import { headerLimits } from "./header_limits.ts";
import { headerRules } from "./header_rules.ts";
import { parseHeaderRules } from "./header_rules_parse.ts";
import { patternsCheck } from "./patterns.ts";
import { parsePatterns } from "./patterns_parse.ts";
import { openQuarantine } from "./quarantine.ts";
import { spamdCheck } from "./spamd.ts";
import { readServer } from "./spamd_client.ts";
import type { ContentCheck } from "./types.ts";

type ValueOf<S> = S extends Setting<infer T> ? T : never;
type Table = typeof CONTENT_SETTINGS & typeof FILTER_SETTINGS;

/** The values of settings/content.ts. */
export type ContentSettings = { readonly [K in keyof Table]: ValueOf<Table[K]> };

/** What is to be known beside the settings. */
export interface ContentSite {
  /** The whole text of a control file, or of a file with an absolute name. @throws {ControlError} */
  readonly text: (name: string) => string | null;
  /** The qmail directory: within the site, where PATTERNS begins; and where programs start. */
  readonly qmailDir: string;
  readonly programDir: string;
  /** Stands before quarantine_dir (--root); "" for none. */
  readonly root: string;
  /** The machine's name. */
  readonly host: string;
  /** The process' environment, for programs that are started. */
  readonly env: Readonly<Record<string, string>>;
  readonly softReject: boolean;
  readonly tracer: Tracer;
  readonly counts: CountSink;
  /** Checks that others made: of signatures. */
  readonly others: readonly ContentCheck[];
}

/** What one session's messages are asked. */
export interface SessionContent {
  /**
   * A message of this client; null: nobody wants to look into it. `spool`: where it is kept already.
   */
  begin(client: ClientFacts, spool?: Spool): Examination | null;
}

/** What all sessions have together. */
export interface Content {
  /** `env`: of the session. @throws {ControlError} when a rule file can't be read */
  open(env: Readonly<Record<string, string>>): SessionContent;
}

/** Sets of rules that are kept: connection rules give sessions different patterns. */
const MAX_KEPT = 8;

/** Makes it; null: everything is off. */
export function openContent(settings: ContentSettings, site: ContentSite): Content | null {
  const fixed = [
    ...headerLimitsOf(settings),
    ...filterOf(settings, site),
    ...spamdOf(settings, site),
    ...site.others,
  ];
  const readsRules = settings.header_rules !== "off" || settings.patterns !== "off";
  if (fixed.length === 0 && !readsRules && !settings.decision_header) return null;
  const terms = termsOf(settings, site);
  const kept: { sources: RuleSources; session: SessionContent }[] = [];
  return {
    open(env) {
      const sources = readSources(settings, site, env);
      const known = kept.find((one) => isSame(one.sources, sources));
      if (known !== undefined) return known.session;
      const checks = [
        ...fixed,
        ...headerRulesOf(settings, site, sources),
        ...patternsOf(settings, sources),
      ]
        .toSorted((a, b) => CHECK_ORDER.indexOf(a.name) - CHECK_ORDER.indexOf(b.name));
      const session = sessionContent(checks, terms);
      if (kept.unshift({ sources, session }) > MAX_KEPT) kept.pop();
      return session;
    },
  };
}

function sessionContent(checks: readonly ContentCheck[], terms: ContentTerms): SessionContent {
  const ofTrusted = checks.filter(({ sparesTrusted }) => !sparesTrusted);
  return {
    begin({ isRelayClient, login }, spool) {
      const asked = isRelayClient || login !== null ? ofTrusted : checks;
      if (asked.length === 0 && !terms.hasDecisionHeader) return null;
      return startExamination(asked, terms, spool);
    },
  };
}

function termsOf(settings: ContentSettings, site: ContentSite): ContentTerms {
  const { tracer, counts, softReject, root, host } = site;
  const directory = settings.quarantine_dir;
  return {
    softReject,
    hasDecisionHeader: settings.decision_header,
    quarantine: directory === "" ? null : openQuarantine(root + directory, host),
    keepsRefused: settings.quarantine_refused,
    tracer,
    counts,
  };
}

function headerLimitsOf(settings: ContentSettings): ContentCheck[] {
  const { header_limits: mode } = settings;
  if (mode === "off") return [];
  return [headerLimits(mode, {
    maxRecipients: settings.max_header_recipients,
    refusesBcc: settings.refuse_bcc,
    maxBytes: settings.max_header_bytes,
  })];
}

function filterOf(settings: ContentSettings, site: ContentSite): ContentCheck[] {
  const { filter: mode } = settings;
  if (mode === "off") return [];
  const [program, ...args] = settings.filter_program.split(/\s+/).filter((word) => word !== "");
  if (program === undefined) {
    note(site.tracer, 'The setting "filter" is on, but filter_program names no program');
    return [];
  }
  const { programDir: directory, env, tracer } = site;
  return [filterCheck(mode, {
    command: {
      program: program.startsWith("/") ? program : `${directory}/${program}`,
      args,
      directory,
    },
    env,
    seconds: settings.filter_seconds,
    onTrouble: settings.on_filter_trouble,
    slots: createSlots(settings.max_filters),
    tracer,
  })];
}

function spamdOf(settings: ContentSettings, site: ContentSite): ContentCheck[] {
  const { spamd: mode } = settings;
  if (mode === "off") return [];
  const servers = settings.spamd_servers.flatMap((word) => {
    const server = readServer(word);
    if (server === null) note(site.tracer, `"${word}" of spamd_servers is no place of a server`);
    return server ?? [];
  });
  return [spamdCheck(mode, {
    servers,
    user: settings.spamd_user,
    seconds: settings.spamd_seconds,
    maxBytes: settings.spamd_max_bytes,
    tagScore: settings.spamd_tag_score,
    refuseScore: settings.spamd_refuse_score,
    subject: settings.spamd_subject,
    onTrouble: settings.on_spamd_trouble,
    slots: createSlots(settings.max_spamd_sessions),
    tracer: site.tracer,
  })];
}

const note = (tracer: Tracer, reason: string): void =>
  tracer.emit(0, CONTENT_EVENTS.note, { reason });

/** What rules are made of: the same again makes the same rules. */
interface RuleSources {
  readonly headerRules: string | null;
  readonly patterns: string | null;
  readonly lineBytes: number;
  readonly patternText: string;
}

const isSame = (a: RuleSources, b: RuleSources): boolean =>
  a.headerRules === b.headerRules && a.patterns === b.patterns && a.lineBytes === b.lineBytes &&
  a.patternText === b.patternText;

const MAX_LINE_BYTES = 65_536;

function readSources(
  settings: ContentSettings,
  site: ContentSite,
  env: Readonly<Record<string, string>>,
): RuleSources {
  const most = /^\d{1,9}$/.exec(env["PATTERNS_LINEMAX"] ?? "")?.[0];
  const lineBytes = most === undefined || Number(most) === 0
    ? settings.patterns_line_bytes
    : Math.min(Number(most), MAX_LINE_BYTES);
  return {
    headerRules: settings.header_rules === "off" ? null : site.text("headerrules"),
    patterns: settings.patterns === "off" ? null : site.text(patternsFile(site, env)),
    lineBytes,
    patternText: env["PATTERNS_RESP"] ?? "",
  };
}

function patternsFile(site: ContentSite, env: Readonly<Record<string, string>>): string {
  const named = env["PATTERNS"] ?? "";
  if (named === "") return "patterns";
  return named.startsWith("/") ? named : `${site.qmailDir}/${named}`;
}

function headerRulesOf(
  settings: ContentSettings,
  site: ContentSite,
  sources: RuleSources,
): ContentCheck[] {
  const { header_rules: mode } = settings;
  if (mode === "off" || sources.headerRules === null) return [];
  const { rules, notes } = parseHeaderRules(sources.headerRules, "control/headerrules");
  for (const reason of notes) note(site.tracer, reason);
  return rules.length === 0 ? [] : [headerRules(mode, rules)];
}

function patternsOf(settings: ContentSettings, sources: RuleSources): ContentCheck[] {
  const { patterns: mode } = settings;
  if (mode === "off" || sources.patterns === null) return [];
  const patterns = parsePatterns(sources.patterns);
  const { lineBytes, patternText: text } = sources;
  return patterns.length === 0 ? [] : [patternsCheck(mode, { patterns, lineBytes, text })];
}
