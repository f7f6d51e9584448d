/**
 * `qfront bans`: the networks that are refused for a while, shown, added, lifted.
 *
 * A running service is asked over its control socket; where none answers, ban_file itself is changed.
 * A service without control socket would write its own memory over that, so it is said which of both
 * was done.
 */
import type { ControlClient } from "../ctl/client.ts";
import { networkText, RequestError } from "../ctl/requests.ts";
import { showBans, showDuration } from "../ctl/show.ts";
import { type Ban, Bans } from "../policy/bans.ts";
import { readBanLines } from "../policy/ban_file.ts";
import { termsOf } from "../policy/config.ts";
import { Guesses } from "../policy/guesses.ts";
import {
  type FileOwner,
  putAside,
  readStateFile,
  StateFileError,
  stateFilePath,
  writeStateFile,
} from "../policy/state_file.ts";
import {
  type Command,
  type ParsedArgs,
  reasonOf,
  RefusedError,
  SiteError,
  UsageError,
} from "./command.ts";
import {
  askService,
  CONTROL_OPTIONS,
  findRunning,
  printResult,
  type Running,
} from "./control_client.ts";
import { complain } from "./say.ts";

/** Who keeps the bans: a service, or a file. */
interface Keeper {
  list(): Promise<readonly Ban[]>;
  add(network: string, reason: string, seconds: number | null): Promise<Ban>;
  /** @throws {SiteError} when there is no such ban. */
  lift(network: string): Promise<string>;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of "90s", "30m", "1h", "2d". @throws {UsageError} */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text);
  const seconds = Number(match?.[1] ?? 0) * (UNITS[match?.[2] ?? ""] ?? 0);
  if (seconds > 0) return seconds;
  throw new UsageError(`"${text}" is no time such as 30m, 1h or 2d`);
}

const inService = (client: ControlClient): Keeper => ({
  list: () => askService(client, { ask: "bans" }),
  add: (network, reason, seconds) => askService(client, { ask: "ban", network, reason, seconds }),
  lift: (network) => askService(client, { ask: "lift", network }),
});

/** The file itself. @throws {SiteError} */
function inFile({ place, settings }: Running): Keeper {
  if (settings.ban_file === "") {
    throw new SiteError(
      "No service answers, and setting ban_file names no file: there are no bans to be had",
    );
  }
  const path = stateFilePath(settings.ban_file, place.root, place.path);
  const terms = termsOf(settings);
  const bans = new Bans(terms.bans);
  const guesses = new Guesses(terms.guesses);
  const nowMs = Date.now();
  const faults = readBanLines(read(path), bans, guesses, nowMs);
  for (const fault of faults) {
    complain(`${path}: ${fault}`);
  }
  const write = async () => {
    const lines = [...bans.kept(nowMs), ...guesses.rows(nowMs)].map((one) => JSON.stringify(one));
    const owner = ownerOf(path);
    try {
      if (faults.length > 0) complain(`What can't be read of it is kept in "${putAside(path)}"`);
      await writeStateFile(path, lines.map((line) => `${line}\n`), owner);
    } catch (error) {
      throw new SiteError(reasonOf(error));
    }
    complain(`No service answers, so "${path}" itself was changed`);
  };
  return {
    list: () => Promise.resolve(bans.list(nowMs)),
    async add(network, reason, seconds) {
      const untilMs = seconds === null ? undefined : nowMs + seconds * 1000;
      const ban = bans.add(network, reason, nowMs, "admin", untilMs);
      await write();
      return ban;
    },
    async lift(network) {
      if (!bans.lift(network)) throw new RefusedError(`There is no ban of ${network}`);
      await write();
      return `${network} is not banned any more`;
    },
  };
}

/** @throws {SiteError} */
function read(path: string): string {
  try {
    return readStateFile(path);
  } catch (error) {
    if (error instanceof StateFileError) throw new SiteError(error.message);
    throw error;
  }
}

/** Whose the file is, or is to be, for root to give it back; null: this is not root. */
function ownerOf(path: string): FileOwner | null {
  if (Deno.uid() !== 0) return null;
  for (const one of [path, path.replace(/\/[^/]*$/, "") || "/"]) {
    try {
      const { uid, gid } = Deno.statSync(one);
      if (uid !== null && gid !== null) return { uid, gid };
    } catch {
      // Not there yet: its directory's owner writes it.
    }
  }
  return null;
}

/** @throws {UsageError} */
function networkOperand(args: ParsedArgs): string {
  const [word, network, ...more] = args.operands;
  if (network === undefined || more.length > 0) {
    throw new UsageError(`bans ${word} takes one network, such as 192.0.2.0/24`);
  }
  try {
    return networkText(network);
  } catch (error) {
    if (error instanceof RequestError) throw new UsageError(error.message);
    throw error;
  }
}

async function act(args: ParsedArgs, bans: () => Keeper): Promise<void> {
  const [word = "list"] = args.operands;
  switch (word) {
    case "list": {
      if (args.operands.length > 1) throw new UsageError(`bans list takes no operand`);
      const list = await bans().list();
      return printResult(args, list, showBans(list, Date.now()));
    }
    case "add": {
      const network = networkOperand(args);
      const span = args.value("for");
      const seconds = span === undefined ? null : parseDuration(span);
      const ban = await bans().add(network, args.value("reason") ?? "An administrator's", seconds);
      const left = showDuration((ban.untilMs - ban.sinceMs) / 1000);
      return printResult(args, ban, [`${ban.network} is banned for ${left}`]);
    }
    case "lift": {
      const said = await bans().lift(networkOperand(args));
      return printResult(args, said, [said]);
    }
    default:
      throw new UsageError(`bans knows list, add NETWORK and lift NETWORK, not "${word}"`);
  }
}

async function run(args: ParsedArgs): Promise<number> {
  const running = await findRunning(args);
  const { client } = running;
  try {
    await act(args, () => client === null ? inFile(running) : inService(client));
    return 0;
  } finally {
    client?.close();
  }
}

export const BANS: Command = {
  name: "bans",
  about: "networks that are refused for a while",
  operands: "[list|add NETWORK|lift NETWORK]",
  text: `Without an operand: list. A running service is asked over its control socket;
where none answers, ban_file itself is read and changed.`,
  options: [
    { name: "reason", value: "TEXT", about: "why, for the list and the trace" },
    { name: "for", value: "TIME", about: "30m, 1h, 2d; as long as policy would if not given" },
    ...CONTROL_OPTIONS,
  ],
  examples: [
    "qfront bans",
    'qfront bans add 192.0.2.0/24 --reason "tries our lists" --for 1h',
    "qfront bans lift 192.0.2.0/24",
  ],
  run,
};
