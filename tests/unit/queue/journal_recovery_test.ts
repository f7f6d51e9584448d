import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { FILES } from "../../../queue/file_ops.ts";
import { bytesOf } from "../../../queue/local_lines.ts";
import { assertKind, deliver, inTempDir, mails, names, osError, unexpected } from "./kit.ts";
import { distrust, kill, type Service, startService } from "./journal_kit.ts";
import { pretendOtherBoot } from "../../soak/journal.ts";

const MESSAGE = "Subject: hello\n\ntext\n";

/** Delivers so many messages to a. */
async function deliverTo(service: Service, messages: number): Promise<void> {
  for (let i = 0; i < messages; i++) {
    assertKind(await deliver(service.queue, ["a@x"], `${MESSAGE}${i}\n`), "queued");
  }
}

/** Starts once more, looks at what was said, and stops in order. */
async function restart(dir: string, more: Parameters<typeof startService>[1] = {}) {
  const service = startService(dir, more);
  await service.journals.close();
  return service;
}

const inNew = (dir: string) => names(`${dir}/a/new`);
const first = (dir: string) => `${dir}/a/new/${inNew(dir)[0]}`;

/** An entry that stands in the journal while it is not known whether it was linked: killed between the two. */
async function enterOnly(dir: string, name: string): Promise<void> {
  const service = startService(dir);
  const journal = service.journals.current ?? unexpected();
  const entry = {
    owner: null,
    maildir: `${dir}/a`,
    name,
    head: bytesOf("Delivered-To: a\n"),
    body: bytesOf(MESSAGE),
  };
  assertEquals(journal.admits(1, () => FILES.fileSystem(dir), entry), true);
  await journal.append(1, entry);
  kill(service);
}

Deno.test("killed after the name: everything stays as it is, and nothing comes twice", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 3);
    kill(service);
    const before = inNew(dir);
    const { lines, complaints } = await restart(dir);
    assertEquals(inNew(dir), before);
    assertEquals(complaints, []);
    assertEquals(lines, [
      `queue.maildir.recovered journal [${dir}/journal/journal.1] held 3 accepted messages: 0 delivered now, 0 kept`,
    ]);
    assertEquals((await restart(dir)).lines, [], "a second time there is nothing to tell");
  }));

Deno.test("killed before the name: delivered now, under the name in the journal", () =>
  inTempDir(async (dir) => {
    await enterOnly(dir, "1.M2.host,S=37,W=41");
    assertEquals(inNew(dir), []);
    const { lines } = await restart(dir);
    assertEquals(inNew(dir), ["1.M2.host,S=37,W=41"]);
    assertEquals(mails(`${dir}/a`), [`Delivered-To: a\n${MESSAGE}`]);
    assertEquals(names(`${dir}/a/tmp`), []);
    assertStringIncludes(lines.join(), "held 1 accepted messages: 1 delivered now, 0 kept");
    await restart(dir);
    assertEquals(inNew(dir).length, 1);
  }));

Deno.test("what its owner has read since, or taken away, does not come back", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 2);
    kill(service);
    const [read = "", taken = ""] = inNew(dir);
    Deno.renameSync(`${dir}/a/new/${read}`, `${dir}/a/cur/${read}:2,S`);
    Deno.removeSync(`${dir}/a/new/${taken}`);
    await restart(dir);
    assertEquals([inNew(dir), names(`${dir}/a/cur`)], [[], [`${read}:2,S`]]);
  }));

Deno.test("a whole Maildir that was taken away does not come back either", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 1);
    kill(service);
    Deno.removeSync(`${dir}/a`, { recursive: true });
    const { complaints, lines } = await restart(dir);
    assertEquals(complaints, []);
    assertStringIncludes(lines.join(), "0 delivered now, 0 kept");
    assertEquals(inNew(dir), []);
  }));

Deno.test("after a power cut what is missing is delivered, and what is there stays", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 3);
    kill(service);
    pretendOtherBoot(dir);
    const [lost = "", read = "", whole = ""] = inNew(dir);
    const text = Deno.readTextFileSync(`${dir}/a/new/${lost}`);
    Deno.removeSync(`${dir}/a/new/${lost}`);
    Deno.renameSync(`${dir}/a/new/${read}`, `${dir}/a/cur/${read}:2,RS`);
    const { lines } = await restart(dir);
    assertStringIncludes(lines.join(), "held 3 accepted messages: 1 delivered now, 0 kept");
    assertEquals([inNew(dir), names(`${dir}/a/cur`)], [[lost, whole], [`${read}:2,RS`]]);
    assertEquals(Deno.readTextFileSync(`${dir}/a/new/${lost}`), text);
  }));

