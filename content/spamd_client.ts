/**
 * One question to spamd in its own protocol (SPAMC/1.5, SYMBOLS): what score has this message, and
 * which of its rules matched?
 *
 * Mirrors spamc. Of the other commands none is used: we write the fields ourselves, so a spamd can't
 * change a message. Answers are bounded; one that is no answer is trouble, never a verdict.
 */
import { shutdownSocket } from "../net/shutdown.ts";
import { binaryOf, bytesOf } from "./binary.ts";

/** A place where spamd listens. */
export type SpamdServer =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly name: string }
  | { readonly kind: "unix"; readonly path: string; readonly name: string };

/** What it said. */
export interface SpamdAnswer {
  readonly score: number;
  /** spamd's own limit. */
  readonly required: number;
  /** Names of the rules that matched. */
  readonly symbols: readonly string[];
}

/** A message for it; `read` gives exactly `bytes` bytes. */
export interface SpamdQuestion {
  /** "" for spamd's own. */
  readonly user: string;
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
}

/** Longest answer that is read. */
const ANSWER_BYTES = 65_536;

const PORT = 783;

/** "HOST:PORT", "[IPv6]:PORT", "HOST" or "/path"; null: it is none of these. */
export function readServer(word: string): SpamdServer | null {
  if (word.startsWith("/")) return { kind: "unix", path: word, name: word };
  const [, v6, plain, digits] = /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(word) ?? [];
  const host = v6 ?? plain;
  const port = digits === undefined ? PORT : Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return null;
  return { kind: "tcp", host, port, name: word };
}

/** @throws {Error} when `text` is no answer to SYMBOLS */
export function parseAnswer(text: string): SpamdAnswer {
  const blank = text.indexOf("\r\n\r\n");
  const [status = "", ...fields] = (blank < 0 ? text : text.slice(0, blank)).split("\r\n");
  const [, code, word] = /^SPAMD\/\d+\.\d+ (\d+) ?(.*)$/.exec(status) ?? [];
  if (code === undefined) throw new Error("the answer is not spamd's");
  if (code !== "0") throw new Error(`it answered ${code} ${word}`);
  if (blank < 0) throw new Error("the answer is not complete");
  const body = text.slice(blank + 4);
  const length = /^\d+$/.exec(valueOf(fields, "content-length") ?? "");
  if (length !== null && body.length < Number(length[0])) {
    throw new Error("the answer is not complete");
  }
  const spam = /^(?:true|false|yes|no)\s*;\s*(-?[\d.]+)\s*\/\s*(-?[\d.]+)$/i
    .exec(valueOf(fields, "spam") ?? "");
  const [score, required] = [Number(spam?.[1] ?? NaN), Number(spam?.[2] ?? NaN)];
  if (!Number.isFinite(score) || !Number.isFinite(required)) {
    throw new Error("the answer has no score");
  }
  const symbols = body.split(/[,\s]+/).filter((symbol) => /^[\w.]{1,100}$/.test(symbol));
  return { score, required, symbols };
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  const field = fields.find((one) => one.toLowerCase().startsWith(`${name}:`));
  return field?.slice(name.length + 1).trim();
}

/** Asks. Rejects with a sentence. */
export async function askSpamd(
  server: SpamdServer,
  question: SpamdQuestion,
  milliseconds: number,
): Promise<SpamdAnswer> {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  const late = new Error(`no answer within ${seconds} s`);
  const limit = new AbortController();
  let giveUp: (error: Error) => void = () => {};
  const tooLate = new Promise<never>((_, reject) => giveUp = reject);
  tooLate.catch(() => {});
  const timer = setTimeout(() => {
    giveUp(late);
    limit.abort(late);
  }, milliseconds);
  let conn: Deno.Conn | null = null;
  let isOver = false;
  try {
    const connecting = connect(server, limit.signal).then((made) => {
      // Too late: nobody is left who would close it.
      if (isOver) made.close();
      return made;
    });
    connecting.catch(() => {});
    conn = await Promise.race([connecting, tooLate]);
    return await Promise.race([converse(conn, question, () => isOver), tooLate]);
  } finally {
    isOver = true;
    clearTimeout(timer);
    if (conn !== null) closeHard(conn, limit.signal.aborted);
  }
}

function connect(server: SpamdServer, signal: AbortSignal): Promise<Deno.Conn> {
  if (server.kind === "unix") return Deno.connect({ transport: "unix", path: server.path });
  return Deno.connect({ hostname: server.host, port: server.port, signal });
}

/** A write that spamd does not take is only ended by shutting the socket down. */
function closeHard(conn: Deno.Conn, isStuck: boolean): void {
  if (isStuck && conn.localAddr.transport === "tcp") {
    shutdownSocket(conn as Deno.TcpConn, () => {});
    queueMicrotask(() => conn.close());
  } else conn.close();
}

async function converse(
  conn: Deno.Conn,
  question: SpamdQuestion,
  isOver: () => boolean,
): Promise<SpamdAnswer> {
  const user = question.user === "" ? "" : `User: ${question.user.replace(/[^!-~]/g, "")}\r\n`;
  const head = `SYMBOLS SPAMC/1.5\r\nContent-length: ${question.bytes}\r\n${user}\r\n`;
  const sent = send(conn, head, question, isOver).catch((error: unknown) => error);
  // It may answer, and say what is wrong, without having read everything.
  const text = await readAll(conn).catch(() => "");
  if (text === "") {
    const failed = await sent;
    throw failed instanceof Error ? failed : new Error("it hung up without an answer");
  }
  return parseAnswer(text);
}

async function send(
  conn: Deno.Conn,
  head: string,
  question: SpamdQuestion,
  isOver: () => boolean,
): Promise<void> {
  await writeAll(conn, bytesOf(head));
  for await (const piece of question.read()) {
    await writeAll(conn, piece);
    // The message is somebody else's to read again.
    if (isOver()) return;
  }
  // spamc's way of saying that nothing more comes.
  await conn.closeWrite();
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
    text += binaryOf(buffer.subarray(0, n));
    if (text.length > ANSWER_BYTES) throw new Error("the answer is too long");
  }
  return text;
}
