/**
 * The message: kept while it comes in, handed over when its envelope is known, and answered.
 *
 * Mirrors qmail-qmtpd and qmail-qmqpd, but for one thing: those pipe the message into qmail-queue at once, since that
 * takes its envelope last. Our queue wants the envelope first, so the message waits in a spool (64 KiB in memory, then a
 * nameless file). "K" only follows the queue's word that the message is safe.
 */
import type { ExaminedOutcome } from "../content/mod.ts";
import { sessionEnv } from "../net/session_env.ts";
import { judgeBytes, judgeOffered } from "../policy/limits.ts";
import type { Judgement } from "../policy/mod.ts";
import { against, POLICY_REPLIES } from "../policy/replies.ts";
import { spfIdentity } from "../policy/spf.ts";
import { NOTHING_TOLD, spfOf, type SpfTold, tellSpf } from "../policy/spf_check.ts";
import { addedFields, receivedLine } from "../queue/incoming.ts";
import { bytesOf } from "../queue/local_lines.ts";
import { openSpool, type Spool } from "../queue/spool.ts";
import type { QueueOutcome } from "../queue/types.ts";
import {
  answerOf,
  clientOf,
  dataFacts,
  isAsked,
  judgeStage,
  softened,
  takeLimit,
} from "./judging.ts";
import { decodeLineEnds } from "./line_ends.ts";
import { PIECE_BYTES } from "./reading.ts";
import { answerText, REPLIES, type Reply, replyOfOutcome } from "./replies.ts";
import {
  dropMessage,
  endMalformed,
  endSession,
  say,
  type Session,
  startPackage,
  traceRefusal,
} from "./state.ts";

const LF = 10;
const CR = 13;

/** Where decoded bytes stand until the spool has taken a copy. One for all. */
const decoded = new Uint8Array(PIECE_BYTES + 1);
const HELD_CR = new Uint8Array([CR]);

/** Answers are written out when this many bytes wait. */
const OUTPUT_BYTES = 65536;

/** Takes message bytes `from` to `to` of `chunk`; at most PIECE_BYTES. */
export function takeMessage(
  session: Session,
  chunk: Uint8Array,
  from: number,
  to: number,
): void | Promise<void> {
  const { pack, reading } = session;
  let at = from;
  if (pack.lines === null) {
    if (reading.grammar === "qmtp") {
      const encoding = chunk[at++];
      if (encoding !== LF && encoding !== CR) {
        return endMalformed(session, "the message begins neither with LF nor with CR");
      }
      pack.lines = encoding === LF ? "lf" : "crlf";
    } else pack.lines = "lf";
    beginMessage(session);
  }
  if (pack.lines === "lf") return keep(session, chunk.subarray(at, to));
  const filled = decodeLineEnds(pack.ends, chunk, at, to, decoded);
  return keep(session, decoded.subarray(0, filled));
}

/** A message whose length tells that it is too big is not even kept. */
function beginMessage(session: Session): void {
  const { pack, reading } = session;
  const { dataBytes } = pack.limits;
  const bytes = reading.grammar === "qmtp" ? reading.length - 1 : reading.length;
  if (dataBytes > 0 && pack.lines === "lf" && bytes > dataBytes) {
    pack.refusal = softened(session, REPLIES.too_big);
  } else pack.spool = openSpool();
}

function keep(session: Session, bytes: Uint8Array): void | Promise<void> {
  const { pack } = session;
  const { dataBytes } = pack.limits;
  pack.bytes += bytes.length;
  if (dataBytes > 0 && pack.bytes > dataBytes) {
    pack.refusal = softened(session, REPLIES.too_big);
    dropMessage(pack);
  }
  if (bytes.length > 0) return pack.spool?.write(bytes);
}

/** The message's last byte was there. */
export function endMessage(session: Session): void | Promise<void> {
  const { pack, reading } = session;
  if (reading.grammar === "qmtp" && pack.lines === null) {
    return endMalformed(session, "the message is empty");
  }
  // QMQP knows the empty message.
  if (pack.lines === null) pack.spool = openSpool();
  if (pack.ends.held) return keep(session, HELD_CR);
}

