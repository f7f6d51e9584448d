import { assertEquals, assertRejects } from "@std/assert";
import { openGroupCommit } from "../../../queue/group_commit.ts";
import type { OpenFile } from "../../../queue/file_ops.ts";
import { syncfsReports } from "../../../queue/libc.ts";
import { watchedOps } from "./kit.ts";

/** Operations on no files at all. */
function emptyOps(log: string[], whole: boolean, device = 1) {
  const ops = watchedOps(log, whole);
  return { ...ops, device: () => device };
}

const file = (log: string[], name: string): OpenFile => ({
  write: () => {},
  writeLater: () => Promise.resolve(),
  sync: () => Promise.resolve(void log.push(`sync ${name}`)),
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
    fileSystem: () => ({ sync: () => Promise.resolve(void (now += takes)), close: () => {} }),
  };
  const commit = openGroupCommit(ops, "auto", () => now);
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
  const always = openGroupCommit(ops, "syncfs", () => now).acquire("/m");
  await always.syncWritten();
  assertEquals(always.whole, true);
  always.release();
});

Deno.test("openGroupCommit: the descriptor of a file system is closed with the last message", async () => {
  let open = 0;
  const ops = {
    ...emptyOps([], true),
    fileSystem: () => (open++, { sync: () => Promise.resolve(), close: () => void open-- }),
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
      close: () => {},
    }),
  };
  const group = openGroupCommit(ops, "auto").acquire("/m");
  await assertRejects(() => group.syncWritten(), Error, "EIO");
  await group.syncWritten();
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
