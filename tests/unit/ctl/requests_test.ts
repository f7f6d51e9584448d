import { assertEquals, assertThrows } from "@std/assert";
import { answerRequest, networkText, readRequest, RequestError } from "../../../ctl/requests.ts";
import { desk, STATS } from "./kit.ts";

Deno.test("readRequest: what is understood, and what is not, in a sentence", () => {
  assertEquals(readRequest('{"ask":"stats"}'), { ask: "stats" });
  assertEquals(readRequest('{"ask":"kill","session":7}'), { ask: "kill", session: 7 });
  assertEquals(readRequest('{"ask":"ban","network":"192.0.2.9/24","reason":"x","seconds":null}'), {
    ask: "ban",
    network: "192.0.2.0/24",
    reason: "x",
    seconds: null,
  });
  const wrong = [
    ["stats", "one line of JSON"],
    ["7", "is an object"],
    ['{"ask":"dance"}', '"ask" is one of'],
    ['{"ask":"kill","session":-1}', '"session" must be a whole number'],
    ['{"ask":"lift","network":""}', '"network" must be a text'],
    ['{"ask":"lift","network":"example.org"}', "neither an address nor a network"],
  ] as const;
  for (const [line, sentence] of wrong) {
    assertThrows(() => readRequest(line), RequestError, sentence);
  }
});

Deno.test("networkText: one text for one network", () => {
  assertEquals(["192.0.2.9", "192.0.2.9/24", "2001:DB8::9/64"].map(networkText), [
    "192.0.2.9/32",
    "192.0.2.0/24",
    "2001:db8::/64",
  ]);
});

Deno.test("answerRequest: each request reaches the service, and what is not there is said", async () => {
  const told: string[] = [];
  const service = desk(told);
  assertEquals(await answerRequest(service, { ask: "shadow" }), {
    ok: true,
    result: STATS.checks,
  });
  assertEquals(await answerRequest(service, { ask: "kill", session: 8 }), {
    ok: false,
    error: "There is no session 8",
  });
  assertEquals(await answerRequest(service, { ask: "lift", network: "10.0.0.0/8" }), {
    ok: false,
    error: "There is no ban of 10.0.0.0/8",
  });
  await answerRequest(service, { ask: "reload" });
  await answerRequest(service, { ask: "ban", network: "10.0.0.0/8", reason: "x", seconds: 5 });
  assertEquals(told, ["reload", "ban 10.0.0.0/8 x 5"]);
});
