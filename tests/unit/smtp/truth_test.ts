/**
 * The engine against the recorded dialogues of qmail-smtpd: reply classes, queued message and
 * envelope.
 */
import { assert, assertEquals } from "@std/assert";
import type { QueueOutcome } from "../../../queue/types.ts";
import { bytesOf } from "../../../smtp/text.ts";
import { createLookupService } from "../../../validate/lookup.ts";
import { ControlError, type SiteLookup } from "../../../validate/types.ts";
import { SMTP_DIFFERS } from "../../truth/smtp_differs.ts";
import { codesOf, type ControlTree, feed, type Queued, queueOf, rigOf } from "./kit.ts";

const TRUTH = new URL("../../../../shared/qmail-truth/", import.meta.url);

/** As qmail-smtpd is: no look-up, no bare LF. */
const QMAIL_SETTINGS = { validate: false, bare_lf: "reject" as const };

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
    return !Deno.statSync(TRUTH).isDirectory;
  } catch {
    return true;
  }
})();

function readLines<T>(name: string): readonly T[] {
  if (isAbsent) return [];
  const text = Deno.readTextFileSync(new URL(name, TRUTH)).trim();
  return text.split("\n").map((line) => JSON.parse(line) as T);
}

const CASE_LIST = readLines<TruthCase>("smtp/cases.jsonl");

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

/** Runs `work` on a site with these control files, asked through the real look-up. */
async function withSite<T>(
  tree: ControlTree,
  work: (lookup: SiteLookup) => Promise<T>,
): Promise<T> {
  const root = Deno.makeTempDirSync({ prefix: "qfront-smtp-" });
  try {
    const control = `${root}/var/qmail/control`;
    Deno.mkdirSync(control, { recursive: true });
    for (const [name, content] of Object.entries(tree)) {
      if (typeof content === "string") Deno.writeFileSync(`${control}/${name}`, bytesOf(content));
      else Deno.mkdirSync(`${control}/${name}`);
    }
    return await work(createLookupService({ root }));
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

/** Reply classes, and what the queue got, of one case run through the engine. */
function run(
  given: TruthCase,
  cuts: readonly number[] = [],
): Promise<{ classes: string; taken: readonly Queued[] }> {
  return withSite(given.control, async (lookup) => {
    const queue = queueOf({ outcome: outcomeOf(given.queue_behaviour) });
    const setup = { settings: QMAIL_SETTINGS, control: lookup.control, lookup, queue };
    try {
      const rig = rigOf(setup, given.env);
      await feed(rig.engine, given.stdin, cuts, given.hold_open ? "idle" : "eof");
      return { classes: classesOf(rig.output.said), taken: queue.taken };
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      return { classes: "4", taken: [] };
    }
  });
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
  name: "createSmtpEngine: every recorded dialogue goes the same way byte by byte",
  ignore: isAbsent,
  async fn() {
    for (const given of CASE_LIST) {
      if (given.stdin.length > 3000) continue;
      const byByte = Array.from(given.stdin, (_, i) => i);
      const [slow, fast] = [await run(given, byByte), await run(given)];
      assertEquals(slow.classes, fast.classes, given.id);
      // What was written of a message that was given up depends on when, and on nobody.
      assertEquals(slow.taken.map(shownOf), fast.taken.map(shownOf), given.id);
    }
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

interface RcptHostsFixture {
  readonly fixture: string;
  readonly me: string;
  readonly rcpthosts: string | null;
  readonly morercpthosts_cdb: string | null;
  readonly env: Readonly<Record<string, string>>;
}

interface RcptHostsCase {
  readonly id: string;
  readonly fixture: string;
  readonly address: string;
  readonly expect: { readonly reply: string; readonly session_continues: boolean };
}

/** The control files of a fixture. */
function treeOf(fixture: RcptHostsFixture): ControlTree {
  const { me, rcpthosts, morercpthosts_cdb } = fixture;
  return {
    me,
    ...(rcpthosts === null ? {} : { rcpthosts }),
    ...(morercpthosts_cdb === null ? {} : { "morercpthosts.cdb": morercpthosts_cdb }),
  };
}

/** Class of RCPT's reply, and whether the session goes on. */
async function askRcpt(
  lookup: SiteLookup,
  fixture: RcptHostsFixture,
  address: string,
): Promise<{ answer: string; continues: boolean }> {
  const setup = { settings: QMAIL_SETTINGS, control: lookup.control, lookup };
  const rig = rigOf(setup, fixture.env);
  await feed(rig.engine, `MAIL FROM:<a@b.example>\r\nRCPT TO:<${address}>\r\n`, [], null);
  const answer = classesOf(rig.output.said).slice(2);
  return { answer, continues: rig.engine.wants === "input" };
}

Deno.test({
  name: "takeRecipient: every recorded rcpthosts case gets qmail-smtpd's answer, but no open relay",
  ignore: isAbsent,
  async fn() {
    const faults: string[] = [];
    let relays = 0;
    const cases = readLines<RcptHostsCase>("rcpthosts/cases.jsonl");
    for (const fixture of readLines<RcptHostsFixture>("rcpthosts/fixtures.jsonl")) {
      await withSite(treeOf(fixture), async (lookup) => {
        for (const given of cases.filter((c) => c.fixture === fixture.fixture)) {
          const { answer, continues } = await askRcpt(lookup, fixture, given.address);
          const expected = given.expect.reply.charAt(0);
          // DIFFERS: without rcpthosts qmail-smtpd relays for everybody.
          const isRelay = fixture.rcpthosts === null && answer === "5" && expected === "2";
          if (isRelay) relays++;
          else if (answer !== expected || continues !== given.expect.session_continues) {
            faults.push(`${given.id} ${given.address}: ${answer}, qmail-smtpd ${expected}`);
          }
        }
      });
    }
    assertEquals(faults, []);
    assert(relays > 0);
  },
});
