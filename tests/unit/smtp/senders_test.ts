/** sender_login_map: which senders belong to a login. */
import { assert, assertEquals } from "@std/assert";
import { createMemoryTracer } from "../../../trace/memory.ts";
import { judgeSender, readSenderLogins } from "../../../smtp/senders.ts";
import { authOf, type Setup, SITE, talk } from "./kit.ts";

const LINES = [
  "joe: info@example.com, @Shop.example",
  "joe:sales@example.com",
  "root : *",
  "cvm:box: box@example.com",
  "nobody:",
];
const LOGINS = readSenderLogins(LINES);
const judge = (login: string, sender: string) => judgeSender(LOGINS, login, sender);

Deno.test("judgeSender: addresses, domains, every sender; case does not count", () => {
  assertEquals(judge("joe", "info@example.com"), "allowed");
  assertEquals(judge("JOE", "Info@EXAMPLE.com"), "allowed");
  assertEquals(judge("joe", "sales@example.com"), "allowed");
  assertEquals(judge("joe", "any.body@shop.example"), "allowed");
  assertEquals(judge("joe", "x@sub.shop.example"), "refused");
  assertEquals(judge("joe", "x@example.com"), "refused");
  assertEquals(judge("root", "x@anywhere.example"), "allowed");
  assertEquals(judge("cvm:box", "box@example.com"), "allowed");
  assertEquals(judge("nobody", "x@example.com"), "refused");
  assertEquals(judge("unlisted", "x@example.com"), "refused");
});

Deno.test("judgeSender: a login that is an address may send as itself; everybody with the null path", () => {
  assertEquals(judge("sue@example.com", "Sue@example.com"), "allowed");
  assertEquals(judge("joe", "joe"), "refused");
  assertEquals(judge("unlisted", ""), "allowed");
  assertEquals(judgeSender(readSenderLogins(null), "a@b", "a@b"), "allowed");
  assertEquals(judgeSender(readSenderLogins(null), "a@b", "c@b"), "refused");
});

Deno.test("readSenderLogins: a wrong line leaves undecided what it may speak of, and is quoted", () => {
  for (const line of ["joe info@example.com", ": a@b", "joe: info"]) {
    const verdict = judgeSender(readSenderLogins([line]), "joe", "info@example.com");
    assert(typeof verdict === "object" && verdict.undecided.includes(`"${line}"`), line);
  }
});

const PLAIN = `AUTH PLAIN ${btoa("\0joe@example.com\0sesame")}\r\n`;
const setup = (more: Setup): Setup => ({
  service: "submission",
  deps: { auth: authOf() },
  control: { ...SITE, senderlogins: "joe@example.com: info@example.com\n" },
  ...more,
  settings: { smtp_auth: "always", sender_login_map: true, ...more.settings },
});
const OTHER = "MAIL FROM:<sue@example.com>\r\n";

Deno.test("sender_login_map: judged at MAIL where it is on, of those who logged in", async () => {
  const tracer = createMemoryTracer(2);
  const own = "MAIL FROM:<joe@example.com>\r\nMAIL FROM:<info@example.com>\r\nMAIL FROM:<>\r\n";
  const input = `EHLO h\r\n${PLAIN}${own}${OTHER}`;
  const on = await talk(input, setup({ tracer }));
  assertEquals(on.codes.slice(3), ["250", "250", "250", "553"]);
  assert(
    tracer.lines().includes(
      "(2) smtp_mail: sender <sue@example.com> is not login [joe@example.com]'s, 127.0.0.9",
    ),
  );
  const off = await talk(input, setup({ settings: { sender_login_map: false } }));
  assertEquals(off.codes.slice(3), ["250", "250", "250", "250"]);
  const byAddress = await talk(OTHER, setup({ env: { RELAYCLIENT: "" } }));
  assertEquals(byAddress.codes, ["220", "250"]);
});

Deno.test("sender_login_map: a wrong line is 451 for who logged in, and nothing for others", async () => {
  const tracer = createMemoryTracer(1);
  const control = { ...SITE, senderlogins: "what\n" };
  const { codes } = await talk(`EHLO h\r\n${PLAIN}${OTHER}`, setup({ control, tracer }));
  assertEquals(codes.slice(3), ["451"]);
  assert(tracer.lines().some((l) => l.includes('Line "what" of control/senderlogins')));
  assertEquals((await talk(OTHER, setup({ control, service: "smtp" }))).codes, ["220", "250"]);
});
