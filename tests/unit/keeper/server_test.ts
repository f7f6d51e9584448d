/** The keeper against a front that is not ours any more. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeFrame, type Header } from "../../../keeper/frames.ts";
import { MAX_AT_WORK, VERSION, WRITE_WINDOW } from "../../../keeper/protocol.ts";
import { bytesOf } from "../../../keeper/frames.ts";
import { JOE, makeDrop, makeServices, openRaw, runInMemory } from "./kit.ts";

/** Sends one question behind a greeting and expects that it ends the keeper with a line. */
async function breaks(header: Header, payload?: Uint8Array): Promise<void> {
  const running = runInMemory(makeServices());
  const raw = openRaw(running);
  await raw.hello();
  await raw.send(header, payload);
  assertEquals(await running.ended, false, JSON.stringify(header));
  assertEquals(running.complaints.length, 1);
  assertStringIncludes(running.complaints[0]!, "The keeper ends");
}

for (
  const [what, header] of [
    ["a question without a number", { op: "look", address: "x", explain: false }],
    ["a notice that is none", { op: "drop.ids", drop: 1, from: 0 }],
    ["a notice of nothing", { op: "drop.close" }],
    ["a question of an unknown kind", { q: 1, op: "exec", command: "id" }],
    ["a kind out of the prototype", { q: 1, op: "constructor" }],
    ["an address that is no text", { q: 1, op: "look", address: 7, explain: false }],
    ["a negative number", { q: 1, op: "drop.ids", drop: -1, from: 0 }],
    ["a broken number", { q: 1, op: "drop.ids", drop: 1.5, from: 0 }],
    ["an environment that is a list", { q: 1, op: "login", login: "a", password: "b", env: [] }],
    ["a message without an envelope", { q: 1, op: "mail.open", session: 1, mail: 1, last: true }],
    ["a second greeting", { q: 1, op: "hello", version: VERSION }],
  ] as const
) {
  Deno.test(`runKeeper: ${what} ends it`, () => breaks(header));
}

Deno.test("runKeeper: a frame that is too large ends it", async () => {
  const running = runInMemory(makeServices());
  const raw = openRaw(running);
  await raw.hello();
  await running.write(Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 0));
  assertEquals(await running.ended, false);
});

Deno.test("runKeeper: garbage in the greeting's place ends it, and so does another version", async () => {
  const garbage = runInMemory(makeServices());
  await garbage.write(bytesOf("EHLO example.org\r\nMAIL FROM:<>\r\n"));
  assertEquals(await garbage.ended, false);
  const other = runInMemory(makeServices());
  await other.write(encodeFrame({ q: 0, op: "hello", version: VERSION + 1 }));
  assertEquals(await other.ended, false);
  const none = runInMemory(makeServices());
  await none.write(encodeFrame({ q: 1, op: "look", address: "x", explain: false }));
  assertEquals(await none.ended, false);
});

Deno.test("runKeeper: an input that ends, even within a frame, is no breach", async () => {
  const running = runInMemory(makeServices());
  const raw = openRaw(running);
  await raw.hello();
  await running.write(encodeFrame({ q: 1, op: "look" }).slice(0, 9));
  await running.end();
  assertEquals(await running.ended, true);
  assertEquals(running.complaints, []);
});

Deno.test("runKeeper: a wrong password gives no token, and no token no maildrop", async () => {
  let opened = 0;
  const running = runInMemory(makeServices({
    openMaildrop: () => {
      opened++;
      return makeDrop(1, () => new Uint8Array(1)).maildrop;
    },
  }));
  const raw = openRaw(running);
  await raw.hello();
  const ask = async (header: Header) => {
    await raw.send({ q: 1, ...header });
    return (await raw.next())?.header;
  };
  const login = { op: "login", login: JOE.login };
  assertEquals(await ask({ ...login, password: "wrong" }), { q: 1, kind: "refused" });
  for (const token of ["", JOE.login, "0".repeat(64), "/home/joe"]) {
    assertEquals((await ask({ op: "drop.open", token, session: 1 }))?.["trouble"], "temporary");
  }
  // Handles that were never given out.
  for (const op of ["drop.ids", "drop.sizes"]) {
    assertEquals((await ask({ op, drop: 1, from: 0 }))?.["trouble"], "temporary");
  }
  assertEquals((await ask({ op: "drop.message", drop: 1, index: 0 }))?.["trouble"], "temporary");
  assertEquals((await ask({ op: "drop.read", message: 1 }))?.["trouble"], "temporary");
  assertEquals((await ask({ op: "drop.update", drop: 1 }))?.["trouble"], "temporary");
  assertEquals(opened, 0);
  const token = (await ask({ ...login, password: "sesame" }))?.["token"];
  assertEquals((await ask({ op: "drop.open", token, session: 1 }))?.["drop"], 1);
  assertEquals((await ask({ op: "drop.open", token, session: 1 }))?.["trouble"], "temporary");
  assertEquals(opened, 1);
  await running.end();
  assert(await running.ended);
});

Deno.test("runKeeper: a message that is not in the listing ends it", async () => {
  for (
    const [header, payload] of [
      [{ op: "drop.message", drop: 1, index: 3 }, undefined],
      [{ op: "drop.mark", drop: 1 }, Uint8Array.of(0, 0, 0, 3)],
      [{ op: "drop.mark", drop: 1 }, Uint8Array.of(0, 0, 0)],
    ] as const
  ) {
    const running = runInMemory(
      makeServices({ openMaildrop: () => makeDrop(3, () => new Uint8Array(1)).maildrop }),
    );
    const raw = openRaw(running);
    await raw.hello();
    await raw.send({ q: 1, op: "login", login: JOE.login, password: "sesame" });
    const token = (await raw.next())?.header["token"];
    await raw.send({ q: 2, op: "drop.open", token, session: 1 });
    assertEquals((await raw.next())?.header["count"], 3);
    await raw.send({ q: 3, ...header }, payload);
    assertEquals(await running.ended, false);
  }
});

