/**
 * Hands messages over to a queue host by QMQP: the way of a site whose front machines have no queue of their own.
 *
 * Mirrors qmail-qmqpc: control/qmqpservers names the servers, one is asked after the other until one can be reached; message, sender and recipients
 * are netstrings inside one netstring, whose length comes first, so the message waits in memory (64 KiB) or in a nameless file until it is
 * complete. A server answers K, Z or D. Once everything was sent, no other server is asked: the first may have the message.
 * DIFFERS: names are understood as well as addresses, and `:port`; a server that failed is asked last for a minute, so that one dead
 * machine does not cost every message a time limit.
 */
import type { Delivery, Envelope, Queue, QueueOutcome } from "./types.ts";
import type { Tracer } from "../trace/tracer.ts";
import { QUEUE_EVENTS } from "../trace/events.ts";
import { outcomeOfWords } from "./exit_codes.ts";
import { errorText } from "./file_ops.ts";
import { createHandCount, traceOutcome } from "./hand_count.ts";
import { parseServer, type QmqpServer } from "./qmqp_server.ts";
import { readAnswer, sendAll } from "./qmqp_wire.ts";
import { openSpool, type Spool } from "./spool.ts";

export interface QmqpOptions {
  /** Lines of control/qmqpservers. @throws when the file can't be read. */
  readonly servers: () => readonly string[];
  readonly timeoutSeconds: number;
  readonly trace: Tracer;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** How long a server that failed is asked last. */
const PENALTY_MILLISECONDS = 60_000;

interface Shared {
  readonly options: QmqpOptions;
  readonly now: () => number;
  /** Server line -> when it is an equal again. */
  readonly penalties: Map<string, number>;
}

/** Opens the queue. */
export function openQmqpQueue(options: QmqpOptions): Queue {
  const shared: Shared = {
    options,
    now: options.now ?? (() => performance.now()),
    penalties: new Map(),
  };
  const hand = createHandCount();
  return {
    name: "qmqp",
    get inHand() {
      return hand.count;
    },
    open(session, envelope) {
      hand.took();
      return openDelivery(shared, session, envelope, () => hand.gave());
    },
    idle: () => hand.idle(),
  };
}

function openDelivery(
  shared: Shared,
  session: number,
  envelope: Envelope,
  done: () => void,
): Delivery {
  const spool = openSpool();
  return {
    write: (chunk) => spool.write(chunk),
    async commit() {
      const outcome = await handOver(shared, session, envelope, spool);
      spool.close();
      traceOutcome(shared.options.trace, "qmqp", session, envelope, outcome, spool.bytes);
      done();
      return outcome;
    },
    abort() {
      spool.close();
      done();
    },
  };
}

const deferred = (code: string, reason: string): QueueOutcome => ({
  kind: "deferred",
  code,
  reason,
});

/** Asks the servers in turn. Never rejects. */
async function handOver(
  shared: Shared,
  session: number,
  envelope: Envelope,
  spool: Spool,
): Promise<QueueOutcome> {
  if (spool.trouble !== null) return deferred("4.3.0", spool.trouble);
  let servers: readonly QmqpServer[];
  try {
    servers = inTurn(shared);
  } catch (error) {
    return deferred("4.3.0", errorText(error));
  }
  let last = "control/qmqpservers names no server";
  for (const server of servers) {
    const attempt = await ask(shared.options.timeoutSeconds, server, envelope, spool);
    if (attempt.outcome !== null) {
      if (attempt.reached) shared.penalties.delete(server.line);
      else punish(shared, session, server, attempt.outcome);
      return attempt.outcome;
    }
    last = attempt.reason;
    punish(shared, session, server, deferred("4.4.1", last));
  }
  return deferred("4.4.1", last);
}

/** The servers, those that failed lately last. */
function inTurn(shared: Shared): QmqpServer[] {
  const servers: QmqpServer[] = [];
  for (const line of shared.options.servers()) {
    const server = parseServer(line.trim());
    if (server === null) throw new Error(`control/qmqpservers: "${line}" is not HOST or HOST:PORT`);
    servers.push(server);
  }
  const now = shared.now();
  const late = (s: QmqpServer) => (shared.penalties.get(s.line) ?? 0) > now ? 1 : 0;
  return servers.sort((a, b) => late(a) - late(b));
}

function punish(shared: Shared, session: number, server: QmqpServer, outcome: QueueOutcome): void {
  shared.penalties.set(server.line, shared.now() + PENALTY_MILLISECONDS);
  if (shared.options.trace.level < 1) return;
  const reason = outcome.kind === "queued" ? "" : outcome.reason;
  shared.options.trace.emit(session, QUEUE_EVENTS.qmqpServer, { server: server.line, reason });
}

/** How asking one server went. Without an outcome, the next one may be asked. */
type Attempt =
  | { readonly outcome: QueueOutcome; readonly reached: boolean }
  | { readonly outcome: null; readonly reason: string };

async function ask(
  timeoutSeconds: number,
  server: QmqpServer,
  envelope: Envelope,
  spool: Spool,
): Promise<Attempt> {
  const late = AbortSignal.timeout(timeoutSeconds * 1000);
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: server.hostname, port: server.port, signal: late });
  } catch (error) {
    const why = late.aborted ? `no connection in ${timeoutSeconds} seconds` : errorText(error);
    return { outcome: null, reason: `Cannot reach the QMQP server "${server.line}": ${why}` };
  }
  const watch = watchSilence(conn, timeoutSeconds);
  let sent = false;
  try {
    await sendAll(conn, envelope, spool, watch.progress);
    sent = true;
    return { outcome: outcomeOfAnswer(server, await readAnswer(conn)), reached: true };
  } catch (error) {
    const why = watch.fired() ? `silent for ${timeoutSeconds} seconds` : errorText(error);
    const reason = `The QMQP server "${server.line}" failed: ${why}`;
    // A message that was sent as a whole may be queued there although no answer came.
    return sent
      ? { outcome: deferred("4.4.2", reason), reached: false }
      : { outcome: null, reason };
  } finally {
    watch.end();
  }
}

/** Closes a connection that makes no progress. A timer is set again for each step. */
function watchSilence(conn: Deno.TcpConn, seconds: number) {
  let fired = false;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    conn.close();
  };
  const expire = () => {
    fired = true;
    close();
  };
  let timer = setTimeout(expire, seconds * 1000);
  return {
    fired: () => fired,
    progress() {
      clearTimeout(timer);
      if (open) timer = setTimeout(expire, seconds * 1000);
    },
    end() {
      clearTimeout(timer);
      close();
    },
  };
}

function outcomeOfAnswer(server: QmqpServer, answer: string): QueueOutcome {
  switch (answer[0]) {
    case "K":
      return { kind: "queued", id: idOfAnswer(answer) };
    case "Z":
    case "D":
      return outcomeOfWords(answer);
    default:
      return deferred("4.4.2", `The QMQP server "${server.line}" gave an answer without K, Z or D`);
  }
}

/** `Kok 1234567890 qp 4711`: what comes after "ok" and the time is the id. */
function idOfAnswer(answer: string): string {
  // deno-lint-ignore no-control-regex
  const text = answer.slice(1, 200).replace(/[\x00-\x1f\x7f]+/g, " ").trim();
  return /\bqp \d+/.exec(text)?.[0] ?? (text === "" ? "qmqp" : text);
}
