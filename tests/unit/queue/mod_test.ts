import { assertEquals } from "@std/assert";
import { chooseQueue, openQueue, type QueueOptions } from "../../../queue/mod.ts";
import { routeBy, type RouteSource } from "../../../queue/route.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import type { Instruction, LookupResult } from "../../../validate/types.ts";
import { assertKind, deliver, inTempDir, maildirTo, mails, makeMaildir, standIn } from "./kit.ts";

function siteWith(
  result: Partial<LookupResult>,
  instructions: readonly Instruction[],
  maildirs: readonly string[],
  trouble: string | null = null,
): RouteSource {
  return {
    lookup: (address) => ({
      address,
      route: "virtual",
      rewritten: `pre-${address}`,
      verdict: "deliverable",
      reason: "because",
      uid: 1001,
      gid: 1002,
      ...result,
    }),
    readInstructions: () => ({
      trouble,
      instructions,
      withoutPrograms: true,
      forwardSender: (sender) => sender,
    }),
    maildirsOf: () => ({ home: "/home/joe", maildirs }),
  };
}

function options(dir: string, more: Partial<QueueOptions> = {}): QueueOptions {
  return {
    settings: { ...defaultSettings(), deliver_as: "self" },
    qmailDir: dir,
    env: {},
    site: siteWith({}, [maildirTo("./Maildir/")], [`${dir}/joe`]),
    controlLines: () => null,
    trace: NO_TRACE,
    host: "mx",
    ...more,
  };
}

Deno.test("chooseQueue: auto takes QMAILQUEUE, then bin/qmail-queue, then maildir; a setting decides", () =>
  inTempDir((dir) => {
    assertEquals(chooseQueue(options(dir)), "maildir");
    assertEquals(chooseQueue(options(dir, { env: { QMAILQUEUE: "bin/x" } })), "qmail-queue");
    Deno.mkdirSync(`${dir}/bin`);
    standIn(`${dir}/bin`, "exit 0");
    assertEquals(chooseQueue(options(dir)), "qmail-queue");
    const settings = { ...defaultSettings(), queue: "maildir" } as const;
    assertEquals(chooseQueue(options(dir, { settings })), "maildir");
  }));

Deno.test("openQueue: the queue that was chosen takes a message", () =>
  inTempDir(async (dir) => {
    makeMaildir(`${dir}/joe`);
    const maildir = openQueue(options(dir));
    assertEquals(maildir.name, "maildir");
    assertEquals(await maildir.canDeliver?.("a@x"), null);
    assertKind(await deliver(maildir, ["a@x"], "x\n", ""), "queued");
    assertEquals(mails(`${dir}/joe`), ["Return-Path: <>\nDelivered-To: pre-a@x\nx\n"]);
    standIn(dir, "exit 31");
    const program = openQueue(options(dir, { env: { QMAILQUEUE: "qmail-queue" } }));
    assertEquals(program.name, "qmail-queue");
    assertKind(await deliver(program, ["a@x"], "x\n"), "refused");
    const settings = { ...defaultSettings(), queue: "qmqp" } as const;
    const qmqp = openQueue(options(dir, { settings }));
    assertEquals(qmqp.name, "qmqp");
    assertKind(await deliver(qmqp, ["a@x"], "x\n"), "deferred");
  }));

Deno.test("routeBy: places, owner, and outcomes of the look-up", async () => {
  const lines = [maildirTo("./Maildir/"), { kind: "forward", text: "b@x", where: "" } as const];
  const route = await routeBy(siteWith({}, lines, ["/root/home/joe/Maildir"]), () => true)("a@x");
  assertEquals(route.instructions.map((i) => i.text), ["/root/home/joe/Maildir", "b@x"]);
  assertEquals([route.outcome, route.owner, route.rewritten], [
    "deliver",
    { uid: 1001, gid: 1002 },
    "pre-a@x",
  ]);
  assertEquals((await routeBy(siteWith({}, lines, ["/m"]), () => false)("a@x")).owner, null);
  for (
    const [verdict, outcome] of [
      ["discarded", "discard"],
      ["remote", "remote"],
      ["no-mailbox", "undeliverable"],
      ["bounced", "undeliverable"],
      ["deferred", "undecided"],
    ] as const
  ) {
    assertEquals(
      (await routeBy(siteWith({ verdict }, [], []), () => false)("a@x")).outcome,
      outcome,
    );
  }
  const troubled = await routeBy(siteWith({}, [], [], "The file is locked"), () => false)("a@x");
  assertEquals([troubled.outcome, troubled.reason], ["undecided", "The file is locked"]);
  const changed = await routeBy(siteWith({}, lines, []), () => false)("a@x");
  assertEquals(changed.outcome, "undecided");
});
