/**
 * Group commit: whoever must wait for the disk waits together. While one round of syncing runs, the next one
 * gathers; files of one message and directories of another share a round.
 *
 * Two ways, chosen for each item when it is put in: one syncfs(2) for all of a round (a quarter to a half more messages a second
 * than the other), or an fsync for each. syncfs writes out what others have left unwritten on the same file system too: when a
 * round took long, items go the other way for a while. An error that syncfs reports names no file, and a later syncfs does not report it
 * again: it spoils everything that was written when the error came, that is, the round and the one that is gathering. A round that
 * only waits for the names in one directory syncs that directory: nobody else's data waits to be written then.
 * Files written over a longer time never rely on syncfs; they are synced by their own descriptor.
 */
import { later } from "../net/later.ts";
import type { FileOps, FileSystem, OpenFile } from "./file_ops.ts";
import type { Owner } from "./libc.ts";
import { Pace } from "./pace.ts";

export type SyncWay = "auto" | "syncfs" | "fsync";

/** After a syncfs round longer than this, items go file by file for a while. */
const SLOW_MILLISECONDS = 250;
/** A round that took less is over before a thread has been woken for the next and has told of its end. */
const QUICK_MILLISECONDS = 1;

interface Item {
  /** Set: synced by its own descriptor. */
  readonly file: OpenFile | null;
  /** Set: a directory to sync by name. */
  readonly directory: string | null;
  /** Whose it is: in place it is looked up as him. */
  readonly owner: Owner | null;
  /** The file system's own sync may do it. */
  readonly mayShare: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The rounds of one device. Lives while messages for it are in hand. */
export interface SyncGroup {
  /** Number of the device. */
  readonly device: number;
  /** True: files can be closed once written, `syncWritten` makes them safe. */
  readonly whole: boolean;
  /** Resolves when everything written before is on disk. Only where `whole` was true before the writing. */
  syncWritten(): Promise<void>;
  syncFile(file: OpenFile): Promise<void>;
  /** Resolves when the names made in `directory`, which is `owner`'s, before are on disk. */
  syncDirectory(directory: string, owner?: Owner | null): Promise<void>;
  /** The message that asked for the group needs it no more. */
  release(): void;
}

export interface GroupCommit {
  /** The group of the device that holds `directory`. Call before anything is written; release it after. */
  acquire(directory: string): SyncGroup;
}

/** How rounds are run. */
export interface RoundOptions {
  /**
   * A device that syncs in less than a millisecond is waited for in place, which spares two wakes of a thread. For a process that
   * has no clients of its own to answer meanwhile. Default: false.
   */
  readonly inPlace?: boolean;
  /** In milliseconds. */
  readonly now?: () => number;
}

/** All groups of a process. */
export function openGroupCommit(
  ops: FileOps,
  way: SyncWay,
  { inPlace = false, now = () => performance.now() }: RoundOptions = {},
): GroupCommit {
  /** One a device: few, which come and go. */
  const groups: ReturnType<typeof openGroup>[] = [];
  const paces = new Map<number, Pace>();
  const paceOf = (device: number): Pace => {
    const pace = paces.get(device) ?? new Pace(SLOW_MILLISECONDS, now);
    paces.set(device, pace);
    return pace;
  };
  return {
    acquire(directory) {
      const device = ops.device(directory);
      let group = groups.find((one) => one.device === device);
      if (group === undefined) {
        const pace = paceOf(device);
        const whole = way === "fsync" ? null : ops.fileSystem(directory);
        group = openGroup(ops, device, whole, {
          mayUseWhole: () => way === "syncfs" || !pace.isSlow,
          isInPlace: () => inPlace && pace.last < QUICK_MILLISECONDS,
          roundTook: (ms) => pace.took(ms),
          unused: () => {
            groups.splice(groups.findIndex((one) => one.device === device), 1);
          },
          now,
        });
        groups.push(group);
      }
      group.hold();
      return group;
    },
  };
}

interface GroupRules {
  mayUseWhole(): boolean;
  isInPlace(): boolean;
  roundTook(milliseconds: number): void;
  unused(): void;
  now(): number;
}

function openGroup(ops: FileOps, device: number, whole: FileSystem | null, rules: GroupRules) {
  let holders = 0;
  let running = false;
  let gathering: Item[] = [];

  const mayUseWhole = (): boolean => whole !== null && rules.mayUseWhole();

  function put(
    file: OpenFile | null,
    directory: string | null,
    mayShare: boolean,
    owner: Owner | null = null,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      gathering.push({ file, directory, owner, mayShare, resolve, reject });
      if (!running) {
        running = true;
        startRound();
      }
    });
  }

  // One turn of the event loop lets everything that is ready join the round.
  function startRound(): void {
    later(() => void runRounds());
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
    const directory = onlyDirectory(round);
    if (directory !== null && rules.isInPlace()) return syncInPlace(ops, round);
    const isShared = (item: Item): boolean => item.mayShare && directory === null;
    const own = round.filter((item) => !isShared(item));
    await Promise.all([syncShared(round.filter(isShared)), syncOwn(ops, own)]);
  }

  async function syncShared(items: readonly Item[]): Promise<void> {
    if (items.length === 0 || whole === null) return;
    const started = rules.now();
    try {
      if (rules.isInPlace()) whole.syncNow();
      else await whole.sync();
      for (const item of items) item.resolve();
    } catch (error) {
      const spoiled = gathering.filter((item) => item.mayShare);
      gathering = gathering.filter((item) => !item.mayShare);
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
    device,
    hold: () => {
      holders++;
    },
    get whole() {
      return mayUseWhole();
    },
    syncWritten: () => put(null, null, true),
    syncFile: (file: OpenFile) => put(file, null, false),
    syncDirectory: (directory: string, owner: Owner | null = null) =>
      put(null, directory, mayUseWhole(), owner),
    release() {
      holders--;
      closeIfUnused();
    },
  };
}

/** The directory that everybody in the round waits for; null: they wait for different things. */
function onlyDirectory(round: readonly Item[]): string | null {
  const directory = round[0]?.directory ?? null;
  return directory !== null && round.every((item) => item.directory === directory)
    ? directory
    : null;
}

/** All wait for one directory. */
function syncInPlace(ops: FileOps, round: readonly Item[]): void {
  const { directory = null, owner = null } = round[0] ?? {};
  try {
    if (directory !== null) ops.as(owner, () => ops.syncDirectoryNow(directory));
    for (const item of round) item.resolve();
  } catch (error) {
    for (const item of round) item.reject(error);
  }
}

/** fsync of each file, and of each directory once. */
async function syncOwn(ops: FileOps, items: readonly Item[]): Promise<void> {
  const directories = new Map<string, Promise<void>>();
  await Promise.all(items.map(async (item) => {
    try {
      if (item.file !== null) await item.file.sync();
      const { directory } = item;
      if (directory !== null) {
        // Not as its owner: a thread that the runtime starts for it would keep his identity.
        const running = directories.get(directory) ?? ops.syncDirectory(directory);
        directories.set(directory, running);
        await running;
      }
      item.resolve();
    } catch (error) {
      item.reject(error);
    }
  }));
}
