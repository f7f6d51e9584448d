import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { LOCAL_FILES, type MaildropFiles } from "../../../pop3/maildrop_files.ts";
import { buildMaildir, cacheFor, connect, type Entry, memoryTrace } from "./kit.ts";
import { messages, say, talk, tree, withFolder } from "./kit.ts";

const THREE = { "new/1.a": "one\n", "cur/2.b:2,S": "two\n", "new/3.c": "three\n" };

function withMaildir(
  entries: readonly Entry[],
  use: (path: string) => void | Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    buildMaildir(`${folder}/m`, entries);
    await use(`${folder}/m`);
  });
}

/** A file access that counts its calls by name. */
function counting(over: Partial<MaildropFiles> = {}): MaildropFiles & { calls: string[] } {
  const calls: string[] = [];
  const files = { ...LOCAL_FILES, ...over };
  const wrapped = Object.fromEntries(
    Object.entries(files).map(([name, call]) => [name, (...args: unknown[]) => {
      calls.push(name);
      return (call as (...args: unknown[]) => unknown)(...args);
    }]),
  );
  return { ...wrapped as unknown as MaildropFiles, calls };
}

Deno.test("open: a message that vanished is an error of its own, the session lives", () =>
  withMaildir(messages(THREE), async (path) => {
    const { engine, client } = connect({ path });
    await engine.start();
    Deno.removeSync(`${path}/new/1.a`);
    client.take();
    await say(engine, "RETR 1\r\nRETR 2\r\nTOP 1 0\r\nSTAT\r\n");
    const [first, second, ...rest] = client.output.split("\r\n");
    assertEquals(first, "-ERR message is no longer there");
    assertEquals(second, "+OK");
    assertEquals(rest.slice(0, 4), ["two", ".", "-ERR message is no longer there", "+OK 3 16"]);
  }));

Deno.test("open: a message is found again after others renamed it", () =>
  withMaildir(messages(THREE), async (path) => {
    const { engine, client } = connect({ path });
    await engine.start();
    Deno.renameSync(`${path}/new/1.a`, `${path}/cur/1.a:2,S`);
    Deno.renameSync(`${path}/cur/2.b:2,S`, `${path}/cur/2.b:2,RS`);
    client.take();
    await say(engine, "RETR 1\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n");
    assertEquals(
      client.output,
      "+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.\r\n+OK\r\n+OK bye\r\n",
    );
    assertEquals(tree(path), ["cur/1.a:2,S", "cur/3.c:2,"]);
  }));

Deno.test("open: a fifo in a message's place is refused, not waited for", () =>
  withMaildir(messages(THREE), async (path) => {
    const { engine, client } = connect({ path });
    await engine.start();
    Deno.removeSync(`${path}/new/1.a`);
    const made = await new Deno.Command("mkfifo", { args: [`${path}/new/1.a`] }).output();
    assert(made.success);
    client.take();
    await say(engine, "RETR 1\r\nNOOP\r\n");
    assertEquals(client.output, "-ERR [SYS/PERM] message can't be read\r\n+OK\r\n");
  }));

Deno.test("update: two sessions delete and move without harm to each other", () =>
  withMaildir(messages(THREE), async (path) => {
    const cache = cacheFor({});
    const [a, b] = [connect({ path, cache }), connect({ path, cache })];
    await a.engine.start();
    await b.engine.start();
    await say(a.engine, "DELE 1\r\n");
    await say(b.engine, "DELE 1\r\nDELE 2\r\n");
    a.client.take();
    await say(a.engine, "QUIT\r\n");
    assertEquals(tree(path), ["cur/2.b:2,S", "cur/3.c:2,"]);
    b.client.take();
    await say(b.engine, "RETR 3\r\nQUIT\r\n");
    assertEquals(b.client.output, "+OK\r\nthree\r\n.\r\n+OK bye\r\n");
    assertEquals(tree(path), ["cur/3.c:2,"]);
    assertStringIncludes(await talk({ path, cache }, "UIDL\r\n"), "+OK\r\n1 3.c\r\n.\r\n");
  }));

Deno.test("update: what could not be removed makes QUIT an error, and the rest is done", () =>
  withMaildir(messages(THREE), async (path) => {
    const remove = (file: string) => {
      if (file.endsWith("/1.a")) throw new Deno.errors.PermissionDenied("not yours");
      Deno.removeSync(file);
    };
    const tracer = memoryTrace(2);
    const output = await talk(
      { path, files: { ...LOCAL_FILES, remove }, tracer },
      "DELE 1\r\nDELE 2\r\nQUIT\r\n",
    );
    assert(output.endsWith("-ERR [SYS/PERM] some deleted messages could not be removed\r\n"));
    assertEquals(tree(path), ["cur/3.c:2,", "new/1.a"]);
    assertStringIncludes(tracer.lines.join("\n"), "could not be updated");
  }));

Deno.test("update: what could not be moved stays in new/, is traced, and no matter of the client", () =>
  withMaildir(messages(THREE), async (path) => {
    const rename = () => {
      throw new Deno.errors.PermissionDenied("not yours");
    };
    const tracer = memoryTrace(2);
    const output = await talk({ path, files: { ...LOCAL_FILES, rename }, tracer }, "QUIT\r\n");
    assert(output.endsWith("+OK bye\r\n"));
    assertEquals(tree(path), ["cur/2.b:2,S", "new/1.a", "new/3.c"]);
    assertStringIncludes(tracer.lines.join("\n"), "2 messages could not be updated");
  }));

