/**
 * What the program says about itself on stderr: started, listening, this line of trace.cfg is wrong.
 *
 * LogTape sorts and formats; the writing is a StreamSink: asynchronous, one write at a time, since console.log would
 * stop every session while the reader of stderr stands still. Beyond 1 MiB waiting, lines are dropped.
 * Loaded lazily, so that `cat smtp.txt | qfront` starts without it. Mail and sessions are the trace's matter.
 */
import { escapeText } from "./escape.ts";
import { StreamSink, type StreamWriter } from "./sink.ts";

export interface Diagnostics {
  info(sentence: string): void;
  warning(sentence: string): void;
  error(sentence: string): void;
  /** Resolves when all is written, or after a second. */
  close(): Promise<void>;
}

const KEEP_CHARS = 1_048_576;
const CLOSE_MILLIS = 1000;
const encoder = new TextEncoder();

/** Configures LogTape, once a process, and gives the program's voice. */
export async function openDiagnostics(
  options: { readonly quiet?: boolean; readonly stderr?: StreamWriter } = {},
): Promise<Diagnostics> {
  const { configure, dispose, getLogger } = await import("@logtape/logtape");
  const sink = new StreamSink(options.stderr ?? Deno.stderr);
  let pending = "";
  const pump = () => {
    if (pending === "" || !sink.ready) return;
    const text = pending;
    pending = "";
    sink.write(encoder.encode(text));
  };
  sink.onReady = pump;
  const lowestLevel = options.quiet === true ? "warning" : "info";
  await configure({
    reset: true,
    sinks: {
      stderr: ({ level, message }) => {
        if (pending.length >= KEEP_CHARS) return;
        const word = level === "info" ? "" : level + ": ";
        pending += `qfront: ${word}${escapeText(message.map(String).join(""))}\n`;
        pump();
      },
    },
    loggers: [
      { category: "qfront", sinks: ["stderr"], lowestLevel },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "error" },
    ],
  });
  const logger = getLogger("qfront");
  return {
    info: (sentence) => logger.info("{sentence}", { sentence }),
    warning: (sentence) => logger.warn("{sentence}", { sentence }),
    error: (sentence) => logger.error("{sentence}", { sentence }),
    async close() {
      pump();
      await sink.close(CLOSE_MILLIS);
      await dispose();
    },
  };
}
