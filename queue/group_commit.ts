/**
 * Group commit: whoever must wait for the disk waits together. While one round of syncing runs, the next one
 * gathers; files of one message and directories of another share a round.
 *
 * Two ways, chosen for each item when it is put in: one syncfs(2) for all of a round (a quarter to a half more messages a second
 * than the other), or an fsync for each. syncfs writes out what others have left unwritten on the same file system too: when a
 * round took long, items go the other way for a while. An error that syncfs reports names no file, and a later syncfs does not report it
 * again: it spoils everything that was written when the error came, that is, the round and the one that is gathering.
 * Files written over a longer time never rely on syncfs; they are synced by their own descriptor.
 */
import { setImmediate } from "node:timers";
import type { FileOps, FileSystem, OpenFile } from "./file_ops.ts";

export type SyncWay = "auto" | "syncfs" | "fsync";

/** After a syncfs round longer than this, items go file by file for a while. */
const SLOW_ROUND_MILLISECONDS = 250;
/** How long at first; twice as long each time that the round after it is slow again, up to `LONGEST_MILLISECONDS`. */
const FIRST_MILLISECONDS = 500;
const LONGEST_MILLISECONDS = 16_000;

/** What syncfs has taught about a device. */
interface Slowness {
  readonly until: number;
  readonly milliseconds: number;
}

/** After a round of `took` milliseconds; null: nothing against the next one. */
function slownessAfter(took: number, before: Slowness | null, now: number): Slowness | null {
  if (took <= SLOW_ROUND_MILLISECONDS) return null;
  const milliseconds = before === null
    ? FIRST_MILLISECONDS
    : Math.min(2 * before.milliseconds, LONGEST_MILLISECONDS);
  return { until: now + milliseconds, milliseconds };
}

interface Item {
  /** Set: synced by its own descriptor. */
  readonly file: OpenFile | null;
  /** Set: a directory to sync by name. */
  readonly directory: string | null;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The rounds of one device. Lives while messages for it are in hand. */
export interface SyncGroup {
  /** True: files can be closed once written, `syncWritten` makes them safe. */
  readonly whole: boolean;
  /** Resolves when everything written before is on disk. Only where `whole` was true before the writing. */
  syncWritten(): Promise<void>;
  syncFile(file: OpenFile): Promise<void>;
  /** Resolves when the names made in `directory` before are on disk. */
  syncDirectory(directory: string): Promise<void>;
  /** The message that asked for the group needs it no more. */
  release(): void;
}

export interface GroupCommit {
  /** The group of the device that holds `directory`. Call before anything is written; release it after. */
  acquire(directory: string): SyncGroup;
}

/** All groups of a process. `now` is in milliseconds. */
export function openGroupCommit(
  ops: FileOps,
  way: SyncWay,
  now: () => number = () => performance.now(),
): GroupCommit {
  const groups = new Map<number, ReturnType<typeof openGroup>>();
  const slow = new Map<number, Slowness>();
  return {
    acquire(directory) {
      const device = ops.device(directory);
      let group = groups.get(device);
      if (group === undefined) {
        const whole = way === "fsync" ? null : ops.fileSystem(directory);
        group = openGroup(ops, whole, {
          mayUseWhole: () => way === "syncfs" || (slow.get(device)?.until ?? -Infinity) <= now(),
          roundTook: (ms) => {
            const after = slownessAfter(ms, slow.get(device) ?? null, now());
            if (after === null) slow.delete(device);
            else slow.set(device, after);
          },
          unused: () => groups.delete(device),
          now,
        });
        groups.set(device, group);
      }
      group.hold();
      return group;
    },
  };
}

interface GroupRules {
  mayUseWhole(): boolean;
  roundTook(milliseconds: number): void;
  unused(): void;
  now(): number;
}

function openGroup(ops: FileOps, whole: FileSystem | null, rules: GroupRules) {
  let holders = 0;
  let running = false;
  let gathering: Item[] = [];

  function put(file: OpenFile | null, directory: string | null): Promise<void> {
    return new Promise((resolve, reject) => {
      gathering.push({ file, directory, resolve, reject });
      if (!running) {
        running = true;
        startRound();
      }
    });
  }

  // One turn of the event loop lets everything that is ready join the round.
  function startRound(): void {
    setImmediate(() => void runRounds());
  }

  async function runRounds(): Promise<void> {
    const round = gathering;
    gathering = [];
    await syncRound(round);
    if (gathering.length > 0) startRound();
    else {
      running = false;
      closeIfUnused();
    }
  }

  async function syncRound(round: readonly Item[]): Promise<void> {
    const shared = round.filter((item) => item.file === null && item.directory === null);
    const own = round.filter((item) => item.file !== null || item.directory !== null);
    await Promise.all([syncShared(shared), syncOwn(ops, own)]);
  }

  async function syncShared(items: readonly Item[]): Promise<void> {
    if (items.length === 0 || whole === null) return;
    const started = rules.now();
    try {
      await whole.sync();
      for (const item of items) item.resolve();
    } catch (error) {
      const spoiled = gathering.filter((item) => item.file === null);
      gathering = gathering.filter((item) => item.file !== null);
      for (const item of [...items, ...spoiled]) item.reject(error);
    }
    rules.roundTook(rules.now() - started);
  }

  function closeIfUnused(): void {
    if (holders > 0 || running) return;
    whole?.close();
    rules.unused();
  }

  return {
    hold: () => {
      holders++;
    },
    get whole() {
      return whole !== null && rules.mayUseWhole();
    },
    syncWritten: () => put(null, null),
    syncFile: (file: OpenFile) => put(file, null),
    syncDirectory(directory: string) {
      return whole !== null && rules.mayUseWhole() ? put(null, null) : put(null, directory);
    },
    release() {
      holders--;
      closeIfUnused();
    },
  };
}

/** fsync of each file, and of each directory once. */
async function syncOwn(ops: FileOps, items: readonly Item[]): Promise<void> {
  const directories = new Map<string, Promise<void>>();
  await Promise.all(items.map(async (item) => {
    try {
      if (item.file !== null) await item.file.sync();
      if (item.directory !== null) {
        const running = directories.get(item.directory) ?? ops.syncDirectory(item.directory);
        directories.set(item.directory, running);
        await running;
      }
      item.resolve();
    } catch (error) {
      item.reject(error);
    }
  }));
}
