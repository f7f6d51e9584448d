import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openQmailQueue, type QmailQueueOptions } from "../../../queue/qmail_queue.ts";
import type { Program, StartProgram } from "../../../queue/program.ts";
import { startBySpawn } from "../../../queue/spawn_ffi.ts";
import { startByShell } from "../../../queue/spawn_shell.ts";
import { assertKind, deliver, inTempDir, keepTrace, names, reasonOf, standIn } from "./kit.ts";
import type { Queue, QueueOutcome } from "../../../queue/types.ts";

const bySpawn: StartProgram = (path, env, directory) => {
  const started = startBySpawn(path, env, directory);
  if (started === null) throw new Error("posix_spawn is out of reach here");
  return started;
};
const WAYS = [["posix_spawn", bySpawn], ["shell", startByShell]] as const;

function queueOf(program: string, more: Partial<QmailQueueOptions> = {}): Queue {
  return openQmailQueue({
    program,
    directory: "/",
    env: { PATH: Deno.env.get("PATH") ?? "/bin:/usr/bin" },
    timeoutSeconds: 20,
    maxPrograms: 4,
    trace: keepTrace(),
    ...more,
  });
}

/** Records message and envelope beside itself. */
const RECORD = 'd=${0%/*}; cat > "$d/message"; cat <&1 > "$d/envelope"';

const read = (path: string): string => new TextDecoder("latin1").decode(Deno.readFileSync(path));

