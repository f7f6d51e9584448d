import { assertEquals, assertRejects } from "@std/assert";
import { openGroupCommit } from "../../../queue/group_commit.ts";
import type { OpenFile } from "../../../queue/file_ops.ts";
import { syncfsReports } from "../../../queue/libc.ts";
import { unexpected, watchedOps } from "./kit.ts";

/** Operations on no files at all. */
function emptyOps(log: string[], whole: boolean, device = 1) {
  const ops = watchedOps(log, whole);
  return { ...ops, device: () => device };
}

const file = (log: string[], name: string): OpenFile => ({
  write: () => {},
  writeLater: () => Promise.resolve(),
  sync: () => Promise.resolve(void log.push(`sync ${name}`)),
  size: () => 0,
  rewind: () => {},
  read: () => Promise.resolve(0),
  close: () => {},
});

Deno.test("openGroupCommit: one syncfs serves all that wait", async () => {
  const log: string[] = [];
  const group = openGroupCommit(emptyOps(log, true), "auto").acquire("/m/new");
  await Promise.all([group.syncWritten(), group.syncWritten(), group.syncDirectory("/m/new")]);
  assertEquals(log, ["sync fs"]);
  group.release();
});

Deno.test("openGroupCommit: one directory alone is synced by itself, several with their file system", async () => {
  const log: string[] = [];
  const group = openGroupCommit(emptyOps(log, true), "auto").acquire("/m/new");
  await Promise.all([group.syncDirectory("/m/new"), group.syncDirectory("/m/new")]);
  assertEquals(log.splice(0), ["sync dir"]);
  await Promise.all([group.syncDirectory("/m/new"), group.syncDirectory("/n/new")]);
  assertEquals(log.splice(0), ["sync fs"]);
  await Promise.all([group.syncDirectory("/m/new"), group.syncFile(file(log, "1"))]);
  assertEquals(log.sort(), ["sync 1", "sync fs"]);
  group.release();
});

Deno.test("openGroupCommit: in place a directory is looked up as its owner; no thread is started with his identity", async () => {
  const owner = { uid: 7, gid: 8 };
  const log: string[] = [];
  let taken: unknown = null;
  const ops = {
    ...emptyOps([], true),
    as<T>(who: typeof owner | null, action: () => T): T {
      taken = who;
      try {
        return action();
      } finally {
        taken = null;
      }
    },
    syncDirectory: () => Promise.resolve(void log.push(`thread ${taken === owner}`)),
    syncDirectoryNow: () => void log.push(`in place ${taken === owner}`),
  };
  const group = openGroupCommit(ops, "auto", { now: () => 0, inPlace: true }).acquire("/m/new");
  await group.syncDirectory("/m/new", owner);
  await group.syncWritten();
  await group.syncDirectory("/m/new", owner);
  assertEquals(log, ["thread false", "in place true"]);
  group.release();
});

Deno.test("openGroupCommit: without syncfs each file is synced, and each directory once", async () => {
  const log: string[] = [];
  const group = openGroupCommit(emptyOps(log, true), "fsync").acquire("/m/new");
  assertEquals(group.whole, false);
  await Promise.all([
    group.syncFile(file(log, "1")),
    group.syncFile(file(log, "2")),
    group.syncDirectory("/m/new"),
    group.syncDirectory("/m/new"),
  ]);
  assertEquals(log.sort(), ["sync 1", "sync 2", "sync dir"]);
  group.release();
});

Deno.test("openGroupCommit: devices have rounds of their own: a slow one holds up no other", async () => {
  const never = Promise.withResolvers<void>();
  const ops = {
    ...emptyOps([], true),
    device: (dir: string) => dir === "/slow" ? 1 : 2,
    fileSystem: (dir: string) => ({
      sync: () => dir === "/slow" ? never.promise : Promise.resolve(),
      syncNow: unexpected,
      close: () => {},
    }),
  };
  const commit = openGroupCommit(ops, "auto");
  const slow = commit.acquire("/slow");
  const fast = commit.acquire("/fast");
  const stuck = slow.syncWritten();
  await fast.syncWritten();
  never.resolve();
  await stuck;
  slow.release();
  fast.release();
});