/** Message and envelope are complete: hands over what may be handed over, and answers. */
export function finishPackage(session: Session): void | Promise<void> {
  const { pack } = session;
  pack.recipientRelay = null;
  tracePackage(session);
  if (pack.sender === null) pack.refusal ??= REPLIES.bad_sender;
  if (session.reading.grammar === "qmqp" && pack.named === 0) pack.worst ??= REPLIES.no_recipient;
  const judged = judgePackage(session);
  if (judged !== undefined) return judged.then(() => concludePackage(session));
  return concludePackage(session);
}

/** What limits and checks say of the package as a whole. */
function judgePackage(session: Session): Promise<void> | undefined {
  const { pack } = session;
  if ((pack.refusal ?? pack.worst) !== null) return undefined;
  const { named, limits, bytes, recipients, decoys } = pack;
  const over = judgeOffered(named, limits) ?? judgeBytes(bytes, limits);
  if (over !== null) {
    pack.refusal = takeLimit(session, "data", over);
    return undefined;
  }
  if (recipients.length === 0) {
    if (decoys > 0) pack.refusal = refuseDecoys(session);
    return undefined;
  }
  if (!isAsked(session, "data")) return undefined;
  const take = ({ verdict }: Judgement): void => {
    if (verdict.kind === "defer" || verdict.kind === "refuse") pack.refusal = answerOf(verdict);
  };
  const judged = judgeStage(session, "data", dataFacts(session));
  if (judged instanceof Promise) return judged.then(take);
  take(judged);
  return undefined;
}

/** Nobody of the recipients exists: what is thrown away without a word would be lost. */
function refuseDecoys(session: Session): Reply {
  const reason = `All ${session.pack.decoys} recipients are in control/trapto`;
  const verdict = against(POLICY_REPLIES.decoy_only, "decoy: nobody else", reason);
  return takeLimit(session, "data", verdict, "decoy");
}

function concludePackage(session: Session): void | Promise<void> {
  const { pack } = session;
  if (session.isOver) return;
  const refusal = pack.refusal ?? pack.worst;
  const { spool } = pack;
  if (refusal !== null || spool === null || pack.recipients.length === 0) {
    if (refusal !== null) traceRefusal(session, refusal.id, answerText(refusal));
    dropMessage(pack);
    return answerAll(session, refusal ?? REPLIES.undecided, 0);
  }
  session.commit = examine(session, spool, pack.sender ?? "").then((outcome) => {
    session.commit = null;
    return answerAll(session, answerOfOutcome(session, outcome), 0);
  });
  return session.commit;
}

function answerOfOutcome(session: Session, outcome: ExaminedOutcome): Reply {
  if (outcome.kind === "against") {
    const { reply, rule, reason } = outcome.verdict;
    traceRefusal(session, reply.id, `${rule}: ${reason}`);
    return answerOf(outcome.verdict);
  }
  traceOutcome(session, outcome);
  const seconds = Math.floor(session.deps.clock() / 1000);
  return softened(session, replyOfOutcome(outcome, seconds, session.peer.session));
}

/** Hands over what nobody is against, or what nobody wants to look into. Never rejects. */
function examine(session: Session, spool: Spool, sender: string): Promise<ExaminedOutcome> {
  const { deps, peer, pack, config } = session;
  const { recipients, alwaysAccepted } = pack;
  if (deps.content === undefined) return handOver(session, spool, sender);
  const client = clientOf(session);
  const examination = deps.content.begin(client, spool);
  if (examination === null) return handOver(session, spool, sender);
  // The examination closes it.
  pack.spool = null;
  const told = spfTold(session, sender);
  const env = { ...sessionEnv(peer), ...pack.env, ...told.env };
  const envelope = {
    ...{ session: peer.session, client, helo: "", sender, recipients, env },
    isAlwaysAccepted: recipients.length > 0 && alwaysAccepted === recipients.length,
    hostname: config.hostname,
    spf: spfFinding(session, sender),
    reverse: session.visit?.known.reverse ?? null,
    nowMs: deps.clock(),
    received: told.field + received(session),
    shadows: [...session.shadows, ...pack.shadows],
  };
  const open = () => deps.queue.open(peer.session, { sender, recipients }, env);
  return examination.finish({ envelope, open });
}