for (const [way, start] of WAYS) {
  Deno.test(`qmail_queue (${way}): message and envelope arrive byte for byte; the id is the pid`, () =>
    inTempDir(async (dir) => {
      const program = standIn(dir, `${RECORD}; echo $$ > "$d/pid"`);
      const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i % 256);
      const queue = queueOf(program, { start });
      const outcome = await deliver(queue, ["a@x", 'b"\xe9@y'], bytes, "");
      assertEquals(outcome, { kind: "queued", id: `qp ${read(`${dir}/pid`).trim()}` });
      assertEquals(Deno.readFileSync(`${dir}/message`), bytes);
      assertEquals(
        Deno.readFileSync(`${dir}/envelope`),
        Uint8Array.from('F\0Ta@x\0Tb"\xe9@y\0\0', (c) => c.charCodeAt(0)),
      );
      assertEquals(queue.inHand, 0);
    }));

  Deno.test(`qmail_queue (${way}): exit codes mean what qmail-smtpd makes of them`, () =>
    inTempDir(async (dir) => {
      for (
        const [code, kind, enhanced] of [
          [11, "refused", "5.1.3"],
          [12, "refused", "5.3.0"],
          [31, "refused", "5.3.0"],
          [40, "refused", "5.3.0"],
          [115, "refused", "5.1.3"],
          [1, "deferred", "4.3.0"],
          [10, "deferred", "4.3.0"],
          [41, "deferred", "4.3.0"],
          [51, "deferred", "4.3.0"],
          [53, "deferred", "4.3.0"],
          [66, "deferred", "4.3.0"],
          [72, "deferred", "4.4.1"],
          [74, "deferred", "4.4.2"],
          [81, "deferred", "4.3.0"],
          [82, "deferred", "4.3.0"],
          [91, "deferred", "4.3.0"],
          [111, "deferred", "4.3.0"],
          [255, "deferred", "4.3.0"],
        ] as const
      ) {
        const program = standIn(dir, `cat >/dev/null; cat <&1 >/dev/null; exit ${code}`);
        const outcome = await deliver(queueOf(program, { start }), ["a@x"], "x\n");
        assertEquals(
          [outcome.kind, outcome.kind !== "queued" && outcome.code],
          [kind, enhanced],
          `exit ${code}`,
        );
      }
    }));

  Deno.test(`qmail_queue (${way}): exit 82 speaks by fd 6`, () =>
    inTempDir(async (dir) => {
      for (
        const [words, expected] of [
          ["Dspam, says the filter (#5.7.1)", {
            kind: "refused",
            code: "5.7.1",
            reason: "spam, says the filter",
            isPublic: true,
          }],
          ["Zlater (#4.7.0)", { kind: "deferred", code: "4.7.0", reason: "later", isPublic: true }],
          ["Dwhy (#4.7.0)", { kind: "refused", code: "5.3.0", reason: "why", isPublic: true }],
          ["no prefix text", {
            kind: "deferred",
            code: "4.3.0",
            reason: "o prefix text",
            isPublic: true,
          }],
        ] as [string, QueueOutcome][]
      ) {
        const program = standIn(
          dir,
          `cat >/dev/null; cat <&1 >/dev/null; printf '%s' '${words}' >&6; exit 82`,
        );
        assertEquals(await deliver(queueOf(program, { start }), ["a@x"], "x\n"), expected);
      }
      const twoLines = standIn(dir, "printf 'Da\\r\\n250 b' >&6; exit 82");
      assertEquals(
        reasonOf(await deliver(queueOf(twoLines, { start }), ["a@x"], "x\n")),
        "a 250 b",
      );
      const short = standIn(dir, "printf Dx >&6; exit 82");
      assertKind(await deliver(queueOf(short, { start }), ["a@x"], "x\n"), "deferred");
    }));

  Deno.test(`qmail_queue (${way}): a program starts in the qmail directory`, () =>
    inTempDir(async (dir) => {
      const program = standIn(dir, `${RECORD}; pwd > "$d/pwd"`);
      assertKind(
        await deliver(queueOf(program, { start, directory: dir }), ["a@x"], "x\n"),
        "queued",
      );
      assertEquals(read(`${dir}/pwd`).trim(), Deno.realPathSync(dir));
      const elsewhere = queueOf(program, { start, directory: `${dir}/gone` });
      assertKind(await deliver(elsewhere, ["a@x"], "x\n"), "queued");
    }));

  Deno.test(`qmail_queue (${way}): death by signal is temporary and named`, () =>
    inTempDir(async (dir) => {
      const program = standIn(dir, "kill -9 $$");
      const outcome = await deliver(queueOf(program, { start }), ["a@x"], "x\n");
      assertKind(outcome, "deferred");
      assertStringIncludes(reasonOf(outcome), "signal 9");
    }));

  Deno.test(`qmail_queue (${way}): a program that is missing or may not run is temporary`, () =>
    inTempDir(async (dir) => {
      assertKind(await deliver(queueOf(`${dir}/gone`, { start }), ["a@x"], "x\n"), "deferred");
      Deno.writeTextFileSync(`${dir}/plain`, "", { mode: 0o644 });
      assertKind(await deliver(queueOf(`${dir}/plain`, { start }), ["a@x"], "x\n"), "deferred");
    }));

  Deno.test(`qmail_queue (${way}): a program that ends early decides by its exit code; 0 without reading all is not queued`, () =>
    inTempDir(async (dir) => {
      const refuses = standIn(dir, "exit 31");
      const long = new Uint8Array(3_000_000);
      assertKind(await deliver(queueOf(refuses, { start }), ["a@x"], long), "refused");
      const lies = standIn(dir, "exit 0");
      assertKind(await deliver(queueOf(lies, { start }), ["a@x"], long), "deferred");
    }));

  Deno.test(`qmail_queue (${way}): a program that hangs is killed with all it started`, () =>
    inTempDir(async (dir) => {
      const program = standIn(dir, "sleep 1000 & sleep 1000");
      const queue = queueOf(program, { start, timeoutSeconds: 0.3 });
      const outcome = await deliver(queue, ["a@x"], new Uint8Array(300_000));
      assertKind(outcome, "deferred");
      assertMatch(reasonOf(outcome), /longer than 0.3 seconds/);
      await queue.idle();
    }));

  Deno.test(`qmail_queue (${way}): the envelope begins only after the complete message`, () =>
    inTempDir(async (dir) => {
      const program = standIn(dir, RECORD);
      const queue = queueOf(program, { start });
      for (const size of [10, 200_000]) {
        const delivery = await queue.open(1, { sender: "s@x", recipients: ["a@x"] });
        await delivery.write(new Uint8Array(size));
        await delivery.abort();
        const seen = names(dir).includes("envelope") ? read(`${dir}/envelope`) : "";
        assertEquals(seen, "", `${size} bytes`);
      }
      assertEquals(queue.inHand, 0);
    }));

  Deno.test(`qmail_queue (${way}): 100,000 recipients`, () =>
    inTempDir(async (dir) => {
      const recipients = Array.from({ length: 100_000 }, (_, i) => `user${i}@example.com`);
      const queue = queueOf(standIn(dir, RECORD), { start });
      assertKind(await deliver(queue, recipients, "x\n", "s@x"), "queued");
      const envelope = `Fs@x\0${recipients.map((r) => `T${r}\0`).join("")}\0`;
      assert(read(`${dir}/envelope`) === envelope, "the envelope differs");
    }));

  Deno.test(`qmail_queue (${way}): a slow program slows the writer`, () =>
    inTempDir(async (dir) => {
      const program = standIn(
        dir,
        `d=\${0%/*}; while [ ! -e "$d/go" ]; do sleep 0.01; done; ${RECORD}`,
      );
      const queue = queueOf(program, { start });
      const delivery = await queue.open(1, { sender: "s@x", recipients: ["a@x"] });
      const chunk = new Uint8Array(65536);
      let taken = 0;
      let stuck: Promise<void> | null = null;
      while (stuck === null && taken < 100) {
        const wait = delivery.write(chunk);
        taken++;
        if (!(wait instanceof Promise)) continue;
        const waited = await Promise.race([
          wait.then(() => true),
          new Promise<boolean>((r) => setTimeout(() => r(false), 200)),
        ]);
        if (!waited) stuck = wait;
      }
      assert(
        stuck !== null && taken < 20,
        `${taken} chunks were taken by a program that reads nothing`,
      );
      Deno.writeTextFileSync(`${dir}/go`, "");
      await stuck;
      assertKind(await delivery.commit(), "queued");
      assertEquals(Deno.statSync(`${dir}/message`).size, taken * 65536);
    }));

  Deno.test(`qmail_queue (${way}): the child has SIGPIPE as usual and no descriptors but its own`, () =>
    inTempDir(async (dir) => {
      const script =
        `${RECORD}; ls /proc/$$/fd > "$d/fds"; grep SigIgn /proc/$$/status > "$d/ignored"`;
      assertKind(await deliver(queueOf(standIn(dir, script), { start }), ["a@x"], "x\n"), "queued");
      const open = read(`${dir}/fds`).trim().split("\n").map(Number).filter((fd) =>
        fd < 10 && fd > 2
      );
      assertEquals(open.filter((fd) => fd !== 6 && (way !== "shell" || fd > 5)), []);
      if (way === "posix_spawn") {
        const ignored = BigInt(`0x${read(`${dir}/ignored`).split(/\s+/)[1]}`);
        assertEquals(ignored & (1n << 12n), 0n, "SIGPIPE is ignored");
      }
    }));
}

