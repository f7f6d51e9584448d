import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dropFiles } from "../../../keeper/drop_files.ts";
import { openOwnerDrops } from "../../../keeper/owner_drops.ts";
import { KEEPER_FILES, type Owner, ownerFiles, requireOwner } from "../../../keeper/owner_files.ts";
import { MaildropError } from "../../../pop3/maildrop.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";

const JOE: Owner = { uid: 30_101, gid: 30_101 };
const JANE: Owner = { uid: 30_102, gid: 30_102 };
const isRoot = Deno.uid() === 0;
// The C library stays open, once for all tests.
if (isRoot) ownerFiles(JOE).exists("/");

/** A Maildir of `owner` in a closed home, with one message; the directory to remove. */
function makeMaildir(owner: Owner | null, text = "Subject: x\n\nbody\n") {
  const top = Deno.makeTempDirSync();
  Deno.chmodSync(top, 0o755);
  const dir = `${top}/home/Maildir`;
  for (const part of ["tmp", "new", "cur"]) Deno.mkdirSync(`${dir}/${part}`, { recursive: true });
  const file = `${dir}/new/1.2.host`;
  Deno.writeTextFileSync(file, text, { mode: 0o600 });
  Deno.utimeSync(file, 1000, 1000);
  if (owner !== null) {
    const all = [`${top}/home`, dir, `${dir}/tmp`, `${dir}/new`, `${dir}/cur`, file];
    for (const path of all) Deno.chownSync(path, owner.uid, owner.gid);
  }
  Deno.chmodSync(`${top}/home`, 0o700);
  return { top, dir, file, [Symbol.dispose]: () => Deno.removeSync(top, { recursive: true }) };
}

/** Does not change who we are: for tests of all else. */
const asIs = <T>(_: Owner, action: () => T): T => action();

Deno.test("requireOwner: neither root nor nobody in particular", () => {
  assertEquals(requireOwner(JOE), JOE);
  assertThrows(() => requireOwner({ uid: 0, gid: 1000 }), Error, "root");
  assertThrows(() => requireOwner(null), Error, "Nobody");
  assertThrows(() => ownerFiles({ uid: 0, gid: 0 }), Error, "root");
});

Deno.test("KEEPER_FILES: nothing is done without an owner, or as root", () => {
  let done = 0;
  for (const owner of [null, { uid: 0, gid: 5 }]) {
    assertThrows(() => KEEPER_FILES.as(owner, () => done++));
  }
  assertEquals(done, 0);
});

Deno.test("ownerFiles: reads as pop3/ reads, and says what is missing", async () => {
  using box = makeMaildir(null);
  const files = ownerFiles(JOE, asIs);
  assertEquals(await files.namesLater(`${box.dir}/new`), ["1.2.host"]);
  const message = files.open(box.file);
  const into = new Uint8Array(100);
  assertEquals(message.readNow(into), 17);
  assertEquals(await message.read(into), 0);
  message.close();
  message.close();
  assertThrows(() => files.open(`${box.dir}/new/none`), Deno.errors.NotFound);
  assertThrows(() => files.open(`${box.file}/none`), Deno.errors.NotADirectory);
  await assertRejects(() => files.namesLater(`${box.dir}/none`), Deno.errors.NotFound);
  assertEquals(files.readIndex(`${box.dir}/none`, 10), null);
  assertEquals(files.readIndex(box.file, 10), null);
  assertEquals(files.readIndex(box.file, 17), "Subject: x\n\nbody\n");
});

