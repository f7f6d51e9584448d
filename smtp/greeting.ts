/**
 * The beginning of a session: whoever is not wanted at all gets his refusal instead of the greeting
 * (RFC 5321, section 3.1), everybody else the greeting. HELO and EHLO are judged here too.
 */
import type { Judgement } from "../policy/mod.ts";
import { isNeverBanned } from "../policy/guesses.ts";
import { connectFacts, heloFacts } from "./facts.ts";
import { isAsked, judgeStage, sayAgainst } from "./judging.ts";
import { replyOf } from "./replies.ts";
import { clientOf, endByLimit, say, type Session } from "./state.ts";

/**
 * Seconds that this client waits for the greeting, as the driver takes it (net/types.ts). Only strangers that bring mail
 * to this site wait, and who did so well lately does not again: on submission a login tells who is a user, who began with TLS has spoken already, and a transcript
 * lies there from the beginning.
 */
export function greetDelayOf(session: Session): number | undefined {
  const { policy, service, tls, peer } = session;
  const { greetDelaySeconds } = policy;
  if (greetDelaySeconds === null || service === "submission" || tls !== null) return undefined;
  const client = clientOf(session);
  if (peer.kind === "transcript" || isNeverBanned(client)) return undefined;
  return session.deps.policy?.state.hasWaited(client.ip) === true ? undefined : greetDelaySeconds;
}

/** Greets, or refuses and ends. */
export function greet(session: Session): void | Promise<void> {
  if (session.policy.watches.rates) session.deps.policy?.state.noteConnection(clientOf(session).ip);
  if (!isAsked(session, "connect")) {
    if (session.policy.greetDelaySeconds !== null) noteWait(session);
    return say(session, session.config.greeting);
  }
  const judged = judgeStage(session, "connect", connectFacts(session));
  if (judged instanceof Promise) return judged.then((late) => conclude(session, late));
  return conclude(session, judged);
}

/** Whoever is greeted after a wait for strangers need not wait tomorrow. */
function noteWait(session: Session): void {
  const seconds = greetDelayOf(session) ?? 0;
  if (seconds > 0) session.deps.policy?.state.noteWaited(clientOf(session).ip);
}

function conclude(session: Session, { verdict }: Judgement): void {
  switch (verdict.kind) {
    case "none":
    case "accept":
      noteWait(session);
      return say(session, session.config.greeting);
    case "defer":
    case "refuse":
      return endByLimit(session, replyOf(verdict.reply));
  }
}

/** Judges HELO or EHLO, and goes on to `proceed` when nothing speaks against it. */
export function judgeHelo(
  session: Session,
  name: string,
  proceed: () => void,
): void | Promise<void> {
  if (!isAsked(session, "helo")) return proceed();
  const answer = ({ verdict }: Judgement): void => {
    if (session.isOver) return;
    if (verdict.kind === "none" || verdict.kind === "accept") return proceed();
    sayAgainst(session, verdict);
  };
  const judged = judgeStage(session, "helo", heloFacts(session, name));
  return judged instanceof Promise ? judged.then(answer) : answer(judged);
}
