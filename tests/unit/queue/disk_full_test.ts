import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  assertKind,
  deliver,
  inTempDir,
  mails,
  makeMaildir,
  names,
  queueIn,
  reasonOf,
} from "./kit.ts";
import { startService } from "./journal_kit.ts";

/** Runs mount or umount. */
function run(...command: [string, ...string[]]): boolean {
  const [program, ...args] = command;
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

function mountSmall(dir: string): boolean {
  return run("mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "none", dir);
}

/** Only root may mount, and not in every container. */
function canMount(): boolean {
  if (Deno.uid() !== 0) return false;
  const dir = Deno.makeTempDirSync();
  const mounted = mountSmall(dir);
  if (mounted) run("umount", dir);
  Deno.removeSync(dir);
  return mounted;
}

async function onSmallDisk(test: (dir: string) => Promise<void>): Promise<void> {
  await inTempDir(async (dir) => {
    assert(mountSmall(dir));
    try {
      await test(dir);
    } finally {
      run("umount", dir);
    }
  });
}

const ignore = !canMount();

for (const [size, sync] of [[20_000, "auto"], [20_000, "fsync"], [100_000, "auto"]] as const) {
  Deno.test({
    name:
      `maildir: a full disk (${size} bytes a message, ${sync}) defers with ENOSPC, keeps what it promised, and recovers`,
    ignore,
    fn: () =>
      onSmallDisk(async (dir) => {
        makeMaildir(`${dir}/joe`);
        const queue = queueIn(dir, { sync });
        const body = new Uint8Array(size).fill(65);
        let queued = 0;
        let outcome = await deliver(queue, ["joe@x"], body);
        while (outcome.kind === "queued" && queued < 100) {
          queued++;
          outcome = await deliver(queue, ["joe@x"], body);
        }
        assertKind(outcome, "deferred");
        assertMatch(reasonOf(outcome), /^Cannot write ".*joe\/tmp\/.*(ENOSPC|No space)/);
        assertEquals(names(`${dir}/joe/tmp`), []);
        const there = mails(`${dir}/joe`);
        assertEquals(there.length, queued);
        assert(there.every((text) => text.endsWith("A".repeat(size))), "a promised message is cut");
        for (const name of names(`${dir}/joe/new`)) Deno.removeSync(`${dir}/joe/new/${name}`);
        assertKind(await deliver(queue, ["joe@x"], body), "queued");
      }),
  });
}

Deno.test({
  name: "maildir: two Maildirs on two file systems get the message or none of them does",
  ignore,
  fn: () =>
    onSmallDisk(async (small) => {
      await inTempDir(async (large) => {
        makeMaildir(`${large}/joe`);
        makeMaildir(`${small}/ann`);
        Deno.symlinkSync(`${small}/ann`, `${large}/ann`);
        const queue = queueIn(large);
        assertKind(await deliver(queue, ["joe@x", "ann@x"], "x\n"), "queued");
        const long = new Uint8Array(400_000);
        assertKind(await deliver(queue, ["joe@x", "ann@x"], long), "deferred");
        assertEquals([mails(`${large}/joe`).length, mails(`${small}/ann`).length], [1, 1]);
        assertEquals([...names(`${large}/joe/tmp`), ...names(`${small}/ann/tmp`)], []);
      });
    }),
});

Deno.test({
  name: "maildir: a read-only file system defers with EROFS",
  ignore,
  fn: () =>
    onSmallDisk(async (dir) => {
      makeMaildir(`${dir}/joe`);
      assert(run("mount", "-o", "remount,ro", dir));
      const outcome = await deliver(queueIn(dir), ["joe@x"], "x\n");
      assertKind(outcome, "deferred");
      assertMatch(reasonOf(outcome), /joe\/tmp\/.*(EROFS|Read-only)/);
    }),
});

Deno.test({
  name: "a journal for which the disk has no room is said, takes none of it, and mail is delivered",
  ignore,
  fn: () =>
    onSmallDisk(async (dir) => {
      const { queue, journals, complaints } = startService(dir);
      assertEquals(journals.current, null);
      assertEquals(complaints.length, 1);
      assertMatch(
        complaints[0] ?? "",
        /^The delivery journal in ".*\/journal" can't be used: .*No space left/,
      );
      assertKind(await deliver(queue, ["a@x"], new Uint8Array(20_000).fill(65)), "queued");
      assertEquals(mails(`${dir}/a`).length, 1);
      assertEquals(
        names(`${dir}/journal`).map((name) => Deno.statSync(`${dir}/journal/${name}`).size),
        [0, 0],
      );
    }),
});