Deno.test("ownerFiles: a message that is closed while it is read ends the read first", async () => {
  using box = makeMaildir(null);
  const files = ownerFiles(JOE, asIs);
  Deno.writeTextFileSync(`${box.dir}/other`, "somebody else's");
  for (let i = 0; i < 50; i++) {
    const message = files.open(box.file);
    const into = new Uint8Array(17);
    const reading = message.read(into);
    message.close();
    // Takes the lowest free number: the one that a close would have given free.
    using other = Deno.openSync(`${box.dir}/other`);
    assert(other.statSync().isFile);
    assertEquals(await reading, 17);
    assertEquals(new TextDecoder().decode(into), "Subject: x\n\nbody\n");
    await assertRejects(() => message.read(into), Error, "closed");
  }
  // Other tests of this process open files of their own meanwhile: only this one counts.
  const path = Deno.realPathSync(box.file);
  const count = () =>
    [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
      } catch {
        return false;
      }
    }).length;
  const message = files.open(box.file);
  assertEquals(count(), 1);
  message.close();
  assertEquals(count(), 0);
});

Deno.test("ownerFiles: a fifo, a directory or a link to the index holds nobody up", () => {
  using box = makeMaildir(null);
  const files = ownerFiles(JOE, asIs);
  const fifo = `${box.dir}/new/fifo`;
  assert(new Deno.Command("mkfifo", { args: [fifo] }).outputSync().success);
  assertThrows(() => files.open(fifo), Error, "not a regular file");
  assertThrows(() => files.readIndex(fifo, 10), Error, "not a regular file");
  assertThrows(() => files.open(`${box.dir}/new`), Error, "not a regular file");
  Deno.symlinkSync(box.file, `${box.dir}/qfront-sizes`);
  assertThrows(() => files.readIndex(`${box.dir}/qfront-sizes`, 100));
});

Deno.test({
  name: "ownerFiles: what the owner may is done as him, what he may not is refused (needs root)",
  ignore: !isRoot,
  fn: () => {
    using box = makeMaildir(JOE);
    const joe = ownerFiles(JOE);
    const jane = ownerFiles(JANE);
    assertEquals(joe.names(`${box.dir}/new`), ["1.2.host"]);
    joe.rename(box.file, `${box.dir}/cur/1.2.host:2,`);
    joe.writeIndex(`${box.dir}/index`, `${box.dir}/tmp/index`, "text");
    const { uid, gid, mode } = Deno.statSync(`${box.dir}/index`);
    assertEquals([uid, gid, (mode ?? 0) & 0o777], [JOE.uid, JOE.gid, 0o600]);
    assertThrows(() => jane.names(`${box.dir}/new`), Deno.errors.PermissionDenied);
    assertThrows(() => jane.open(`${box.dir}/cur/1.2.host:2,`), Deno.errors.PermissionDenied);
    assertThrows(() => jane.remove(`${box.dir}/cur/1.2.host:2,`), Deno.errors.PermissionDenied);
    // A directory that its owner closed to himself is closed to root in his name.
    Deno.chmodSync(`${box.dir}/cur`, 0o500);
    assertThrows(() => joe.remove(`${box.dir}/cur/1.2.host:2,`), Deno.errors.PermissionDenied);
    assertEquals(Deno.uid(), 0);
    assertEquals(Deno.statSync(`${box.dir}/cur/1.2.host:2,`).size, 17);
  },
});

Deno.test({
  name: "ownerFiles: a link to another's mail is as closed as in the owner's shell (needs root)",
  ignore: !isRoot,
  fn: () => {
    using janes = makeMaildir(JANE);
    using joes = makeMaildir(JOE);
    Deno.symlinkSync(janes.file, `${joes.dir}/new/stolen`);
    Deno.removeSync(`${joes.dir}/cur`);
    Deno.symlinkSync(`${janes.dir}/new`, `${joes.dir}/cur`);
    const joe = ownerFiles(JOE);
    assertThrows(() => joe.open(`${joes.dir}/new/stolen`), Deno.errors.PermissionDenied);
    assertThrows(() => joe.names(`${joes.dir}/cur`), Deno.errors.PermissionDenied);
  },
});

