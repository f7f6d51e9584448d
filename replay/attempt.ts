/**
 * What would the running code answer? An attempt to send, judged by a real session of a site under trial: its connection
 * rules, its engine, its checks, its look-up.
 *
 * No rule stands here: only which command comes next, and which of the events that the session told belongs to its answer.
 * Mail data is never sent, so checks of the message itself are not asked.
 */
import { openTrialSession, type TrialSession, type Turn } from "./session.ts";
import type {
  Attempt,
  AttemptJudgement,
  AttemptOptions,
  AttemptOutcome,
  Decision,
  RecipientJudgement,
  TrialSite,
} from "./types.ts";

export type * from "./types.ts";

/** Which part of the site answers with a reply that is no check's. */
const RULES: Readonly<Record<string, string>> = {
  unknown_recipient: "lookup",
  undecided: "lookup",
  undecided_refused: "lookup",
  relay_refused: "rcpthosts",
  no_delivery: "queue",
  site_unusable: "controls",
  bad_sender_syntax: "syntax",
  bad_recipient_syntax: "syntax",
  line_too_long: "syntax",
};

/** Characters that mean something within "<>". */
const SPECIAL = /[\\"<> ,:;()[\]]/g;
const UNSAYABLE = /[\0\r\n]/;

/** An address as a path of MAIL and RCPT, its local part quoted where that is needed. */
function pathOf(address: string): string {
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  // A leading "@" would be a source route.
  const quoted = local.replace(SPECIAL, "\\$&").replace(/^@/, "\\@");
  return `<${quoted}${at < 0 ? "" : at === 0 ? `\\${address}` : address.slice(at)}>`;
}

const outcomeOf = (code: number): AttemptOutcome =>
  code < 400 ? "accepted" : code < 500 ? "deferred" : "refused";

/** What a turn says, by its first reply. */
function decisionOf(turn: Turn, env: Readonly<Record<string, string>>): Decision {
  const reply = turn.replies[0];
  if (reply === undefined) {
    const reason = "The session ends without a word";
    return { outcome: "deferred", rule: "closed", reason, reply: null };
  }
  const ruling = turn.applied.at(-1);
  const outcome = turn.isPretended && ruling !== undefined && /^\d/.test(ruling.reply)
    ? outcomeOf(Number(ruling.reply.slice(0, 3)))
    : outcomeOf(reply.code);
  if (ruling !== undefined && (outcome === "accepted" || /^\d/.test(ruling.reply))) {
    return { outcome, rule: ruling.rule, reason: ruling.reason, reply };
  }
  const { lookup, trouble } = turn;
  const reason = trouble || lookup?.reason || reply.text;
  if (outcome !== "accepted") {
    return { outcome, rule: RULES[reply.id] ?? reply.id, reason, reply };
  }
  const rule = lookup !== null ? "lookup" : "RELAYCLIENT" in env ? "relay_client" : "rcpthosts";
  return { outcome, rule, reason, reply };
}

/** Nobody was let in, or what is to be said can't be. */
function refusedUnheard(attempt: Attempt, rule: string, reason: string): AttemptJudgement {
  const decision: Decision = { outcome: "refused", rule, reason, reply: null };
  return {
    ...decision,
    replies: [],
    recipients: attempt.recipients.map((recipient) => ({
      ...decision,
      ...{ recipient, isPretended: false, shadows: [], lookup: null },
    })),
    ...{ shadows: [], findings: [], checks: [], lines: [], env: {} },
  };
}

/** The dialogue up to where it ends or was to end. */
interface Dialogue {
  /** Greeting, EHLO, MAIL; the last may be a refusal. */
  readonly opening: readonly Turn[];
  readonly recipients: readonly Turn[];
  readonly data: Turn | null;
}

const isRefused = (turn: Turn): boolean => (turn.replies[0]?.code ?? 500) >= 400;

async function converse(
  session: TrialSession,
  { helo, sender, recipients }: Attempt,
  saysData: boolean,
): Promise<Dialogue> {
  const opening = [await session.begin()];
  const commands = [...(helo === "" ? [] : [`EHLO ${helo}`]), `MAIL FROM:${pathOf(sender)}`];
  for (const command of commands) {
    if (session.isOver || isRefused(opening[opening.length - 1] ?? opening[0]!)) break;
    opening.push(await session.say(command));
  }
  const said: Turn[] = [];
  const isOpen = opening.length === commands.length + 1 && !opening.some(isRefused);
  for (const recipient of isOpen ? recipients : []) {
    if (session.isOver) break;
    said.push(await session.say(`RCPT TO:${pathOf(recipient)}`));
  }
  const isWanted = saysData && !session.isOver && said.some((turn) => !isRefused(turn));
  return { opening, recipients: said, data: isWanted ? await session.say("DATA") : null };
}

/** What becomes of each recipient; those that were never named share the fate of the session. */
function judgeRecipients(
  attempt: Attempt,
  { opening, recipients, data }: Dialogue,
  env: Readonly<Record<string, string>>,
): RecipientJudgement[] {
  const last = recipients.at(-1) ?? opening[opening.length - 1];
  const whole = data !== null && isRefused(data) ? decisionOf(data, env) : null;
  return attempt.recipients.map((recipient, i) => {
    const turn = recipients[i] ?? endOf(last);
    const own = decisionOf(turn, env);
    const decision = own.outcome === "accepted" && whole !== null ? whole : own;
    const { isPretended, shadows, lookup } = turn;
    return { ...decision, recipient, isPretended, shadows, lookup };
  });
}

const NEVER_SAID: Turn = {
  command: "",
  replies: [],
  applied: [],
  shadows: [],
  lookup: null,
  isPretended: false,
  trouble: "",
};

/** The turn that ended a session, as far as it concerns recipients that were not named before. */
function endOf(turn: Turn | undefined): Turn {
  if (turn === undefined) return NEVER_SAID;
  return { ...turn, lookup: null, isPretended: false, replies: turn.replies.slice(-1) };
}

/** A message goes out where one recipient is accepted; else the sender tries again where one is deferred. */
function wholeOf(recipients: readonly RecipientJudgement[], opening: Decision): Decision {
  if (recipients.length === 0) return opening;
  const order: readonly AttemptOutcome[] = ["accepted", "deferred", "refused"];
  const found = order.map((outcome) => recipients.find((one) => one.outcome === outcome));
  const { outcome, rule, reason, reply } = found.find((one) => one !== undefined) ?? opening;
  return { outcome, rule, reason, reply };
}

/** Judges an attempt. Rejects only where the code fails. */
export async function judgeAttempt(
  site: TrialSite,
  attempt: Attempt,
  options: AttemptOptions = {},
): Promise<AttemptJudgement> {
  const said = [attempt.helo, attempt.sender, ...attempt.recipients];
  if (said.some((text) => UNSAYABLE.test(text))) {
    return refusedUnheard(
      attempt,
      "syntax",
      "It has a line end or a NUL, which no command can have",
    );
  }
  site.desk.setTime(attempt.whenMs ?? null);
  const ruled = site.rules(attempt.ip);
  const env = ruled instanceof Promise ? await ruled : ruled;
  if (env === null) {
    const reason = `The connection rules let nobody in from ${attempt.ip}`;
    return refusedUnheard(attempt, "connection_rules", reason);
  }
  const session = openTrialSession(site, attempt, env, options.lines === true);
  try {
    const dialogue = await converse(session, attempt, options.data === true);
    const { opening, data } = dialogue;
    const turns = [...opening, ...dialogue.recipients, ...(data === null ? [] : [data])];
    const recipients = judgeRecipients(attempt, dialogue, env);
    return {
      ...wholeOf(recipients, decisionOf(opening[opening.length - 1] ?? NEVER_SAID, env)),
      replies: turns.flatMap(({ replies }) => replies),
      recipients,
      shadows: turns.flatMap(({ shadows }) => shadows),
      findings: session.findings,
      checks: session.checks,
      lines: session.lines,
      env,
    };
  } finally {
    await session.end();
  }
}
