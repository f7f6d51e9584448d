import { assertEquals, assertRejects } from "@std/assert";
import { DENO_FILES } from "../../../queue/file_ops.ts";
import type { Owner } from "../../../queue/libc.ts";
import { openOwnerTurns } from "../../../queue/owner_turns.ts";
import type { Target } from "../../../queue/plan.ts";
import { inTempDir, names } from "./kit.ts";

const targetOf = (owner: Owner | null, maildir = "/m"): Target => ({
  maildir,
  owner,
  sender: "",
  deliveredTo: [],
});

/** Operations that write down whose identity is taken and given back. */
function identities(log: string[], refused = -1) {
  return {
    ...DENO_FILES,
    as<T>(owner: Owner | null, action: () => T): T {
      if (owner?.uid === refused) throw new Error("The identity can't be taken");
      log.push(`as ${owner?.uid ?? "nobody"}`);
      try {
        return action();
      } finally {
        log.push("back");
      }
    },
  };
}

Deno.test("openOwnerTurns: one identity serves all work of an owner in one turn, in the order it was asked for", async () => {
  const log: string[] = [];
  const turns = openOwnerTurns(identities(log));
  const work = (uid: number, what: string) =>
    turns(targetOf({ uid, gid: 7 }), () => void log.push(what));
  await Promise.all([work(1, "a"), work(2, "b"), work(1, "c")]);
  await work(1, "d");
  assertEquals(log, ["as 1", "a", "c", "back", "as 2", "b", "back", "as 1", "d", "back"]);
});

Deno.test("openOwnerTurns: the same uid with another gid is another owner", async () => {
  const log: string[] = [];
  const turns = openOwnerTurns(identities(log));
  await Promise.all([7, 8].map((gid) => turns(targetOf({ uid: 1, gid }), () => {})));
  assertEquals(log, ["as 1", "back", "as 1", "back"]);
});

Deno.test("openOwnerTurns: work that throws spoils no other's", async () => {
  const turns = openOwnerTurns(identities([]));
  const target = targetOf({ uid: 1, gid: 1 });
  const broken = turns(target, () => {
    throw new Error("ENOSPC");
  });
  const fine = turns(target, () => 5);
  await assertRejects(() => broken, Error, "ENOSPC");
  assertEquals(await fine, 5);
});

Deno.test("openOwnerTurns: an identity that can't be taken is told to all who asked for it, with the Maildir", async () => {
  const turns = openOwnerTurns(identities([], 1));
  const refused = [1, 2].map((n) => turns(targetOf({ uid: 1, gid: 1 }, `/m${n}`), () => {}));
  const other = turns(targetOf({ uid: 2, gid: 1 }), () => "done");
  await assertRejects(() => refused[0]!, Error, 'Cannot use "/m1": The identity');
  await assertRejects(() => refused[1]!, Error, 'Cannot use "/m2": The identity');
  assertEquals(await other, "done");
});

Deno.test("openOwnerTurns: without an owner work is done at once", async () => {
  const log: string[] = [];
  const done = openOwnerTurns(identities(log))(targetOf(null), () => void log.push("work"));
  assertEquals(log, ["as nobody", "work", "back"]);
  await done;
});

Deno.test({
  name: "openOwnerTurns: files made in one turn belong each to its owner",
  ignore: Deno.uid() !== 0,
  fn: () =>
    inTempDir(async (dir) => {
      Deno.chmodSync(dir, 0o777);
      const turns = openOwnerTurns(DENO_FILES);
      await Promise.all([54321, 54322, 54321].map((uid, i) =>
        turns(targetOf({ uid, gid: uid + 10 }), () => {
          const file = DENO_FILES.create(`${dir}/${i}-${uid}`);
          file.close();
        })
      ));
      for (const name of names(dir)) {
        const { uid, gid } = Deno.statSync(`${dir}/${name}`);
        assertEquals(`${uid} ${gid}`, `${name.slice(2)} ${Number(name.slice(2)) + 10}`);
      }
      assertEquals(names(dir).length, 3);
    }),
});
