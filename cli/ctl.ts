/** `qfront ctl`: asks a running service something, or tells it to do something, over its control socket. */
import { showSessions, showStats } from "../ctl/show.ts";
import type { Request, SessionInfo, Stats } from "../ctl/types.ts";
import { type Command, type ParsedArgs, UsageError } from "./command.ts";
import { askService, CONTROL_OPTIONS, printResult, requireRunning } from "./control_client.ts";

/** @throws {UsageError} */
function requestOf(operands: readonly string[]): Request {
  const [word, id, ...more] = operands;
  if (more.length > 0) throw new UsageError(`ctl takes no "${more[0]}"`);
  if (word === "kill") {
    const session = Number(id);
    if (/^[1-9]\d{0,15}$/.test(id ?? "")) return { ask: "kill", session };
    throw new UsageError("ctl kill needs the number of a session: qfront ctl sessions has them");
  }
  if (id !== undefined) throw new UsageError(`ctl ${word} takes no "${id}"`);
  if (word === "reload" || word === "stats" || word === "sessions") return { ask: word };
  throw new UsageError(
    word === undefined
      ? "ctl needs to know what: reload, stats, sessions or kill ID"
      : `ctl knows reload, stats, sessions and kill ID, not "${word}"`,
  );
}

async function run(args: ParsedArgs): Promise<number> {
  const request = requestOf(args.operands);
  const client = await requireRunning(args);
  try {
    switch (request.ask) {
      case "stats": {
        const stats = await askService<Stats>(client, request);
        printResult(args, stats, showStats(stats, Date.now()));
        break;
      }
      case "sessions": {
        const sessions = await askService<readonly SessionInfo[]>(client, request);
        printResult(args, sessions, showSessions(sessions));
        break;
      }
      default: {
        const said = await askService<string>(client, request);
        printResult(args, said, [said]);
      }
    }
    return 0;
  } finally {
    client.close();
  }
}

export const CTL: Command = {
  name: "ctl",
  about: "ask a running service, or tell it something",
  operands: "reload|stats|sessions|kill ID",
  text: `reload    settings and control files are read again, as on SIGHUP
stats     numbers since the start
sessions  who is connected, and what they are doing
kill ID   ends one session at once`,
  options: CONTROL_OPTIONS,
  examples: ["qfront ctl sessions", "qfront ctl kill 4711"],
  run,
};