/** SPF's word on this sender, where it was asked. */
function spfFinding({ visit }: Session, sender: string) {
  const found = visit === null ? null : spfOf({ helo: "", sender }, visit.known);
  return found === null ? null : { result: found.result, domain: spfIdentity(sender, "").domain };
}

/** What SPF said, for those after us: Received-SPF and SPFRESULT. */
function spfTold(session: Session, sender: string): SpfTold {
  const { visit, policy, config } = session;
  if (visit === null) return NOTHING_TOLD;
  const facts = { client: clientOf(session), helo: "", sender };
  return tellSpf(policy.spf.terms, facts, visit.known, config.hostname);
}

/** Never rejects. */
async function handOver(session: Session, spool: Spool, sender: string): Promise<QueueOutcome> {
  const { deps, peer, pack } = session;
  const { recipients } = pack;
  const told = spfTold(session, sender);
  const env = { ...sessionEnv(peer), ...pack.env, ...told.env };
  const delivery = await deps.queue.open(peer.session, { sender, recipients }, env);
  try {
    await delivery.write(bytesOf(told.field + received(session)));
    for await (const piece of spool.read()) await delivery.write(piece);
  } catch (error) {
    await delivery.abort();
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "deferred", code: "4.3.0", reason };
  } finally {
    dropMessage(pack);
  }
  return await delivery.commit();
}

function received({ peer, reading, deps, pack }: Session): string {
  const protocol = reading.grammar === "qmtp" ? "QMTP" : "QMQP";
  const added = addedFields(pack.env["HEADER_ADD"] === undefined ? peer.env : pack.env);
  return receivedLine(peer, { helo: null, protocol, tls: null }, deps.clock()) + added;
}

/** QMTP: an answer for each recipient from number `from` on; QMQP: one. `message`: what became of the message. */
function answerAll(session: Session, message: Reply, from: number): void | Promise<void> {
  const { pack, reading, output } = session;
  if (reading.grammar === "qmqp") {
    say(session, message);
    return endSession(session, session.ending ?? "answered");
  }
  const all = pack.answers.length + pack.excess;
  for (let i = from; i < all; i++) {
    const own = i < pack.answers.length ? pack.answers[i] : REPLIES.too_many_recipients;
    say(session, own ?? message);
    if (output.pending >= OUTPUT_BYTES) {
      return output.drain().then(() => answerAll(session, message, i + 1));
    }
  }
  session.packages++;
  session.pack = startPackage(session.config.limits);
  if (session.ending !== null) endByRecipients(session, session.ending);
}

function endByRecipients(session: Session, why: string): void {
  const { tracer } = session.deps;
  if (why !== "invalid_rcpt" && tracer.level >= 1) {
    const fields = { reply: why, ip: session.peer.remoteIp };
    tracer.emit(session.peer.session, session.events.limit, fields);
  }
  endSession(session, why);
}

/** The dialogue has the message's place, not its bytes. */
function tracePackage(session: Session): void {
  const { tracer } = session.deps;
  if (tracer.level < 4) return;
  const { bytes, sender, named } = session.pack;
  const line = `(message, ${bytes} bytes) from <${sender ?? "?"}>, ${named} recipients`;
  tracer.emit(session.peer.session, session.events.fromClient, { line });
}

function traceOutcome(session: Session, outcome: QueueOutcome): void {
  const { pack, deps, peer, events } = session;
  if (outcome.kind !== "queued") {
    return traceRefusal(session, `queue_${outcome.kind}`, outcome.reason);
  }
  session.accepted++;
  if (deps.tracer.level < 1) return;
  deps.tracer.emit(peer.session, events.accepted, {
    id: outcome.id,
    sender: pack.sender ?? "",
    recipients: pack.recipients.length,
    bytes: pack.bytes,
  });
}