for (
  const [what, damage] of [
    ["empty", () => ""],
    ["cut", (text: string) => text.slice(0, -5)],
    ["of the right length", (text: string) => text.replace("text", "t\0xt")],
  ] as const
) {
  Deno.test(`after a power cut a file that is ${what} is replaced under another name`, () =>
    inTempDir(async (dir) => {
      const service = startService(dir);
      await deliverTo(service, 1);
      kill(service);
      pretendOtherBoot(dir);
      const [name = ""] = inNew(dir);
      const text = Deno.readTextFileSync(first(dir));
      Deno.writeTextFileSync(first(dir), damage(text));
      await restart(dir);
      assertEquals(inNew(dir).length, 1);
      assertNotEquals(inNew(dir), [name]);
      assertEquals(Deno.readTextFileSync(first(dir)), text);
      assertEquals(/,S=.*/.exec(inNew(dir)[0] ?? "")?.[0], /,S=.*/.exec(name)?.[0], "the sizes");
    }));
}

Deno.test("without a power cut a message that its owner has changed is his affair", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 1);
    kill(service);
    Deno.writeTextFileSync(first(dir), "mine");
    await restart(dir);
    assertEquals(mails(`${dir}/a`), ["mine"]);
  }));

Deno.test("after an error of the disk every file is written anew, whatever the system shows", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 1);
    kill(service);
    distrust(dir);
    const [name = ""] = inNew(dir);
    const text = Deno.readTextFileSync(first(dir));
    const { lines } = await restart(dir);
    assertStringIncludes(lines.join(), "1 delivered now");
    assertEquals(inNew(dir).length, 1);
    assertNotEquals(inNew(dir), [name]);
    assertEquals(Deno.readTextFileSync(first(dir)), text);
  }));

Deno.test("what can't be delivered is kept, does not hold up the others, and is tried again", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    assertKind(await deliver(service.queue, ["a@x", "b@x"], MESSAGE), "queued");
    kill(service);
    pretendOtherBoot(dir);
    Deno.removeSync(first(dir));
    Deno.removeSync(`${dir}/b/new/${names(`${dir}/b/new`)[0]}`);
    const device = (path: string) => {
      if (path.startsWith(`${dir}/b/`)) throw osError("EACCES", "Permission denied");
      return FILES.device(path);
    };
    const closed = await restart(dir, { ops: { ...FILES, device } });
    assertEquals(closed.complaints, [
      `"${dir}/journal/journal.3" still holds 1 accepted messages that can't be delivered, and are tried again at the next start or reload: EACCES, Permission denied (os error)`,
    ]);
    assertEquals(inNew(dir).length, 1, "the other copy is there");
    const { complaints } = await restart(dir);
    assertEquals(complaints, []);
    assertEquals([inNew(dir).length, names(`${dir}/b/new`).length], [1, 1]);
  }));

Deno.test("a disk that is sick while it is looked after loses nothing", () =>
  inTempDir(async (dir) => {
    await enterOnly(dir, "1.M2.host,S=37,W=41");
    const system = () => ({
      sync: unexpected,
      syncNow: () => {
        throw osError("EIO", "Input/output error");
      },
      close: () => {},
    });
    const sick = await restart(dir, { ops: { ...FILES, fileSystem: system } });
    assertEquals(sick.complaints.length, 1);
    assertStringIncludes(sick.complaints[0] ?? "", `journal.1" can't be looked after: EIO`);
    assertEquals(inNew(dir), []);
    await restart(dir);
    assertEquals(mails(`${dir}/a`), [`Delivered-To: a\n${MESSAGE}`]);
  }));

