/** The bytes of QMQP: one netstring there, one netstring back. */
import type { Envelope } from "./types.ts";
import { bytesOf } from "./local_lines.ts";
import type { Spool } from "./spool.ts";

/** Longest answer of a server that is read. */
const ANSWER_BYTES = 4096;

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}

const netstring = (text: string): string => `${text.length}:${text},`;
const netstringLength = (length: number): number => length + String(length).length + 2;

/** Bytes of the envelope that are put together before they are written. */
const ENVELOPE_PIECE = 32768;

/** The whole request: one netstring that holds message, sender and recipients as netstrings. */
export async function sendAll(
  conn: Deno.TcpConn,
  envelope: Envelope,
  spool: Spool,
  progress: () => void,
): Promise<void> {
  const addresses = [envelope.sender, ...envelope.recipients];
  const length = addresses.reduce((n, a) => n + netstringLength(a.length), 0);
  const total = netstringLength(spool.bytes) + length;
  await writeAll(conn, bytesOf(`${total}:${spool.bytes}:`));
  for await (const piece of spool.read()) {
    await writeAll(conn, piece);
    progress();
  }
  let text = ",";
  for (const address of addresses) {
    text += netstring(address);
    if (text.length < ENVELOPE_PIECE) continue;
    await writeAll(conn, bytesOf(text));
    progress();
    text = "";
  }
  await writeAll(conn, bytesOf(`${text},`));
  progress();
}

/** The content of the answer's netstring. */
export async function readAnswer(conn: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(ANSWER_BYTES);
  let text = "";
  for (;;) {
    const answer = parseAnswer(text);
    if (answer !== null) return answer;
    const n = await conn.read(buffer);
    if (n === null) throw new Error("the connection ended without an answer");
    text += String.fromCharCode(...buffer.subarray(0, n));
  }
}

/** A complete netstring's content; null: more must come. */
function parseAnswer(text: string): string | null {
  const match = /^(\d{1,5}):/.exec(text);
  if (match === null) {
    if (text === "" || /^\d{1,5}$/.test(text)) return null;
    throw new Error("its answer is no netstring");
  }
  const length = Number(match[1]);
  if (length > ANSWER_BYTES) throw new Error("its answer is too long");
  const start = match[0].length;
  if (text.length < start + length + 1) return null;
  if (text[start + length] !== ",") throw new Error("its answer is no netstring");
  return text.slice(start, start + length);
}
