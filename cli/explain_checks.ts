/** Every check of policy with what it came to in one attempt: those that said nothing, were spared or are off as well. */
import { CHECK_ORDER, type Policy } from "../policy/mod.ts";
import type { CheckName, Stage } from "../policy/types.ts";
import type { AttemptJudgement, CheckSeen } from "../replay/types.ts";
import { parseTraceCfg } from "../settings/load.ts";
import type { Settings } from "../settings/mod.ts";
import { settingNamed } from "../settings/names.ts";
import type { CheckOutcome, CheckRow, Origin } from "./explain_types.ts";
import { type LineFinder, placeRule } from "./explain_lines.ts";
import type { SitePlace } from "./site.ts";

/** Stages of a session, in order. */
const STAGES: readonly Stage[] = ["connect", "helo", "mail", "rcpt", "rcpt_valid", "data"];

/** Checks that read the message itself. */
const OF_MESSAGE: ReadonlySet<CheckName> = new Set(
  ["header_limits", "header_rules", "patterns", "dkim", "arc", "dmarc", "filter", "spamd"] as const,
);

/** The file that a check goes by beside its settings; "" for none. */
function fileOf(
  check: CheckName,
  settings: Settings,
  env: Readonly<Record<string, string>>,
): string {
  switch (check) {
    case "badmailfrom":
    case "badrcptto":
      return `control/${check}`;
    case "helo":
      return "control/badhelo";
    case "decoy":
      return "control/trapto";
    case "null_sender":
      return "control/listposts";
    case "spf":
      return "control/spfbehavior";
    case "mailrules":
      return settings.mailrules_file || (env["MAILRULES"] ?? "");
    case "ban":
      return settings.ban_file;
    case "greylist":
      return settings.greylist_file;
    default:
      return "";
  }
}

/** Where each setting's value was said. */
export async function originsOf(place: SitePlace): Promise<(name: string) => Origin> {
  let text = "";
  try {
    text = Deno.readTextFileSync(place.traceCfg);
  } catch {
    // Without a file all values are defaults, which has been said.
  }
  const { values } = await parseTraceCfg(text);
  const lines = new Map<string, number>([...values].map(([name, { line }]) => [name, line]));
  const set = new Set<string>(
    place.overrides.map((one) => settingNamed(one.slice(0, one.indexOf("=")).trim()) ?? ""),
  );
  return (name) => {
    const line = lines.get(name);
    return set.has(name) ? "--set" : line === undefined ? "default" : { line };
  };
}

const VERDICTS = { refuse: "refuses", defer: "defers", accept: "accepts" } as const;

/** What is known of the site when its checks are listed. */
export interface CheckSources {
  readonly policy: Policy;
  readonly settings: Settings;
  readonly judgement: AttemptJudgement;
  readonly origin: (name: string) => Origin;
  readonly lines: LineFinder;
}

/** A line for each check at each stage where it asks, in the order they are asked; then those that do not. */
export function checkRows(sources: CheckSources): CheckRow[] {
  const asked = STAGES.flatMap((stage) =>
    sources.policy.stages[stage].map(({ check, mode }) =>
      askedRow(sources, stage, check.name, mode)
    )
  );
  const limits = sources.judgement.checks.filter(({ check }) => check === "counters")
    .map(({ stage }) => askedRow(sources, stage, "counters", "on"));
  const rows = [...limits, ...asked];
  const named = new Set<string>(rows.map(({ check }) => check));
  const silent = CHECK_ORDER.filter((name) => name !== "counters" && !named.has(name));
  return [...rows, ...silent.map((name) => silentRow(sources, name))];
}

const NOTHING_SAID = { rule: "", reason: "", reply: "" } as const;

function askedRow(
  { settings, judgement, origin, lines }: CheckSources,
  stage: Stage,
  check: CheckName,
  mode: "shadow" | "on",
): CheckRow {
  const seen = judgement.checks.findLast((one) => one.check === check && one.stage === stage);
  const verdict = seen?.seen.kind === "verdict" ? seen.seen.verdict : null;
  const file = fileOf(check, settings, judgement.env);
  const rule = verdict?.rule ?? "";
  return {
    check,
    stage,
    mode,
    origin: origin(check),
    outcome: outcomeOf(seen),
    where: placeRule(file === "" ? null : file, rule, lines),
    ...(verdict === null ? NOTHING_SAID : {
      rule,
      reason: verdict.reason,
      reply: verdict.kind === "accept" ? "" : `${verdict.reply.code} ${verdict.reply.id}`,
    }),
    finding: judgement.findings.find((one) => one.check === check)?.text ?? "",
  };
}

function outcomeOf(seen: CheckSeen | undefined): CheckOutcome {
  if (seen === undefined) return "not asked";
  switch (seen.seen.kind) {
    case "spared":
      return "spared";
    case "none":
      return "no opinion";
    case "verdict":
      return VERDICTS[seen.seen.verdict.kind];
  }
}

/** A check that asks at no stage of this session: off, without anything to go by, or about the message. */
function silentRow(
  { settings, judgement, origin, lines }: CheckSources,
  check: CheckName,
): CheckRow {
  const mode = check === "counters" ? "on" : settings[check];
  const file = fileOf(check, settings, judgement.env);
  const outcome = mode === "off" ? "off" : OF_MESSAGE.has(check) ? "with the message" : "not met";
  return {
    check,
    stage: "",
    mode,
    origin: origin(check),
    outcome,
    where: placeRule(file === "" ? null : file, "", lines),
    ...NOTHING_SAID,
    finding: "",
  };
}

/** Who is spared, in words. */
export function sparedWords(judgement: AttemptJudgement, row: CheckRow): string {
  const one = judgement.checks.findLast(({ check, stage }) =>
    check === row.check && stage === row.stage
  );
  if (one?.seen.kind !== "spared") return "spared";
  switch (one.seen.by) {
    case "trusted":
      return "spared: a relay client, or logged in";
    case "loopback":
      return "spared: this machine itself";
    case "forwarder":
      return "spared: one of known_forwarders";
    case "recipient":
      return "spared: one of always_accept_rcpt";
    case "sender":
      return "spared: a mail rule accepts the sender for good";
  }
}
