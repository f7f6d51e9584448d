import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { CryptError, type Hasher, makeHasher } from "../../../auth/crypt.ts";
import { GateFullError } from "../../../auth/gate.ts";
import { readHash } from "../../../auth/hash_format.ts";
import { systemLibcrypt } from "../../../auth/libcrypt.ts";
import { openPoppasswd } from "../../../auth/poppasswd.ts";
import { makeSuccessCache } from "../../../auth/success_cache.ts";
import { makeCdb } from "../../../cdb/mod.ts";
import { NO_TRACE, type Tracer } from "../../../trace/tracer.ts";

systemLibcrypt();

/** A hasher that notes what it was asked; "right" is the password of every hash. */
function makeCounting(fail?: Error): Hasher & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    check(password, stored) {
      asked.push(stored);
      return fail === undefined ? Promise.resolve(password === "right") : Promise.reject(fail);
    },
    make: () => Promise.reject(new Error("not asked for")),
    missing: () => null,
  };
}

const WEAK = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/";
const STRONG = "$y$j75$abcdefgh$x5C4qNzV6nzffZSLvakBU9f5Oo623Kz6X4CrZCIQks8";
const STRONG_TOO = "$y$j75$abcdefgh$.5C4qNzV6nzffZSLvakBU9f5Oo623Kz6X4CrZCIQks8";

