/** RCPT: who is asked in which order, and what the client hears. */
import { assert, assertEquals } from "@std/assert";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { lookupOf, type LookupOptions, type Setup, talk } from "./kit.ts";

const rcpts = (...addresses: readonly string[]): string =>
  "EHLO h\r\nMAIL FROM:<a@b.example>\r\n" +
  addresses.map((address) => `RCPT TO:<${address}>\r\n`).join("");

const KNOWN: LookupOptions = { known: ["joe@example.com"], undecided: ["sue@example.com"] };

/** The replies from the first RCPT on. */
async function answers(input: string, lookup: LookupOptions, setup: Setup = {}): Promise<string> {
  const { codes } = await talk(input, { lookup: lookupOf(lookup), ...setup });
  return codes.slice(3).join(" ");
}

Deno.test("takeRecipient: an unknown recipient ends the session, nothing behind it is judged", async () => {
  const asked: string[] = [];
  const input = rcpts("joe@example.com", "nobody@example.com", "joe@example.com") +
    "DATA\r\nx\r\n.\r\nQUIT\r\n";
  const { said, codes, queue, engine } = await talk(input, {
    lookup: lookupOf({ ...KNOWN, asked }),
  });
  assertEquals(codes.slice(3), ["250", "550", "421"]);
  assert(said.includes("550 5.1.1 ") && said.includes("421 4.7.0 "));
  assertEquals(asked, ["joe@example.com", "nobody@example.com"]);
  assertEquals([queue.taken.length, engine.wants], [0, "close"]);
});

Deno.test("takeRecipient: on_invalid_rcpt=reject only refuses", async () => {
  const settings = { on_invalid_rcpt: "reject" as const };
  const input = rcpts("nobody@example.com", "joe@example.com");
  assertEquals(await answers(input, KNOWN, { settings }), "550 250");
});

Deno.test("takeRecipient: a relay client is refused but not thrown out", async () => {
  const env = { RELAYCLIENT: "" };
  const many = Array.from({ length: 30 }, () => "nobody@example.com");
  const all = "550 ".repeat(30) + "250 250";
  const input = rcpts(...many, "joe@example.com", "x@far.example");
  assertEquals(await answers(input, KNOWN, { env }), all);
  const settings = { on_invalid_rcpt: "reject" as const };
  assertEquals(await answers(input, KNOWN, { env, settings }), all);
});

Deno.test("takeRecipient: RELAYCLIENT's value is appended and the result looked up", async () => {
  const asked: string[] = [];
  const input = rcpts("x@far.example") + "DATA\r\n.\r\n";
  const { queue } = await talk(input, {
    env: { RELAYCLIENT: ".relay" },
    lookup: lookupOf({ asked }),
  });
  assertEquals(asked, ["x@far.example.relay"]);
  assertEquals(queue.taken[0]?.envelope.recipients, ["x@far.example.relay"]);
});

Deno.test("takeRecipient: undecided is 451, or 550 where the setting says so", async () => {
  assertEquals(await answers(rcpts("sue@example.com", "joe@example.com"), KNOWN), "451 250");
  const settings = { on_undecided: "reject" as const };
  assertEquals(
    await answers(rcpts("sue@example.com", "joe@example.com"), KNOWN, { settings }),
    "550 250",
  );
});

Deno.test("takeRecipient: what rcpthosts refuses is a relay attempt and not looked up", async () => {
  const asked: string[] = [];
  assertEquals(await answers(rcpts("x@far.example"), { asked }), "553");
  assertEquals(asked, []);
});

Deno.test("takeRecipient: a remote domain in rcpthosts is accepted (secondary MX)", async () => {
  assertEquals(await answers(rcpts("x@local.example"), { locals: ["example.com"] }), "250");
});

Deno.test("takeRecipient: without rcpthosts only what is local here, never a relay", async () => {
  const lookup = { ...KNOWN, rcptHosts: null };
  assertEquals(await answers(rcpts("joe@example.com", "x@far.example"), lookup), "250 553");
  const settings = { validate: false };
  const input = rcpts("joe@example.com", "nobody@example.com", "x@far.example");
  assertEquals(await answers(input, lookup, { settings }), "250 250 553");
});

Deno.test("takeRecipient: rcpthosts that can't be asked ends the session with 421", async () => {
  const input = rcpts("joe@example.com", "joe@example.com");
  assertEquals(await answers(input, { rcptHostsAnswer: "undecided" }), "421");
});

Deno.test("takeRecipient: validate=off asks no look-up", async () => {
  const asked: string[] = [];
  const settings = { validate: false };
  assertEquals(
    await answers(rcpts("nobody@example.com"), { ...KNOWN, asked }, { settings }),
    "250",
  );
  assertEquals(asked, []);
});