Deno.test("openGroupCommit: after a slow syncfs, files are synced one by one for a while, ever longer while it stays slow", async () => {
  let now = 0;
  let takes = 1000;
  const ops = {
    ...emptyOps([], true),
    fileSystem: () => ({
      sync: () => Promise.resolve(void (now += takes)),
      syncNow: unexpected,
      close: () => {},
    }),
  };
  const commit = openGroupCommit(ops, "auto", { now: () => now });
  const group = commit.acquire("/m");
  assertEquals(group.whole, true);
  for (const wait of [500, 1000, 2000, 4000, 8000, 16_000, 16_000]) {
    await group.syncWritten();
    now += wait - 1;
    assertEquals(group.whole, false);
    now++;
    assertEquals(group.whole, true);
  }
  takes = 250;
  await group.syncWritten();
  assertEquals(group.whole, true);
  takes = 251;
  await group.syncWritten();
  now += 500;
  assertEquals(group.whole, true);
  group.release();
  const always = openGroupCommit(ops, "syncfs", { now: () => now }).acquire("/m");
  await always.syncWritten();
  assertEquals(always.whole, true);
  always.release();
});

Deno.test("openGroupCommit: the descriptor of a file system is closed with the last message", async () => {
  let open = 0;
  const ops = {
    ...emptyOps([], true),
    fileSystem: () => (open++, {
      sync: () => Promise.resolve(),
      syncNow: unexpected,
      close: () => void open--,
    }),
  };
  const commit = openGroupCommit(ops, "auto");
  const first = commit.acquire("/m");
  const second = commit.acquire("/m");
  await first.syncWritten();
  first.release();
  assertEquals(open, 1);
  second.release();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(open, 0);
  commit.acquire("/m").release();
  assertEquals(open, 0);
});

Deno.test("openGroupCommit: an error reaches its round and not the next", async () => {
  let calls = 0;
  const ops = {
    ...emptyOps([], true),
    fileSystem: () => ({
      sync: () => calls++ === 0 ? Promise.reject(new Error("EIO")) : Promise.resolve(),
      syncNow: unexpected,
      close: () => {},
    }),
  };
  const group = openGroupCommit(ops, "auto").acquire("/m");
  await assertRejects(() => group.syncWritten(), Error, "EIO");
  await group.syncWritten();
  group.release();
});

Deno.test("openGroupCommit: a quick device is waited for in place where that is wanted, a slower one by a thread", async () => {
  let now = 0;
  let takes = 5;
  const log: string[] = [];
  const ops = {
    ...emptyOps(log, true),
    fileSystem: () => ({
      sync: () => Promise.resolve(void (now += takes, log.push("thread"))),
      syncNow: () => void (now += takes, log.push("in place")),
      close: () => {},
    }),
  };
  const group = openGroupCommit(ops, "auto", { now: () => now, inPlace: true }).acquire("/m");
  for (const next of [0.9, 0.9, 1, 0.9, 0.9]) {
    await group.syncWritten();
    takes = next;
  }
  assertEquals(log, ["thread", "thread", "in place", "in place", "thread"]);
  log.length = 0;
  takes = 0.5;
  await group.syncWritten();
  await Promise.all([group.syncDirectory("/m/new"), group.syncDirectory("/m/new")]);
  assertEquals(log, ["in place", "sync dir in place"]);
  group.release();
});

Deno.test("openGroupCommit: an error in place reaches its round and not the next", async () => {
  let calls = 0;
  const ops = {
    ...emptyOps([], true),
    syncDirectoryNow() {
      throw new Error("no directory");
    },
    fileSystem: () => ({
      sync: () => Promise.resolve(),
      syncNow() {
        if (calls++ === 0) throw new Error("EIO");
      },
      close: () => {},
    }),
  };
  const group = openGroupCommit(ops, "auto", { now: () => 0, inPlace: true }).acquire("/m");
  await group.syncWritten();
  const both = [group.syncWritten(), group.syncDirectory("/m/new")];
  for (const waiting of both) await assertRejects(() => waiting, Error, "EIO");
  await group.syncWritten();
  assertEquals(calls, 2);
  const names = [group.syncDirectory("/bad"), group.syncDirectory("/bad")];
  for (const waiting of names) await assertRejects(() => waiting, Error, "no directory");
  group.release();
});

Deno.test("syncfsReports: Linux 5.8 and later", () => {
  for (
    const [release, expected] of [["5.7.19", false], ["5.8.0-1", true], ["6.1.0-13-amd64", true], [
      "4.19.0",
      false,
    ]] as const
  ) {
    assertEquals(syncfsReports(release), expected, release);
  }
});
