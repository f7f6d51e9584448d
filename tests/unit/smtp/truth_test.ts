/** The engine against the recorded dialogues of qmail-smtpd: reply classes, queued message and envelope. */
import { assert, assertEquals } from "@std/assert";
import type { QueueOutcome } from "../../../queue/types.ts";
import { ControlError } from "../../../validate/types.ts";
import { SMTP_DIFFERS } from "../../truth/smtp_differs.ts";
import {
  codesOf,
  controlOf,
  type ControlTree,
  feed,
  lookupOf,
  type Queued,
  queueOf,
  rigOf,
  type Setup,
} from "./kit.ts";

const CASES = new URL("../../../../shared/qmail-truth/smtp/cases.jsonl", import.meta.url);

interface TruthCase {
  readonly id: string;
  readonly name: string;
  readonly control: ControlTree;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly hold_open: boolean;
  readonly queue_behaviour: {
    readonly exit?: number;
    readonly error_text?: string | null;
    readonly mode?: string;
  };
  readonly expect: {
    readonly stdout: string;
    readonly exit: number;
    readonly queue: readonly {
      readonly complete: boolean;
      readonly message?: string;
      readonly envelope?: string;
    }[];
  };
}

const isAbsent = ((): boolean => {
  try {
    return !Deno.statSync(CASES).isFile;
  } catch {
    return true;
  }
})();

const CASE_LIST: readonly TruthCase[] = isAbsent
  ? []
  : Deno.readTextFileSync(CASES).trim().split("\n").map((line) => JSON.parse(line) as TruthCase);

/** What qmail-smtpd makes of the end of qmail-queue, as far as the reply's class goes. */
function outcomeOf(behaviour: TruthCase["queue_behaviour"]): QueueOutcome {
  const deferred: QueueOutcome = { kind: "deferred", code: "4.3.0", reason: "queue trouble" };
  const refused: QueueOutcome = { kind: "refused", code: "5.3.0", reason: "queue refused" };
  const [mode, value] = (behaviour.mode ?? "").split(":");
  if (mode === "signal") return deferred;
  const exit = mode === "early" ? Number(value) : behaviour.exit ?? 0;
  const text = behaviour.error_text ?? "";
  if (exit === 0) return { kind: "queued", id: "qp 1234" };
  if (exit === 82 && text.length > 2) return text.startsWith("D") ? refused : deferred;
  return exit >= 11 && exit <= 40 ? refused : deferred;
}

/** What the look-up says of locals and rcpthosts on such a site. */
function lookupFor(control: ControlTree) {
  const files = controlOf(control);
  const me = files.line("me");
  const rcptHosts = files.lines("rcpthosts");
  return lookupOf({
    locals: files.lines("locals") ?? (me === null ? [] : [me.toLowerCase()]),
    rcptHosts: rcptHosts === null ? null : rcptHosts.map((host) => host.toLowerCase()),
  });
}

/** Reply classes, and what the queue got, of one case run through the engine. */
async function run(given: TruthCase): Promise<{ classes: string; taken: readonly Queued[] }> {
  const queue = queueOf({ outcome: outcomeOf(given.queue_behaviour) });
  const setup: Setup = {
    settings: { validate: false, bare_lf: "reject" },
    control: given.control,
    env: given.env,
    lookup: lookupFor(given.control),
    queue,
  };
  try {
    const rig = rigOf(setup, given.env);
    await feed(rig.engine, given.stdin, [], given.hold_open ? "idle" : "eof");
    return { classes: classesOf(rig.output.said), taken: queue.taken };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return { classes: "4", taken: [] };
  }
}

const classesOf = (said: string): string => codesOf(said).map((code) => code.charAt(0)).join("");

/** A queued message without its Received line, and its envelope as qmail-queue reads it. */
function shownOf(taken: Queued): string {
  if (!taken.complete) return "incomplete";
  const { sender, recipients } = taken.envelope;
  const envelope = `F${sender}\0${recipients.map((r) => `T${r}\0`).join("")}\0`;
  return JSON.stringify([withoutReceived(taken.message), envelope]);
}

function withoutReceived(message: string): string {
  assert(message.startsWith("Received: from "), "A queued message begins with its Received line");
  return message.slice(message.indexOf("\n", message.indexOf("\n") + 1) + 1);
}

/** Null: as qmail. Otherwise what is not. */
async function differenceOf(given: TruthCase): Promise<string | null> {
  const { classes, taken } = await run(given);
  const expected = classesOf(given.expect.stdout);
  if (classes !== expected) return `replies ${classes}, qmail-smtpd ${expected}`;
  const got = taken.map(shownOf);
  const wanted = given.expect.queue.map((q) =>
    q.complete ? JSON.stringify([withoutReceived(q.message ?? ""), q.envelope]) : "incomplete"
  );
  if (JSON.stringify(got) === JSON.stringify(wanted)) return null;
  return `queue got ${got.join(" ").slice(0, 300)}, qmail-queue ${wanted.join(" ").slice(0, 300)}`;
}

Deno.test({
  name:
    "createSmtpEngine: every recorded dialogue gets qmail-smtpd's reply classes and queue bytes",
  ignore: isAbsent,
  async fn() {
    const faults: string[] = [];
    for (const given of CASE_LIST) {
      const difference = await differenceOf(given);
      const reason = SMTP_DIFFERS[given.id];
      if (difference !== null && reason === undefined) {
        faults.push(`${given.id} ${given.name}: ${difference}`);
      }
      if (difference === null && reason !== undefined) {
        faults.push(`${given.id} ${given.name}: listed as different, but is not`);
      }
    }
    assertEquals(faults, []);
  },
});

Deno.test({
  name: "createSmtpEngine: the Received line is qmail-smtpd's but for the protocol word",
  ignore: isAbsent,
  async fn() {
    const faults: string[] = [];
    for (const given of CASE_LIST) {
      if (SMTP_DIFFERS[given.id] !== undefined) continue;
      const { taken } = await run(given);
      given.expect.queue.forEach((wanted, i) => {
        const message = taken[i]?.message ?? "";
        if (!wanted.complete || wanted.message === undefined) return;
        const received = (text: string): string => text.split("\n", 2).join("\n");
        const got = received(message)
          .replace(/ with E?SMTP; /, " with SMTP; ")
          .replace("20 Nov 2026 13:27:48 -0000", "@DATE@");
        if (got !== received(wanted.message)) faults.push(`${given.id}: ${got}`);
      });
    }
    assertEquals(faults, []);
  },
});
