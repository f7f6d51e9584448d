/**
 * `qfront transcript`: plays dialogues against a site or a running server, and makes them of a trace
 * (docs/transcripts.md).
 */
import { type Command, type ParsedArgs, SITE_OPTIONS, UsageError } from "./command.ts";
import { recordTranscripts } from "./transcript_record.ts";
import { runTranscripts } from "./transcript_run.ts";

type Action = (
  args: ParsedArgs,
  operands: readonly string[],
  print: (line: string) => void,
) => number | Promise<number>;

const ACTIONS: Readonly<Record<string, Action>> = {
  run: runTranscripts,
  record: recordTranscripts,
};

async function run(args: ParsedArgs): Promise<number> {
  const [name, ...operands] = args.operands;
  const action = name !== undefined && Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    throw new UsageError(
      name === undefined
        ? "transcript needs run or record"
        : `transcript "${name}" is neither run nor record`,
    );
  }
  return await action(args, operands, (line) => console.log(line));
}

export const TRANSCRIPT: Command = {
  name: "transcript",
  about: "play dialogues from files, or make such files of a trace",
  operands: "run FILE... | record TRACE",
  text: "run plays C: and S: lines and shows where the server first says something else;\n" +
    "record makes files of the sessions in a trace of level 4. Exit 0, 1 or 2 (unplayed).",
  options: [
    ...SITE_OPTIONS,
    { name: "against", value: "HOST:PORT", about: "run: a running server, of whatever make" },
    { name: "anyway", about: "run: play what asks for things no running server can be given" },
    { name: "wait", value: "SECONDS", about: "run: longest wait for a server's answer (10)" },
    { name: "copy", about: "run: on a copy of --root, a fresh one for each file" },
    { name: "deliver", about: "run: accepted mail is not thrown away" },
    { name: "piece", value: "BYTES", about: "run: sessions get at most so much at a time" },
    { name: "trace", about: "run: the whole trace of a session that differs" },
    { name: "json", about: "run: one JSON object for programs" },
    { name: "tap", about: "run: the Test Anything Protocol" },
    { name: "session", value: "NUMBER", about: "record: this session alone" },
    { name: "out", value: "DIR", about: "record: where the files go, one a session" },
  ],
  examples: ["qfront transcript run --root /srv/site --copy tests/"],
  run,
};
