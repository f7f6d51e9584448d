import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CryptError, makeHasher, NEW_SCHEMES } from "../../../auth/crypt.ts";
import { digestCrypt } from "../../../auth/crypt_digest.ts";
import { readHash } from "../../../auth/hash_format.ts";
import { systemLibcrypt } from "../../../auth/libcrypt.ts";
import { APR1, GOLDEN, SHA } from "./golden_hashes.ts";

const library = systemLibcrypt();
const ignore = typeof library === "string";
if (ignore) console.warn(`Tests of the system's crypt library are skipped: ${library}`);
const NO_LIBRARY = () => "The system's crypt library can't be used (it is not there)";

Deno.test({
  name: "check: every crypt(3) format takes the right password and no other",
  ignore,
  async fn() {
    const hasher = makeHasher(2);
    for (const [, password, hash] of GOLDEN) {
      if (hasher.missing(hash) !== null) continue;
      assert(await hasher.check(password, hash), hash);
      assertEquals(await hasher.check(`${password.slice(0, 2)}x`, hash), false, hash);
    }
  },
});

Deno.test("check: $apr1$, {SHA}, {PLAIN} and {PLAIN.B64} need no library", async () => {
  const hasher = makeHasher(1, NO_LIBRARY);
  for (const [password, stored] of [APR1, SHA, ["a b", "{PLAIN}a b"], ["a:b", "{plain.b64}YTpi"]]) {
    assert(await hasher.check(password ?? "", stored ?? ""), stored);
    assertEquals(await hasher.check(`${password} `, stored ?? ""), false, stored);
  }
});

Deno.test("check: $1$, $5$ and $6$ are computed without the library", async () => {
  const hasher = makeHasher(1, NO_LIBRARY);
  for (const [scheme, password, hash] of GOLDEN) {
    if (!["md5crypt", "sha256crypt", "sha512crypt"].includes(scheme)) continue;
    assertEquals(hasher.missing(hash), null);
    assert(await hasher.check(password, hash), hash);
    assertEquals(await hasher.check("wrong", hash), false, hash);
  }
});

Deno.test("check: a format that needs the missing library is an error with its name, without the hash", async () => {
  const hasher = makeHasher(1, NO_LIBRARY);
  const yescrypt = GOLDEN.find(([s]) => s === "yescrypt")?.[2] ?? "";
  assertStringIncludes(hasher.missing(yescrypt) ?? "", "nothing else here can check yescrypt");
  const error = await assertRejects(() => hasher.check("p", yescrypt), CryptError, "yescrypt");
  assertEquals(error.message.includes(yescrypt), false);
});

Deno.test({
  name: "digestCrypt: agrees with the library for lengths 0 to 130 and bytes above 127",
  ignore,
  async fn() {
    if (typeof library === "string") return;
    for (const setting of ["$1$ab", "$5$rounds=1000$ab", "$6$rounds=1000$abcdefghijklmnop"]) {
      for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130]) {
        const password = "\xe4\xffz".repeat(50).slice(0, length);
        const expected = await library.crypt(password, setting);
        assertEquals(await digestCrypt(password, setting), expected, `${setting} ${length}`);
      }
    }
  },
});

Deno.test("make: what is stored takes the password back, in each scheme", async () => {
  const hasher = makeHasher(2);
  for (const scheme of NEW_SCHEMES) {
    if (ignore && scheme === "bcrypt") continue;
    const made = await hasher.make("corr\xc3\xa9ct horse", scheme);
    const reading = readHash(made.stored);
    assert("format" in reading, made.stored);
    assertEquals(reading.format.scheme, made.scheme);
    assert(await hasher.check("corr\xc3\xa9ct horse", made.stored), made.stored);
    assertEquals(await hasher.check("correct horse", made.stored), false);
  }
});

Deno.test("make: two hashes of one password differ", async () => {
  const hasher = makeHasher(2);
  for (const scheme of ["yescrypt", "scrypt", "scram"] as const) {
    const [a, b] = [await hasher.make("same", scheme), await hasher.make("same", scheme)];
    assert(a.stored !== b.stored, scheme);
  }
});

Deno.test("make: without the library yescrypt becomes sha512crypt, bcrypt an error", async () => {
  const hasher = makeHasher(1, NO_LIBRARY);
  const made = await hasher.make("secret", "yescrypt");
  assertEquals(made.scheme, "sha512crypt");
  assert(await hasher.check("secret", made.stored));
  await assertRejects(() => hasher.make("secret", "bcrypt"), CryptError, "crypt library");
});

Deno.test("make: a clear secret with a colon is written as base64", async () => {
  const made = await makeHasher(1).make("a:b", "plain");
  assertEquals(made.stored, "{PLAIN.B64}YTpi");
});

Deno.test("checkNow: DES crypt at once, and no other hash; what check says", async () => {
  const hasher = makeHasher(1);
  const cases: readonly [string, string, boolean][] = [
    ["pw", "qfR5N2ycn.qnA", true],
    ["pW", "qfR5N2ycn.qnA", false],
    ["", "qfR5N2ycn.qnA", false],
  ];
  for (const [password, stored, fits] of cases) {
    const now = hasher.checkNow?.(password, stored) ?? null;
    if (now !== null) assertEquals(now, fits);
    assertEquals(await hasher.check(password, stored), fits);
  }
  for (const stored of ["$1$abcdefgh$0000000000000000000000", "{PLAIN}pw", "short", "$6$a$b", ""]) {
    assertEquals(hasher.checkNow?.("pw", stored), null);
  }
  assertEquals(makeHasher(1, NO_LIBRARY).checkNow?.("pw", "qfR5N2ycn.qnA"), null);
});