Deno.test("takeRecipient: an empty path is 501 where recipients are looked up", async () => {
  assertEquals(await answers(rcpts(""), KNOWN), "501");
});

Deno.test("takeRecipient: badmailfrom speaks at RCPT, before relaying and look-up", async () => {
  const control = { me: "m\n", rcpthosts: "example.com\n", badmailfrom: "a@b.example\n" };
  const asked: string[] = [];
  const input = rcpts("nobody@example.com", "x@far.example");
  assertEquals(await answers(input, { ...KNOWN, asked }, { control }), "553 553");
  assertEquals(await answers(input, KNOWN, { control, env: { RELAYCLIENT: "" } }), "553 553");
  assertEquals(asked, []);
});

Deno.test("takeRecipient: look-ups that wait keep the order of the replies", async () => {
  const settings = { on_invalid_rcpt: "reject" as const };
  const input = rcpts("joe@example.com", "nobody@example.com", "x@far.example", "sue@example.com") +
    "DATA\r\nx\r\n.\r\nNOOP\r\n";
  const at = await answers(input, KNOWN, { settings });
  assertEquals(at, "250 550 553 451 354 250 250");
  assertEquals(await answers(input, { ...KNOWN, slow: true }, { settings }), at);
});

Deno.test("takeRecipient: the trace at level 2 has KATR's texts", async () => {
  const tracer = createMemoryTracer(2);
  const input = rcpts("joe@example.com", "nobody@example.com");
  await talk(input, { lookup: lookupOf(KNOWN), tracer });
  assertEquals(tracer.lines(), [
    "(1) setup: remoteip: 127.0.0.9",
    "(2) smtp_mail: ip[127.0.0.9] helo[h] from <a@b.example>",
    "(2) smtp_rcpt: user[joe] domain [example.com]",
    "(2) smtp_rcpt: user[nobody] domain [example.com]",
    "(2) smtp_rcpt: invalid rcpt user, terminating connection",
    "(2) smtp_rcpt: accepted before, lost with the session: <joe@example.com> from <a@b.example>",
    "(1) smtp_end: ip=127.0.0.9 helo=h messages=0 recipients=1 unknown=1 relays=0 errors=0 " +
    "seconds=0 end=session_closed",
  ]);
});

Deno.test("takeRecipient: the trace shows relay attempts, bad senders, undecided ones, steps", async () => {
  const tracer = createMemoryTracer(3);
  const settings = { on_invalid_rcpt: "reject" as const };
  const input = rcpts("x@far.example", "sue@example.com", "nobody@example.com");
  await talk(input, { lookup: lookupOf(KNOWN), tracer, settings });
  const ids = tracer.events.map((e) => e.id);
  for (const id of ["smtp.rcpt.relay", "smtp.rcpt.undecided", "smtp.rcpt.unknown"]) {
    assert(ids.includes(id), id);
  }
  for (const id of ["lookup.step", "lookup.answer"]) assert(ids.includes(id), id);
});

Deno.test("deliverability: what the queue could not take is 451 with the reason in the trace, and costs nothing else", async () => {
  for (const slow of [false, true]) {
    const tracer = createMemoryTracer(2);
    const asked: string[] = [];
    const deliverability = (address: string) => {
      asked.push(address);
      const reason = address === "joe@example.com"
        ? null
        : "Has a program, which needs qmail-queue";
      return slow ? Promise.resolve(reason) : reason;
    };
    const setup: Setup = { deps: { deliverability }, tracer, env: { RELAYCLIENT: "" } };
    const input = rcpts("joe@example.com", "list@example.com", "x@far.example") +
      "DATA\r\nx\r\n.\r\n";
    const { codes, queue } = await talk(input, setup);
    assertEquals(codes.slice(3), ["250", "451", "451", "354", "250"]);
    assertEquals(queue.taken[0]?.envelope.recipients, ["joe@example.com"]);
    assertEquals(asked, ["joe@example.com", "list@example.com", "x@far.example"]);
    assert(
      tracer.lines().includes(
        "(2) smtp_rcpt: not taken now: Has a program, which needs qmail-queue",
      ),
    );
  }
});

Deno.test("deliverability: asked last, of recipients that nothing else speaks against, also without validate", async () => {
  const setup: Setup = { deps: { deliverability: () => "No" } };
  assertEquals(await answers(rcpts("x@far.example"), KNOWN, setup), "553");
  assertEquals(await answers(rcpts("sue@example.com"), KNOWN, setup), "451");
  const reject: Setup = { ...setup, settings: { on_invalid_rcpt: "reject" } };
  assertEquals(await answers(rcpts("nobody@example.com"), KNOWN, reject), "550");
  const blind: Setup = { ...setup, settings: { validate: false } };
  assertEquals(await answers(rcpts("nobody@example.com"), KNOWN, blind), "451");
});