Deno.test("qmail_queue: never more programs than allowed, and each waits its turn", () =>
  inTempDir(async (dir) => {
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const start: StartProgram = async (path, env, directory) => {
      most = Math.max(most, ++running);
      const program: Program = await bySpawn(path, env, directory);
      order.push(env["N"] ?? "");
      return { ...program, ended: program.ended.then((end) => (running--, end)) };
    };
    const queue = queueOf(standIn(dir, "cat >/dev/null; cat <&1 >/dev/null"), {
      start,
      maxPrograms: 2,
    });
    const outcomes = await Promise.all(Array.from({ length: 9 }, async (_, i) => {
      const delivery = await queue.open(1, { sender: "", recipients: ["a@x"] }, { N: String(i) });
      return await delivery.commit();
    }));
    for (const outcome of outcomes) assertKind(outcome, "queued");
    assertEquals(most, 2);
    assertEquals([...order].sort(), Array.from({ length: 9 }, (_, i) => String(i)));
  }));

Deno.test("qmail_queue: a message that finds no free place in time is deferred", () =>
  inTempDir(async (dir) => {
    const program = standIn(
      dir,
      `while [ ! -e "\${0%/*}/go" ]; do sleep 0.01; done; cat >/dev/null`,
    );
    const queue = queueOf(program, { maxPrograms: 1, timeoutSeconds: 0.5 });
    const holding = deliver(queue, ["a@x"], "x\n");
    const waiting = await deliver(queue, ["a@x"], "x\n");
    assertKind(waiting, "deferred");
    assertMatch(reasonOf(waiting), /busy|longer/);
    Deno.writeTextFileSync(`${dir}/go`, "");
    await holding;
  }));

Deno.test("qmail_queue: a session's environment reaches the program, and its QMAILQUEUE decides", () =>
  inTempDir(async (dir) => {
    const program = standIn(dir, `${RECORD}; printf %s "$TCPREMOTEIP" > "$d/ip"`);
    const queue = queueOf("/nonexistent", { directory: dir });
    for (const named of [program, "qmail-queue"]) {
      const env = { TCPREMOTEIP: "192.0.2.7", QMAILQUEUE: named };
      const delivery = await queue.open(1, { sender: "", recipients: ["a@x"] }, env);
      assertKind(await delivery.commit(), "queued");
      assertEquals(read(`${dir}/ip`), "192.0.2.7");
    }
  }));

Deno.test("qmail_queue: a long message from a slow client holds no program while others run", () =>
  inTempDir(async (dir) => {
    const program = standIn(dir, RECORD);
    const queue = queueOf(program, { maxPrograms: 2 });
    const slow = await queue.open(1, { sender: "s@x", recipients: ["a@x"] });
    await slow.write(new Uint8Array(100_000).fill(65));
    const spooled = await queue.open(1, { sender: "s@x", recipients: ["b@x"] });
    for (let i = 0; i < 3; i++) await spooled.write(new Uint8Array(100_000).fill(66 + i));
    assertKind(await deliver(queue, ["c@x"], "x\n"), "queued");
    assertKind(await spooled.commit(), "queued");
    const text = ["B", "C", "D"].map((c) => c.repeat(100_000)).join("");
    assert(read(`${dir}/message`) === text, "the spooled message differs");
    assertEquals(read(`${dir}/envelope`), "Fs@x\0Tb@x\0\0");
    assertKind(await slow.commit(), "queued");
    assertEquals(read(`${dir}/envelope`), "Fs@x\0Ta@x\0\0");
  }));

Deno.test("qmail_queue: the time limit is the program's, not the client's", () =>
  inTempDir(async (dir) => {
    const queue = queueOf(standIn(dir, RECORD), { timeoutSeconds: 0.4 });
    const delivery = await queue.open(1, { sender: "", recipients: ["a@x"] });
    await delivery.write(new Uint8Array(100_000));
    await new Promise((resolve) => setTimeout(resolve, 600));
    await delivery.write(new Uint8Array(100_000));
    assertKind(await delivery.commit(), "queued");
  }));
