import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { harmlessEnv, makeTokens } from "../../../keeper/logins.ts";
import { Trouble } from "../../../keeper/protocol.ts";
import type { Account } from "../../../auth/types.ts";

const account = (login: string): Account => ({
  login,
  user: null,
  uid: 1000,
  gid: 1000,
  home: null,
  maildir: null,
});
const JOE = account("joe@example.org");

Deno.test("makeTokens: a token is good for its account, once", () => {
  const tokens = makeTokens(() => 0);
  const token = tokens.give(JOE);
  assertEquals(token.length, 64);
  assertNotEquals(tokens.give(JOE), token);
  assertEquals(tokens.take(token), JOE);
  assertThrows(() => tokens.take(token), Trouble);
});

Deno.test("makeTokens: a forged token is none", () => {
  const tokens = makeTokens(() => 0);
  const token = tokens.give(JOE);
  const forged = (token[0] === "0" ? "1" : "0") + token.slice(1);
  for (const word of ["", "0".repeat(64), forged, `${token} `, "__proto__"]) {
    assertThrows(() => tokens.take(word), Trouble);
  }
});

Deno.test("makeTokens: a token ends with its time", () => {
  let now = 0;
  const tokens = makeTokens(() => now, 10, 60);
  const kept = tokens.give(JOE);
  const late = tokens.give(JOE);
  now = 59_999;
  assertEquals(tokens.take(kept), JOE);
  now = 60_000;
  assertThrows(() => tokens.take(late), Trouble);
});

Deno.test("makeTokens: never more than its limit, the oldest go first", () => {
  const tokens = makeTokens(() => 0, 3);
  const given = ["a", "b", "c", "d"].map((login) => tokens.give(account(login)));
  assertEquals(tokens.size, 3);
  assertThrows(() => tokens.take(given[0]!), Trouble);
  assertEquals(given.slice(1).map((t) => tokens.take(t).login), ["b", "c", "d"]);
});

Deno.test("harmlessEnv: only what tcpserver tells, and only plain text", () => {
  const told = { TCPREMOTEIP: "192.0.2.7", TCPREMOTEHOST: "a.example", PROTO: "TCP" };
  const env = harmlessEnv({
    ...told,
    LD_PRELOAD: "/tmp/x.so",
    PATH: "/tmp",
    BASH_ENV: "/tmp/x",
    TCPREMOTEINFO: "() { :; }; id",
    TCPLOCALHOST: "a\nb",
    TCPLOCALIP: "x".repeat(256),
    XTCPREMOTEIP: "1",
  });
  assertEquals(env, told);
  assert(!("LD_PRELOAD" in env));
});
