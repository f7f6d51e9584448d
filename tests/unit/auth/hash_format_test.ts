import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { readHash } from "../../../auth/hash_format.ts";
import { APR1, GOLDEN, SHA } from "./golden_hashes.ts";

const format = (stored: string) => {
  const reading = readHash(stored);
  if ("fault" in reading) throw new Error(`${stored}: ${reading.fault}`);
  return reading.format;
};

const fault = (stored: string): string => {
  const reading = readHash(stored);
  return "fault" in reading ? reading.fault : "";
};

Deno.test("readHash: names the scheme of every crypt(3) format", () => {
  for (const [scheme, , hash] of GOLDEN) assertEquals(format(hash).scheme, scheme, hash);
  assertEquals(format(APR1[1]).scheme, "apr1");
  assertEquals(format(SHA[1]).scheme, "sha");
});

Deno.test("readHash: the cost class has the parameters and neither salt nor digest", () => {
  assertEquals(
    format("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").costClass,
    "$2a$05",
  );
  assertEquals(format(GOLDEN[1]?.[2] ?? "").costClass, "$6$rounds=10000$");
  assertEquals(format(GOLDEN[8]?.[2] ?? "").costClass, "$y$j75");
  for (const [, , hash] of GOLDEN) assertFalse(/salt/i.test(format(hash).costClass), hash);
});

Deno.test("readHash: a hash that lost its last character is damaged, not another form", () => {
  for (const [scheme, , hash] of GOLDEN) {
    if (scheme === "des") continue;
    assertStringIncludes(fault(hash.slice(0, -1)), "incomplete or damaged");
  }
});

Deno.test("readHash: says why empty, locked, shadowed and unknown fields fit no password", () => {
  assertEquals(fault(""), "The password field is empty");
  assertStringIncludes(fault("!$6$saltstring$x"), "locked");
  assertStringIncludes(fault("*"), "locked");
  assertStringIncludes(fault("x"), "in another file");
  assertEquals(
    fault("$argon2id$v=19$m=1$a$b"),
    'The hash format "$argon2id$" is not known to crypt(3)',
  );
  assertEquals(fault("{MD5}abc"), 'The form "{MD5}" is not known');
  assertStringIncludes(fault("{scrypt}3,1,1,AAAA,AAAA"), "not of that form");
  assertStringIncludes(fault("{SCRAM-SHA-256}4096,AAAA"), "not of that form");
});

Deno.test("readHash: never quotes what may be a password in clear", () => {
  for (const secret of ["opensesame", "{opensesame and more", "open$esame"]) {
    assertFalse(fault(secret).includes("esame"), secret);
    assert(fault(secret) !== "", secret);
  }
});

Deno.test("readHash: warns of weak and clear forms, and of no strong one", () => {
  assertStringIncludes(format("abJnggxhB/yWI").warning ?? "", "first 8 characters");
  assertStringIncludes(format("{PLAIN}secret").warning ?? "", "in clear");
  for (const scheme of ["yescrypt", "sha512crypt", "bcrypt"]) {
    const hash = GOLDEN.find(([name]) => name === scheme)?.[2] ?? "";
    assertEquals(format(hash).warning, null);
  }
});

Deno.test("readHash: a {scrypt} entry may not ask for more than 256 MiB", () => {
  const entry = (n: number) => `{scrypt}${n},8,1,AAAA,${btoa("k".repeat(32))}`;
  assertEquals(format(entry(262144)).scheme, "scrypt");
  assertStringIncludes(fault(entry(524288)), "not of that form");
});
