/** Packages and requests with bytes changed, dropped and repeated: whatever comes, cuts change nothing. */
import { assertEquals } from "@std/assert";
import type { Grammar } from "../../../qmtp/reading.ts";
import { packageOf, requestOf, talk } from "./kit.ts";

const JOE = "joe@example.com";
const FAR = "x@elsewhere.example";
const INPUTS: Readonly<Record<Grammar, string>> = {
  qmtp: packageOf("\rA: b\r\n\r\nx\r\r\n", "s@b.example", [JOE, FAR]) +
    packageOf("\nlast\n", "", ["later@example.com", JOE]),
  qmqp: requestOf("A: b\n\nx\n", "s@b.example", [JOE, "jane@example.com"]),
};

/** Numbers below `n`, the same in every run. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * n);
  };
}

function mutate(input: string, below: (n: number) => number): string {
  let text = input;
  for (let i = below(3); i >= 0; i--) {
    const at = below(text.length);
    const end = at + below(4);
    const put = ["", "0", "9", ":", ",", "\r", "\n", "\0", text.slice(at, end).repeat(2)][below(9)];
    text = text.slice(0, at) + put + text.slice(end);
  }
  return text;
}

for (const grammar of ["qmtp", "qmqp"] as const) {
  Deno.test(`${grammar}: 400 damaged inputs are the same whole, byte by byte and cut at random`, async () => {
    const below = numbers(20261120);
    const setup = { grammar, settings: { on_invalid_rcpt: "reject", databytes: 20 } } as const;
    let queued = 0;
    for (let i = 0; i < 400; i++) {
      const input = mutate(INPUTS[grammar], below);
      const outcome = async (cuts: readonly number[]) => {
        const did = await talk(input, setup, cuts);
        assertEquals(did.engine.wants, "close");
        assertEquals(did.engine.busy, false);
        return { answers: did.answers, queued: did.queued };
      };
      const whole = await outcome([]);
      queued += whole.queued.length;
      const some = [...input].map((_, at) => at).filter(() => below(5) === 0);
      assertEquals(await outcome([...input].map((_, at) => at)), whole, JSON.stringify(input));
      assertEquals(await outcome(some), whole, JSON.stringify(input));
    }
    // Damage is not all there is: some of it leaves a message whole.
    assertEquals(queued > 20 && queued < 800, true, `${queued} queued`);
  });
}
