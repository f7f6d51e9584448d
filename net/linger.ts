/** The rest of what a client says after its last reply: read and thrown away, so that a reset does not destroy the reply. */
import type { Duplex } from "./types.ts";

/** After a last reply, how long and how much more of the client's input is taken. */
export const LINGER_SECONDS = 2;
const LINGER_BYTES = 1 << 20;

/** Ends the output and reads until the client goes or said too much; whoever calls closes `conn` when the time is over. */
export async function discardInput(conn: Duplex, buffer: Uint8Array): Promise<void> {
  try {
    await conn.closeWrite();
    for (let left = LINGER_BYTES; left > 0;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      left -= count;
    }
  } catch {
    // The peer went first, or the time is over: the last reply was written.
  }
}