Deno.test("openOwnerDrops: what one owner's login listed is never another's", async () => {
  using box = makeMaildir(null);
  const seen: number[] = [];
  const open = openOwnerDrops({
    sizes: "stat",
    locks: false,
    maxMessages: 100,
    tracer: NO_TRACE,
    runAs: (owner, action) => {
      seen.push(owner.uid);
      if (owner.uid === JANE.uid) throw new Deno.errors.PermissionDenied("closed");
      return action();
    },
  });
  const drop = await open(box.dir, JOE, 1);
  assertEquals(drop.listing.uniqueIds, ["1.2.host"]);
  assertThrows(() => open(box.dir, JANE, 2), MaildropError);
  assertEquals(seen.at(-1), JANE.uid);
  assertThrows(() => open(box.dir, { uid: 0, gid: 0 }, 3), Error, "root");
});

Deno.test("openOwnerDrops: keeps its bound over all owners, the one in use stays", async () => {
  using box = makeMaildir(null);
  Deno.utimeSync(`${box.dir}/new`, 1000, 1000);
  Deno.utimeSync(`${box.dir}/cur`, 1000, 1000);
  const options = { sizes: "stat", locks: false, tracer: NO_TRACE, runAs: asIs } as const;
  const again = async (maxMessages: number) => {
    const open = openOwnerDrops({ ...options, maxMessages });
    await open(box.dir, JOE, 1);
    await open(box.dir, JANE, 1);
    return (await open(box.dir, JOE, 1)).cached;
  };
  assertEquals(await again(4), true);
  assertEquals(await again(3), false);
});

Deno.test("dropFiles: a slice takes the identity once, a look at what was listed not at all", () => {
  using box = makeMaildir(null);
  let taken = 0;
  const files = dropFiles(JOE, (_, action) => {
    taken++;
    return action();
  });
  const into = new Uint8Array(100);
  assertEquals(files.seen?.(`${box.dir}/new`), files.stamp(`${box.dir}/new`));
  assertEquals(taken, 1);
  assertEquals(files.readWhole?.(box.file, into), 17);
  assertEquals(taken, 2);
  const work = () => [files.names(`${box.dir}/new`), files.facts(box.file).size];
  assertEquals(files.slice?.(() => files.slice?.(work)), [["1.2.host"], 17]);
  assertEquals(taken, 3);
  assertThrows(() =>
    files.slice?.(() => {
      throw new Error("broken");
    })
  );
  files.names(box.dir);
  assertEquals(taken, 5);
});

Deno.test({
  name: "dropFiles: a message is read as its owner, and is nobody else's",
  ignore: !isRoot,
  fn() {
    using box = makeMaildir(JOE);
    const into = new Uint8Array(100);
    assertEquals(dropFiles(JOE).readWhole?.(box.file, into), 17);
    assertEquals(dropFiles(JANE).readWhole?.(box.file, into), -1);
    assertThrows(() => dropFiles(JANE).open(box.file), Deno.errors.PermissionDenied);
    const link = `${box.dir}/new/2.link`;
    Deno.writeTextFileSync(`${box.top}/secret`, "root's own", { mode: 0o600 });
    Deno.symlinkSync(`${box.top}/secret`, link);
    assertEquals(dropFiles(JOE).readWhole?.(link, into), -1);
    // Root is root again.
    assertEquals(Deno.readTextFileSync(`${box.top}/secret`), "root's own");
  },
});

Deno.test({
  name:
    "openOwnerDrops: a directory that was closed to its owner since is not listed from memory (needs root)",
  ignore: !isRoot,
  async fn() {
    using box = makeMaildir(JOE);
    for (const dir of ["new", "cur"]) Deno.utimeSync(`${box.dir}/${dir}`, 1000, 1000);
    const open = openOwnerDrops({
      sizes: "stat",
      locks: false,
      maxMessages: 100,
      tracer: NO_TRACE,
    });
    const first = await open(box.dir, JOE, 1);
    assertEquals((await open(box.dir, JOE, 2)).listing, first.listing);
    Deno.chmodSync(`${box.dir}/new`, 0);
    const error = assertThrows(() => open(box.dir, JOE, 3), MaildropError);
    assertEquals(error.kind, "permanent");
  },
});