/** Runs `work` with a directory and a function that writes its cdb. */
async function withUsers(
  work: (
    path: string,
    put: (entries: Readonly<Record<string, string>>) => void,
  ) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/poppasswd.cdb`;
  let serial = 0;
  try {
    await work(path, (entries) => {
      const temporary = `${path}.${serial++}`;
      Deno.writeFileSync(temporary, makeCdb(Object.entries(entries)));
      Deno.renameSync(temporary, path);
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function open(path: string, hasher: Hasher, more: { seconds?: number; tracer?: Tracer } = {}) {
  const cache = makeSuccessCache(more.seconds ?? 0, 100);
  return openPoppasswd({ path, hasher, cache, tracer: more.tracer ?? NO_TRACE });
}

Deno.test("checkPassword: a login of the file, in any case, with its place", () =>
  withUsers(async (path, put) => {
    put({ "joe@example.org": `${STRONG}:vmail:/home/joe:mail` });
    const users = open(path, makeCounting());
    assertEquals(await users.checkPassword("Joe@Example.ORG", "right"), {
      kind: "ok",
      account: {
        login: "joe@example.org",
        user: "vmail",
        uid: null,
        gid: null,
        home: "/home/joe",
        maildir: "mail",
      },
    });
    assertEquals(await users.checkPassword("joe@example.org", "wrong"), { kind: "refused" });
  }));

Deno.test("checkPassword: with real hashes, and bytes above 127", () =>
  withUsers(async (path, put) => {
    const hasher = makeHasher(1);
    const { stored } = await hasher.make("p\xe4ss", "scrypt");
    put({ "j\xd6e": stored });
    const users = open(path, hasher);
    assertEquals((await users.checkPassword("j\xd6e", "p\xe4ss")).kind, "ok");
    assertEquals((await users.checkPassword("j\xd6e", "p\xe4ss ")).kind, "refused");
    assertEquals((await users.checkPassword("j\xf6e", "p\xe4ss")).kind, "refused");
  }));

Deno.test("checkPassword: an unknown login costs one check of the most common kind", () =>
  withUsers(async (path, put) => {
    put({ old: WEAK, joe: STRONG, ann: STRONG_TOO });
    const hasher = makeCounting();
    const users = open(path, hasher);
    assertEquals(await users.checkPassword("nobody", "right"), { kind: "refused" });
    assertEquals(hasher.asked.length, 1);
    const reading = readHash(hasher.asked[0] ?? "");
    assert("format" in reading && reading.format.costClass === "$y$j75");
    assertEquals(await users.checkPassword("joe", "wrong"), { kind: "refused" });
    assertEquals(hasher.asked.length, 2);
  }));

Deno.test("checkPassword: in an empty file an unknown login is checked against a whole hash", () =>
  withUsers(async (path, put) => {
    put({});
    const hasher = makeCounting();
    assertEquals(await open(path, hasher).checkPassword("nobody", "right"), { kind: "refused" });
    assert("format" in readHash(hasher.asked[0] ?? ""));
  }));

Deno.test("checkPassword: what can be no password is refused before anything is looked up", () =>
  withUsers(async (path, put) => {
    put({ joe: STRONG });
    const hasher = makeCounting();
    const users = open(path, hasher);
    for (const password of ["", "right\0", "x".repeat(513)]) {
      assertEquals(await users.checkPassword("joe", password), { kind: "refused" });
    }
    assertEquals(await users.checkPassword("", "right"), { kind: "refused" });
    assertEquals(hasher.asked, []);
    await users.checkPassword("joe", "x".repeat(512));
    assertEquals(hasher.asked.length, 1);
  }));

Deno.test("checkPassword: a right login is remembered until its stored hash changes", () =>
  withUsers(async (path, put) => {
    put({ joe: STRONG });
    const hasher = makeCounting();
    const users = open(path, hasher, { seconds: 300 });
    for (let i = 0; i < 3; i++) {
      assertEquals((await users.checkPassword("joe", "right")).kind, "ok");
    }
    assertEquals(hasher.asked.length, 1);
    assertEquals((await users.checkPassword("joe", "wrong")).kind, "refused");
    assertEquals((await users.checkPassword("joe", "wrong")).kind, "refused");
    assertEquals(hasher.asked.length, 3);
    put({ joe: STRONG_TOO });
    assertEquals((await users.checkPassword("joe", "right")).kind, "ok");
    assertEquals(hasher.asked.length, 4);
    put({});
    assertEquals((await users.checkPassword("joe", "right")).kind, "refused");
  }));

Deno.test("checkPassword: a place that changed is seen by a remembered login", () =>
  withUsers(async (path, put) => {
    put({ joe: `${STRONG}:vmail:/old` });
    const users = open(path, makeCounting(), { seconds: 300 });
    await users.checkPassword("joe", "right");
    put({ joe: `${STRONG}:vmail:/new` });
    const answer = await users.checkPassword("joe", "right");
    assert(answer.kind === "ok" && answer.account.home === "/new");
  }));

Deno.test("checkPassword: a missing file is undecided, and says what to run", () =>
  withUsers(async (path, put) => {
    const users = open(path, makeCounting());
    const answer = await users.checkPassword("joe", "right");
    assert(answer.kind === "undecided");
    assertStringIncludes(answer.reason, "run qfront newpop");
    put({ joe: STRONG });
    assertEquals((await users.checkPassword("joe", "right")).kind, "ok");
  }));

Deno.test("checkPassword: a file that is no cdb is undecided; after a good one that stays in force", () =>
  withUsers(async (path, put) => {
    Deno.writeTextFileSync(path, "no cdb");
    const lines: string[] = [];
    const tracer: Tracer = {
      level: 4,
      emit: (_session, event, fields) => lines.push(`${event.id} ${event.text(fields)}`),
    };
    const hasher = makeCounting();
    const before = await open(path, hasher).checkPassword("joe", "right");
    assert(before.kind === "undecided");
    assertStringIncludes(before.reason, "can't be used");
    put({ joe: STRONG });
    const users = open(path, hasher, { tracer });
    assertEquals((await users.checkPassword("joe", "right")).kind, "ok");
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "broken");
    for (let i = 0; i < 2; i++) {
      assertEquals((await users.checkPassword("joe", "right")).kind, "ok");
    }
    assertEquals(lines.map((line) => line.split(" ")[0]), ["auth.users", "auth.users.kept"]);
  }));

Deno.test("checkPassword: a line that can't be used is an unknown login, with its reason in the trace", () =>
  withUsers(async (path, put) => {
    put({ joe: "opensesame", ann: STRONG });
    const lines: string[] = [];
    const tracer: Tracer = {
      level: 2,
      emit: (_s, event, fields) => lines.push(event.text(fields)),
    };
    const hasher = makeCounting();
    const answer = await open(path, hasher, { tracer }).checkPassword("joe", "opensesame");
    assertEquals(answer, { kind: "refused" });
    assertEquals(hasher.asked, [STRONG]);
    const line = lines.find((l) => l.includes("login [joe]")) ?? "";
    assertStringIncludes(line, "no known form");
    assertEquals(line.includes("opensesame"), false);
  }));

Deno.test("checkPassword: a hash that can't be computed, and too many waiting, are undecided", () =>
  withUsers(async (path, put) => {
    put({ joe: STRONG });
    for (const error of [new CryptError("No library"), new GateFullError("9 are waiting")]) {
      const answer = await open(path, makeCounting(error)).checkPassword("joe", "right");
      assertEquals(answer, { kind: "undecided", reason: error.message });
    }
  }));

Deno.test("secretOf: clear secrets and SCRAM keys as stored, nothing for other hashes", () =>
  withUsers(async (path, put) => {
    const scram = (await makeHasher(1).make("pencil", "scram")).stored;
    put({ clear: "{PLAIN}tanstaaf", scram, hash: STRONG });
    const users = open(path, makeCounting());
    const clear = await users.secretOf("Clear");
    assert(clear.kind === "secret");
    assertEquals([clear.clear, clear.scram, clear.account.login], ["tanstaaf", null, "clear"]);
    const keys = await users.secretOf("scram");
    assert(keys.kind === "secret" && keys.scram !== null);
    assertEquals([keys.clear, keys.scram.iterations], [null, 32768]);
    const hash = await users.secretOf("hash");
    assert(hash.kind === "secret" && hash.clear === null && hash.scram === null);
    assertEquals(await users.secretOf("nobody"), { kind: "unknown" });
    assertEquals(users.forms(), { clear: true, scram: true });
  }));

Deno.test("fakeScram: one salt a login, the same after a restart, as long as real ones", () =>
  withUsers(async (path, put) => {
    const { stored } = await makeHasher(1).make("pencil", "scram");
    put({ joe: stored });
    const [one, two] = [open(path, makeCounting()), open(path, makeCounting())];
    assertEquals(one.fakeScram("nobody"), two.fakeScram("NOBODY"));
    assertNotEquals(one.fakeScram("nobody").salt, one.fakeScram("somebody").salt);
    assertEquals([one.fakeScram("x").salt.length, one.fakeScram("x").iterations], [16, 32768]);
    put({ joe: STRONG });
    assertEquals(open(path, makeCounting()).forms(), { clear: false, scram: false });
  }));
