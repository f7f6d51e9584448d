/** The engine of a session that is not served: its last word, and the connection is closed. */
import type { Engine, Output } from "./types.ts";

/** Says `lastWord`, which may be empty, and takes nothing. */
export function createClosedEngine(lastWord: Uint8Array, output: Output): Engine {
  return {
    start: () => output.bytes(lastWord),
    receive() {},
    end() {},
    wants: "close",
    busy: false,
    idleSeconds: 1,
    sessionSeconds: 1,
  };
}