Deno.test("a disk that is sick behind the names: everything is written anew the next time", () =>
  inTempDir(async (dir) => {
    await enterOnly(dir, "1.M2.host,S=37,W=41");
    let syncs = 0;
    const fileSystem = (path: string) => {
      const system = FILES.fileSystem(path) ?? unexpected();
      const syncNow = () => {
        if (++syncs === 2) throw osError("EIO", "Input/output error");
        system.syncNow();
      };
      return { ...system, syncNow };
    };
    const sick = await restart(dir, { ops: { ...FILES, fileSystem } });
    assertStringIncludes(sick.complaints.join(), `journal.1" can't be looked after: EIO`);
    Deno.truncateSync(first(dir), 0);
    const { lines } = await restart(dir);
    assertStringIncludes(lines.join(), "1 delivered now, 0 kept");
    assertEquals(mails(`${dir}/a`), [`Delivered-To: a\n${MESSAGE}`]);
  }));

Deno.test("what is kept has a file of its own: another power cut does not bring the others back", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    assertKind(await deliver(service.queue, ["a@x", "b@x"], MESSAGE), "queued");
    kill(service);
    pretendOtherBoot(dir);
    Deno.removeSync(`${dir}/b/new/${names(`${dir}/b/new`)[0]}`);
    const device = (path: string) => {
      if (path.startsWith(`${dir}/b/`)) throw osError("EACCES", "Permission denied");
      return FILES.device(path);
    };
    await restart(dir, { ops: { ...FILES, device } });
    Deno.removeSync(first(dir));
    for (let times = 0; times < 2; times++) {
      pretendOtherBoot(dir);
      const { complaints } = await restart(dir, { ops: { ...FILES, device } });
      assertEquals(complaints.length, 1);
      assertStringIncludes(complaints.join(), `journal.3" still holds 1 accepted messages`);
    }
    assertEquals(inNew(dir), []);
    await restart(dir);
    assertEquals([inNew(dir).length, names(`${dir}/b/new`).length], [0, 1]);
  }));

Deno.test("a recovery that was killed between a replacement and what it replaces is gone on with", () =>
  inTempDir(async (dir) => {
    const service = startService(dir);
    await deliverTo(service, 2);
    kill(service);
    pretendOtherBoot(dir);
    const whole = inNew(dir).map((name) => Deno.readTextFileSync(`${dir}/a/new/${name}`));
    for (const name of inNew(dir)) Deno.writeTextFileSync(`${dir}/a/new/${name}`, "");
    let removed = 0;
    const remove = (path: string) => {
      if (path.includes("/new/") && ++removed > 1) throw osError("EIO", "killed here");
      FILES.remove(path);
    };
    await restart(dir, { ops: { ...FILES, remove } });
    assertEquals(inNew(dir).length, 3, "one is there twice");
    pretendOtherBoot(dir);
    await restart(dir);
    assertEquals(mails(`${dir}/a`).toSorted(), whole.toSorted());
  }));

Deno.test("the order: content on disk, names, names on disk", () =>
  inTempDir(async (dir) => {
    await enterOnly(dir, "1.M2.host,S=37,W=41");
    const log: string[] = [];
    const ops = {
      ...FILES,
      createShort(path: string) {
        log.push("create");
        return FILES.createShort(path);
      },
      link(from: string, to: string) {
        log.push("link");
        FILES.link(from, to);
      },
      fileSystem(path: string) {
        const system = FILES.fileSystem(path) ?? unexpected();
        const syncNow = () => {
          log.push("sync");
          system.syncNow();
        };
        return { ...system, syncNow };
      },
    };
    await restart(dir, { ops });
    assertEquals(log, ["create", "sync", "link", "sync"]);
  }));

Deno.test("a journal that broke is looked after at the next reload", () =>
  inTempDir(async (dir) => {
    let isSick = true;
    const ops = {
      ...FILES,
      fileSystem(path: string) {
        const system = FILES.fileSystem(path) ?? unexpected();
        const sync = () => isSick ? Promise.reject(osError("EIO", "sick")) : system.sync();
        return { ...system, sync };
      },
    };
    const said = Promise.withResolvers<string>();
    const service = startService(dir, { complain: said.resolve }, { ops });
    await deliverTo(service, 1);
    const [name] = inNew(dir);
    assertStringIncludes(await said.promise, "is not used any more: EIO, sick");
    assertEquals(service.journals.current?.isBroken, true);
    isSick = false;
    service.journals.use(`${dir}/journal`);
    assertStringIncludes(service.lines.join(), "held 1 accepted messages: 1 delivered now");
    assertNotEquals(inNew(dir), [name]);
    await deliverTo(service, 1);
    assertEquals(inNew(dir).length, 2);
    await service.journals.close();
  }));
