/** Output that stays in memory, for whoever plays a dialogue without a stream. */
import type { Output } from "./types.ts";

/** An Output that keeps everything, as one char a byte. */
export interface KeptOutput extends Output {
  take(): string;
}

/** Makes one; `take` gives what came since the last time. */
export function createKeptOutput(): KeptOutput {
  let kept = "";
  return {
    bytes(bytes) {
      for (const byte of bytes) kept += String.fromCharCode(byte);
    },
    text(text) {
      kept += text;
    },
    get pending() {
      return kept.length;
    },
    drain: () => Promise.resolve(),
    take() {
      const all = kept;
      kept = "";
      return all;
    },
  };
}
