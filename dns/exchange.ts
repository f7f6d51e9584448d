/**
 * One question to one name server: over UDP from a fresh socket, over TCP when the answer is truncated
 * (RFC 1035 section 4.2, RFC 7766, RFC 5452).
 *
 * Only a datagram from the server's own address and port, with our random id and our question, is an answer;
 * anything else is passed over, and when many such come, somebody is guessing and the question goes over TCP.
 */
import { canonicalName } from "./names.ts";
import { QUERY_PORT, type ServerAddress } from "./resolv_conf.ts";
import type { QueryType } from "./types.ts";
import { decodeMessage, type DnsMessage, encodeQuery, escapedName, TYPE_CODES } from "./wire.ts";

/** Datagrams that are no answer before UDP is given up for a question. */
const MAX_FOREIGN = 20;
const DATAGRAM_BYTES = 4096;

/** What came of asking one server: its answer, or one sentence. */
export type Exchanged =
  | { readonly message: DnsMessage }
  | { readonly message: null; readonly problem: string };

export interface Question {
  readonly name: string;
  readonly type: QueryType;
  /** With EDNS0. */
  readonly edns: boolean;
  /** From the start over TCP. */
  readonly tcp: boolean;
}

/** HOST or HOST:PORT of a server, for messages. */
export function showServer(server: ServerAddress): string {
  if (server.port === QUERY_PORT) return server.ip;
  return server.ip.includes(":") ? `[${server.ip}]:${server.port}` : `${server.ip}:${server.port}`;
}

function randomId(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
}

/** Whether `message` answers our question. */
function isAnswer(message: DnsMessage, id: number, question: Question): boolean {
  const asked = message.question;
  return message.isResponse && message.opcode === 0 && message.id === id && asked !== null &&
    asked.type === TYPE_CODES[question.type] && asked.class === 1 &&
    canonicalName(asked.name) === canonicalName(escapedName(question.name));
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\(os error \d+\)/, "");
}

const failed = (server: ServerAddress, reason: string): Exchanged => ({
  message: null,
  problem: `Name server ${showServer(server)}: ${reason}`,
});

/** Runs `work` until `timeoutMs` is over; `stop` must make it end. Its errors become a sentence. */
async function within(
  server: ServerAddress,
  timeoutMs: number,
  stop: () => void,
  work: () => Promise<Exchanged | "tcp">,
): Promise<Exchanged | "tcp"> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, timeoutMs);
  try {
    return await work();
  } catch (error) {
    return failed(
      server,
      late ? `no answer within ${Math.ceil(timeoutMs / 100) / 10} s` : reasonOf(error),
    );
  } finally {
    clearTimeout(timer);
    stop();
  }
}

function openDatagrams(server: ServerAddress): Deno.DatagramConn {
  const hostname = server.ip.includes(":") ? "::" : "0.0.0.0";
  return Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
}

/** Asks over UDP; "tcp": the answer is to be had over TCP only. */
async function askUdp(server: ServerAddress, question: Question, timeoutMs: number) {
  let socket: Deno.DatagramConn;
  try {
    socket = openDatagrams(server);
  } catch (error) {
    return failed(server, reasonOf(error));
  }
  let open = true;
  const stop = () => {
    if (open) socket.close();
    open = false;
  };
  return await within(server, timeoutMs, stop, async () => {
    const id = randomId();
    const query = encodeQuery(id, question.name, question.type, question.edns);
    await socket.send(query, { transport: "udp", hostname: server.ip, port: server.port });
    const buffer = new Uint8Array(DATAGRAM_BYTES);
    for (let foreign = 0; foreign < MAX_FOREIGN; foreign++) {
      const [bytes, from] = await socket.receive(buffer);
      if (from.transport !== "udp" || from.hostname !== server.ip) continue;
      if (from.port !== server.port) continue;
      const message = decodeMessage(bytes);
      if (message === null || !isAnswer(message, id, question)) continue;
      return message.isTruncated ? "tcp" : { message };
    }
    return "tcp";
  });
}

/** Fills `bytes` from `conn`; false at an early end. */
async function readFull(conn: Deno.Conn, bytes: Uint8Array): Promise<boolean> {
  for (let at = 0; at < bytes.length;) {
    const n = await conn.read(bytes.subarray(at));
    if (n === null) return false;
    at += n;
  }
  return true;
}

async function writeFull(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function converse(
  conn: Deno.Conn,
  server: ServerAddress,
  question: Question,
): Promise<Exchanged> {
  const id = randomId();
  const query = encodeQuery(id, question.name, question.type, question.edns);
  const framed = new Uint8Array(query.length + 2);
  framed.set([query.length >> 8, query.length & 255]);
  framed.set(query, 2);
  await writeFull(conn, framed);
  const head = new Uint8Array(2);
  if (!await readFull(conn, head)) return failed(server, "closed the TCP connection");
  const bytes = new Uint8Array(((head[0] ?? 0) << 8) | (head[1] ?? 0));
  if (!await readFull(conn, bytes)) return failed(server, "broke off its answer over TCP");
  const message = decodeMessage(bytes);
  return message === null || message.isTruncated || !isAnswer(message, id, question)
    ? failed(server, "what came over TCP is no answer to the question")
    : { message };
}

async function askTcp(server: ServerAddress, question: Question, timeoutMs: number) {
  let conn: Deno.TcpConn | null = null;
  let over: (reason: Error) => void = () => {};
  const ended = new Promise<never>((_, reject) => over = reject);
  ended.catch(() => {});
  let open = true;
  const stop = () => {
    if (!open) return;
    open = false;
    conn?.close();
    over(new Error("ended"));
  };
  return await within(server, timeoutMs, stop, async () => {
    const connecting = Deno.connect({ hostname: server.ip, port: server.port }).then((made) => {
      if (open) conn = made;
      else made.close();
      return made;
    });
    // A connection that comes too late is closed above; whether it fails then is of no interest.
    connecting.catch(() => {});
    return await Promise.race([
      connecting.then((made) => converse(made, server, question)),
      ended,
    ]);
  });
}

/** Asks `server` the one question, at most `timeoutMs` (for UDP and TCP each). Never rejects. */
export async function exchange(
  server: ServerAddress,
  question: Question,
  timeoutMs: number,
): Promise<Exchanged> {
  if (!question.tcp) {
    const answer = await askUdp(server, question, timeoutMs);
    if (answer !== "tcp") return answer;
  }
  const answer = await askTcp(server, question, timeoutMs);
  return answer === "tcp" ? failed(server, "no answer") : answer;
}
