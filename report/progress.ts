/** A bar on a terminal's standard error while logs are read; nothing in a pipe. */

const WIDTH = 40;
const EVERY_MS = 100;

export interface ProgressTerminal {
  readonly isTerminal: boolean;
  write(text: string): void;
}

export interface Progress {
  update(bytes: number): void;
  /** Wipes it away. */
  done(): void;
}

const SILENT: Progress = { update: () => {}, done: () => {} };
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** `totalBytes`: of all logs; 0 where nobody knows. */
export function makeProgress(
  terminal: ProgressTerminal,
  totalBytes: number,
  clock: () => number = Date.now,
): Progress {
  if (!terminal.isTerminal) return SILENT;
  let shownMs = -Infinity;
  return {
    update(bytes) {
      if (clock() - shownMs < EVERY_MS) return;
      shownMs = clock();
      if (totalBytes === 0) return terminal.write(`\r${megabytes(bytes)} read`);
      const share = Math.min(1, bytes / totalBytes);
      const full = Math.round(share * WIDTH);
      const bar = "#".repeat(full) + ".".repeat(WIDTH - full);
      const percent = String(Math.floor(share * 100)).padStart(3);
      terminal.write(`\r[${bar}] ${percent}% of ${megabytes(totalBytes)}`);
    },
    done() {
      if (shownMs > -Infinity) terminal.write("\r\x1b[K");
    },
  };
}
