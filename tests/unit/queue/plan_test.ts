import { assertEquals, assertStringIncludes } from "@std/assert";
import { canDeliver, type LocalRoute, planDelivery } from "../../../queue/plan.ts";
import { forwardTo, maildirTo, route } from "./kit.ts";

/** A plan that is known at once. */
function plan(recipients: string[], routes: Record<string, LocalRoute>, sender = "s@x") {
  const found = planDelivery({ sender, recipients }, (address) => {
    const known = routes[address];
    if (known === undefined) throw new Error(`no route for ${address}`);
    return known;
  });
  if (found instanceof Promise) throw new Error("the plan should be known at once");
  return found;
}

Deno.test("planDelivery: relative Maildirs start at home, absolute ones don't", () => {
  const instructions = [maildirTo("./Maildir/"), maildirTo("././b//"), maildirTo("/var/mail/c/")];
  const { targets } = plan(["joe@h"], { "joe@h": route("/home/joe", instructions) });
  assertEquals(targets.map((t) => t.maildir), [
    "/home/joe/Maildir",
    "/home/joe/b",
    "/var/mail/c",
  ]);
});

Deno.test("planDelivery: programs and mboxes defer with the line that needs qmail-queue", () => {
  for (const kind of ["program", "mbox"] as const) {
    const instruction = { kind, text: "vacation joe", where: "line 2 of /home/joe/.qmail" };
    const { trouble } = plan(["joe@h"], { "joe@h": route("/h", [maildirTo("./a/"), instruction]) });
    assertEquals(trouble?.kind, "deferred");
    assertStringIncludes(trouble?.reason ?? "", "line 2 of /home/joe/.qmail");
    assertStringIncludes(trouble?.reason ?? "", "qmail-queue");
  }
});

Deno.test("planDelivery: a remote forward defers and names the address", () => {
  const { trouble } = plan(["joe@h"], {
    "joe@h": route("/h", [forwardTo("a@far.example")]),
    "a@far.example": route("/", [], { outcome: "remote" }),
  });
  assertEquals(trouble?.kind, "deferred");
  assertStringIncludes(trouble?.reason ?? "", "a@far.example");
});

Deno.test("planDelivery: a circle of forwards is deferred, at whatever length", () => {
  const ring: Record<string, LocalRoute> = {};
  for (let i = 0; i < 5; i++) {
    ring[`a${i}@h`] = route("/h", [forwardTo(`a${(i + 1) % 5}@h`)], { rewritten: `a${i}@h` });
  }
  const { trouble } = plan(["a0@h"], ring);
  assertEquals(trouble?.kind === "deferred" && trouble.code, "4.4.6");
});

Deno.test("planDelivery: forwards that double at each step end", () => {
  const tree: Record<string, LocalRoute> = { "b40@h": route("/h", [maildirTo("./m/")]) };
  for (let i = 0; i < 40; i++) {
    const next = forwardTo(`b${i + 1}@h`);
    tree[`b${i}@h`] = route("/h", [next, next], { rewritten: `b${i}@h` });
  }
  assertEquals(plan(["b0@h"], tree).trouble?.kind, "deferred");
});

Deno.test("planDelivery: outcomes of the look-up, of a recipient and of a forward", () => {
  for (
    const [outcome, direct, forwarded] of [
      ["discard", null, null],
      ["undecided", "deferred", "deferred"],
      ["undeliverable", "refused", "deferred"],
      ["remote", "deferred", "deferred"],
    ] as const
  ) {
    const end = route("/", [], { outcome, reason: "because" });
    assertEquals(plan(["x@h"], { "x@h": end }).trouble?.kind ?? null, direct, outcome);
    const via = { "y@h": route("/", [forwardTo("x@h")], { rewritten: "y@h" }), "x@h": end };
    assertEquals(plan(["y@h"], via).trouble?.kind ?? null, forwarded, outcome);
  }
});

Deno.test("planDelivery: a sender that ends with -@[] names each recipient", () => {
  const routes = { "bob@there": route("/h", [maildirTo("./m/")]) };
  const { targets } = plan(["bob@there"], routes, "list-owner-@host-@[]");
  assertEquals(targets[0]?.sender, "list-owner-bob=there@host");
});

Deno.test("planDelivery: 100,000 recipients of one Maildir are planned in one copy", () => {
  const recipients = Array.from({ length: 100_000 }, (_, i) => `u${i}@h`);
  const found = planDelivery(
    { sender: "", recipients },
    (address) => route("/h", [maildirTo("./m/")], { rewritten: address }),
  );
  assertEquals(found instanceof Promise ? 0 : found.targets.length, 1);
});

Deno.test("canDeliver: null where only Maildirs are named, else the sentence", async () => {
  assertEquals(canDeliver("a@h", () => route("/h", [maildirTo("./m/")])), null);
  const reason = await canDeliver(
    "a@h",
    () => Promise.resolve(route("/h", [{ kind: "mbox", text: "./Mailbox", where: "line 1" }])),
  );
  assertStringIncludes(reason ?? "", "line 1");
});
