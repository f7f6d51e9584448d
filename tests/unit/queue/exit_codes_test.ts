import { assertEquals } from "@std/assert";
import { outcomeOfEnd } from "../../../queue/exit_codes.ts";

const CASES = new URL("../../../../shared/qmail-truth/smtp/cases.jsonl", import.meta.url);

interface Case {
  readonly id: string;
  readonly queue_behaviour: {
    readonly exit?: number;
    readonly error_text?: string | null;
    readonly mode?: string;
  };
  readonly expect: {
    readonly stdout: string;
    readonly queue: readonly { readonly complete?: boolean }[];
  };
}

function recordedCases(): Case[] {
  try {
    return Deno.readTextFileSync(CASES).trim().split("\n").map((line) => JSON.parse(line) as Case);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const cases = recordedCases();

Deno.test({
  name:
    "outcomeOfEnd: every recorded exit of qmail-queue gives qmail-smtpd's class of reply and status code",
  ignore: cases.length === 0,
  fn: () => {
    let compared = 0;
    for (const { id, queue_behaviour: queue, expect } of cases) {
      // The last program whose message was complete decides the last reply after 354.
      if (!expect.queue.at(-1)?.complete) continue;
      const replies = expect.stdout.slice(expect.stdout.lastIndexOf("354 ")).split("\r\n");
      const reply = replies[1] ?? "";
      const signal = /^signal:(\d+)$/.exec(queue.mode ?? "");
      const early = /^early:(\d+)$/.exec(queue.mode ?? "");
      const end = signal === null
        ? { code: Number(early?.[1] ?? queue.exit ?? 0), signal: null }
        : { code: null, signal: Number(signal[1]) };
      const outcome = outcomeOfEnd(end, queue.error_text ?? "", "qp 1");
      const kinds = { queued: "2", deferred: "4", refused: "5" } as const;
      assertEquals(kinds[outcome.kind], reply[0], `${id}: ${reply}`);
      const code = /\(#([\d.]+)\)/.exec(reply)?.[1];
      if (outcome.kind !== "queued" && code !== undefined) {
        assertEquals(outcome.code, code, `${id}: ${reply}`);
      }
      compared++;
    }
    if (compared < 30) throw new Error(`only ${compared} cases were compared`);
  },
});

Deno.test("outcomeOfEnd: own words are bounded, on one line, and count only with exit 82", () => {
  const long = outcomeOfEnd({ code: 82, signal: null }, `D${"e".repeat(900)}`, "");
  assertEquals(long.kind === "refused" && long.reason.length <= 400, true);
  assertEquals(outcomeOfEnd({ code: 0, signal: null }, "Dno", "qp 1"), {
    kind: "queued",
    id: "qp 1",
  });
  assertEquals(outcomeOfEnd({ code: 53, signal: null }, "Dno", "").kind, "deferred");
  assertEquals(outcomeOfEnd({ code: null, signal: null }, "", "").kind, "deferred");
});