Deno.test("update: a message is never moved onto another one", () =>
  withMaildir(messages({ "new/x": "new\n", "cur/x:2,": "old\n" }), async (path) => {
    await talk({ path }, "QUIT\r\n");
    assertEquals(Deno.readTextFileSync(`${path}/cur/x:2,`), "old\n");
    assertEquals(Deno.readTextFileSync(`${path}/new/x`), "new\n");
  }));

Deno.test("update: `:2,` is added whatever the name looks like", () =>
  withMaildir(messages({ "new/a:2,S": "a\n", "new/b:c:d": "b\n" }), async (path) => {
    await talk({ path }, "QUIT\r\n");
    assertEquals(tree(path), ["cur/a:2,S:2,", "cur/b:c:d:2,"]);
  }));

Deno.test("uniqueIds: a name that breaks RFC 1939 and the second of equal names get a stable hash", () => {
  const long = "n".repeat(71);
  const entries = messages({
    "cur/sp ace:2,": "",
    [`cur/${long}:2,`]: "",
    "cur/:2,S": "",
    "new/same": "1\n",
    "cur/same:2,S": "2\n",
    [`new/${"m".repeat(70)}`]: "",
  });
  return withMaildir(entries, async (path) => {
    const ids = async () =>
      (await talk({ path }, "UIDL\r\n")).split("\r\n").slice(2, 8).map((l) => l.split(" ")[1]!);
    const first = await ids();
    assertEquals(first, await ids());
    assertEquals(new Set(first).size, 6);
    for (const id of first) assertMatch(id, /^[\x21-\x7e]{1,70}$/);
    assertEquals([first[3], first[5]], ["same", "m".repeat(70)]);
    await talk({ path }, "QUIT\r\n");
    assertEquals(await ids(), first, "the same when the messages have moved to cur/");
  });
});

Deno.test("settleSizes: LIST gives what RETR sends, for any content", () => {
  const contents: Record<string, string> = {};
  const alphabet = ["a", ".", "\r", "\n", "\r\n", "\n.", "\n\n", "xyz", "\0", "\xff"];
  let state = 7;
  for (let i = 0; i < 200; i++) {
    let text = "";
    for (let n = state % 50; n > 0; n--) {
      state = (state * 1103515245 + 12345) % 2147483648;
      text += alphabet[(state >> 8) % alphabet.length];
    }
    state = (state * 1103515245 + 12345) % 2147483648;
    contents[`cur/${1000 + i}:2,`] = text;
  }
  for (const size of [65534, 65535, 65536, 65537, 131072]) {
    contents[`cur/${size}:2,`] = "\r".repeat(size - 3) + "\r\n.";
  }
  return withMaildir(messages(contents), async (path) => {
    const { engine, client } = connect({ path });
    await engine.start();
    client.take();
    await say(engine, "LIST\r\n");
    const sizes = client.take().split("\r\n").slice(1, -2).map((line) =>
      Number(line.split(" ")[1])
    );
    assertEquals(sizes.length, 205);
    for (const [i, size] of sizes.entries()) {
      await say(engine, `RETR ${i + 1}\r\n`);
      const wire = client.take().slice("+OK\r\n".length, -".\r\n".length);
      assertEquals(wire.replace(/(^|\r\n)\.\./g, "$1.").length, size, `message ${i + 1}`);
      assertEquals(wire === "" || wire.endsWith("\r\n"), true);
    }
  });
});

Deno.test("settleSizes: W= in the name and `stat` read no message; an impossible W= is not believed", () => {
  const entries = messages({
    "cur/a,S=4,W=6:2,": "a\nb\n",
    "cur/b,W=999:2,": "a\nb\n",
    "cur/c:2,": "a\nb\n",
  });
  return withMaildir(entries, async (path) => {
    const files = counting();
    assertStringIncludes(
      await talk({ path, files, sizes: "stat" }, "LIST\r\n"),
      "1 6\r\n2 4\r\n3 4\r\n",
    );
    const read = () => files.calls.filter((call) => call === "open" || call === "readWhole").length;
    assertEquals(read(), 0);
    assertStringIncludes(await talk({ path, files }, "LIST\r\n"), "1 6\r\n2 6\r\n3 6\r\n");
    assertEquals(read(), 2);
  });
});

Deno.test("settleSizes: a message that can't be read counts as its file", () =>
  withMaildir(messages(THREE), async (path) => {
    const open = (): never => {
      throw new Deno.errors.PermissionDenied("not yours");
    };
    const output = await talk(
      { path, files: { ...LOCAL_FILES, open, readWhole: () => -1 } },
      "STAT\r\nRETR 1\r\nNOOP\r\n",
    );
    assertStringIncludes(output, "+OK 3 14\r\n-ERR [SYS/PERM] message can't be read\r\n+OK\r\n");
  }));

Deno.test("retr: pop3_extra_line ends each message as qmail-pop3d does", () =>
  withMaildir(messages(THREE), async (path) => {
    const output = await talk({ path, config: { extraLine: true } }, "RETR 2\r\n");
    assertStringIncludes(output, "+OK\r\ntwo\r\n\r\n.\r\n");
  }));
