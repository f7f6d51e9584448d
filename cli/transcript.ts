/**
 * `qfront transcript`: plays dialogues against a site or a running server, and makes them of a trace
 * (docs/transcripts.md).
 */
import { type Command, type ParsedArgs, SITE_OPTIONS, UsageError } from "./command.ts";
import { print } from "./say.ts";
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
  requireOwn(args, name ?? "");
  return await action(args, operands, print);
}

/** An option of the other action would mean nothing. @throws {UsageError} */
function requireOwn(args: ParsedArgs, action: string): void {
  const wrong = TRANSCRIPT.options.find(({ name, about }) =>
    /^(run|record): /.test(about) && !about.startsWith(`${action}: `) &&
    (args.has(name) || args.values(name).length > 0)
  );
  if (wrong === undefined) return;
  throw new UsageError(`transcript ${action} takes no --${wrong.name} (${wrong.about})`);
}

export const TRANSCRIPT: Command = {
  name: "transcript",
  about: "play dialogues from files, or make such files of a trace",
  operands: "run FILE... | record TRACE",
  text: "run plays C: and S: lines and shows where the server first says something else;\n" +
    "record makes files of the sessions in a level 4 trace. Exit 0, 1, 2 (unplayed).",
  options: [
    ...SITE_OPTIONS,
    { name: "against", value: "HOST:PORT", about: "run: a running server, of whatever make" },
    { name: "anyway", about: "run: play also what asks for settings and files there" },
    { name: "wait", value: "SECONDS", about: "run: longest wait for a server's answer (10)" },
    { name: "copy", about: "run: on a copy of --root, a fresh one for each file" },
    { name: "deliver", about: "run: accepted mail is not thrown away" },
    { name: "piece", value: "BYTES", about: "run: sessions get at most so much at a time" },
    { name: "json", about: "run: one JSON object, with the trace of what differs" },
    { name: "tap", about: "run: the Test Anything Protocol" },
    { name: "session", value: "NUMBER", about: "record: this session alone" },
    { name: "out", value: "DIR", about: "record: where the files go, one a session" },
  ],
  examples: ["qfront transcript run --root /srv/site --copy tests/"],
  run,
};