Deno.test("runKeeper: no more maildrops than its limit, and what is over it is closed", async () => {
  const { maildrop, done } = makeDrop(1, () => new Uint8Array(1));
  const running = runInMemory(makeServices({ openMaildrop: () => maildrop, maxDrops: 2 }));
  const raw = openRaw(running);
  await raw.hello();
  const kinds: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    await raw.send({ q: 1, op: "login", login: JOE.login, password: "sesame" });
    const token = (await raw.next())?.header["token"];
    await raw.send({ q: 2, op: "drop.open", token, session: 1 });
    kinds.push((await raw.next())?.header["trouble"]);
  }
  assertEquals(kinds, [undefined, undefined, "temporary"]);
  assertEquals(done.dropsClosed, 1);
  await running.end();
});

Deno.test("runKeeper: a front that asks without end is not read further than the keeper works", async () => {
  let asked = 0;
  const held = Promise.withResolvers<void>();
  const running = runInMemory(makeServices({
    auth: {
      source: "poppasswd",
      secrets: null,
      async checkPassword() {
        asked++;
        await held.promise;
        return { kind: "refused" };
      },
    },
  }));
  const raw = openRaw(running);
  await raw.hello();
  const one = encodeFrame({ q: 1, op: "login", login: "a", password: "b" });
  const many = new Uint8Array(one.length * MAX_AT_WORK * 2);
  for (let at = 0; at < many.length; at += one.length) many.set(one, at);
  await running.write(many);
  const more = running.write(one);
  assertEquals(asked, MAX_AT_WORK);
  held.resolve();
  for (let i = 0; i < MAX_AT_WORK * 2 + 1; i++) {
    assertEquals((await raw.next())?.header["kind"], "refused");
  }
  await more;
  await running.end();
  assert(await running.ended);
  assertEquals(asked, MAX_AT_WORK * 2 + 1);
});

Deno.test("runKeeper: a front that does not listen is not read further than its answers may wait", async () => {
  let asked = 0;
  const running = runInMemory(makeServices({
    auth: {
      source: "poppasswd",
      secrets: null,
      checkPassword() {
        asked++;
        return { kind: "undecided", reason: "x".repeat(50_000) };
      },
    },
  }));
  const raw = openRaw(running);
  await raw.hello();
  const one = encodeFrame({ q: 1, op: "login", login: "a", password: "b" });
  const many = new Uint8Array(one.length * 1000);
  for (let at = 0; at < many.length; at += one.length) many.set(one, at);
  await running.write(many);
  const more = running.write(one);
  assert(asked < 100, `${asked}`);
  for (let i = 0; i < 1001; i++) assertEquals((await raw.next())?.header["kind"], "undecided");
  await more;
  await running.end();
  assert(await running.ended);
});

Deno.test("runKeeper: a notice gets no answer, and what it says is done before the next question", async () => {
  const { maildrop, done } = makeDrop(1, () => new Uint8Array(1));
  const running = runInMemory(makeServices({ openMaildrop: () => maildrop }));
  const raw = openRaw(running);
  await raw.hello();
  const login = { q: 1, op: "login", login: JOE.login, password: "sesame", opensFor: 1 };
  await raw.send(login);
  const opened = (await raw.next())?.header["opened"] as Header;
  await raw.send({ op: "drop.close", drop: opened["drop"] });
  await raw.send({ op: "drop.close", drop: opened["drop"] });
  await raw.send({ op: "drop.shut", message: 99 });
  await raw.send({ q: 2, op: "drop.ids", drop: opened["drop"], from: 0 });
  assertEquals((await raw.next())?.header["q"], 2);
  assertEquals(done.dropsClosed, 1);
  await running.end();
  assert(await running.ended);
});

Deno.test("runKeeper: a message that comes faster than it is taken ends it, and is taken back", async () => {
  let aborted = 0;
  const services = makeServices();
  const running = runInMemory({
    ...services,
    queue: {
      ...services.queue,
      open: () => ({
        write: () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
        commit: () => Promise.reject(new Error("never")),
        abort: () => void aborted++,
        handOver: () => null,
        commitHanded: () => Promise.reject(new Error("never")),
      }),
    },
  });
  const raw = openRaw(running);
  await raw.hello();
  const frames = [
    encodeFrame({ q: 1, op: "mail.open", session: 1, mail: 1, last: true }, bytesOf('["","a@b"]')),
    ...Array.from(
      { length: WRITE_WINDOW + 1 },
      () => encodeFrame({ q: 2, op: "mail.write", mail: 1 }, Uint8Array.of(1)),
    ),
  ];
  await running.write(new Uint8Array(frames.flatMap((f) => [...f])));
  assertEquals(await running.ended, false);
  assertEquals(aborted, 1);
});

Deno.test("runKeeper: reload is done before it is answered", async () => {
  let reloads = 0;
  const running = runInMemory(makeServices(), () => Promise.resolve(void reloads++));
  const raw = openRaw(running);
  await raw.hello();
  await raw.send({ q: 9, op: "reload" });
  assertEquals((await raw.next())?.header, { q: 9 });
  assertEquals(reloads, 1);
  await running.end();
});
