/** Nothing of one transaction reaches the next: whatever was said before, the next one is answered as if it came first. */
import { assert, assertEquals } from "@std/assert";
import { lookupOf, queueOf, SITE, talk, type TestQueue } from "./kit.ts";

const env = { TCPREMOTEIP: "192.0.2.7" };
const control = { ...SITE, trapto: "trap@example.com\n", badrcptto: "bad@example.com\n" };
const settings = {
  on_invalid_rcpt: "reject",
  reject_if_any: "on",
  reject_if_any_of: ["badrcptto", "relay", "invalid"],
  null_sender: "on",
  max_recipients: 3,
} as const;
const mailRules = [
  ":sender",
  "nbig@*:*::::MAXRCPTS=1,DATABYTES=2,RELAYCLIENT=,HEADER_ADD=X-Leak: 1,QMAILQUEUE=/leak",
  "Kfinal@*:*",
  "nsmall@*:*::1",
  ":recipient",
  "n*:ours@example.com::1::RELAYCLIENT=,MAXRCPTS=1,MAXHOPS=1,MAXRCPTS_REJECT=1",
].join("\n");

const rcpt = (...names: string[]) =>
  names.map((name) => `RCPT TO:<${name.includes("@") ? name : `${name}@example.com`}>\r\n`).join(
    "",
  );

/** What a client may have said before. */
const BEFORE: readonly string[] = [
  `MAIL FROM:<big@b.example>\r\n${rcpt("joe", "x@far.example", "jane")}`,
  `MAIL FROM:<small@b.example> SIZE=1\r\n${rcpt("joe")}`,
  `MAIL FROM:<final@b.example>\r\n${rcpt("joe")}`,
  `MAIL FROM:<a@b.example>\r\n${rcpt("trap", "bad", "nobody", "x@far.example")}`,
  `MAIL FROM:<a@b.example>\r\n${rcpt("ours", "joe", "jane")}`,
  `MAIL FROM:<a@b.example>\r\n${rcpt("joe", "jane", "ann", "eve")}`,
  `MAIL FROM:<>\r\n${rcpt("joe", "jane")}`,
  `MAIL FROM:<a@b.example>\r\n${rcpt("postmaster")}`,
];

const DATA = "DATA\r\nReceived: x\r\nSubject: a long one\r\n\r\nbody\r\n.\r\n";
/** What is asked of the next one: relaying, limits, size, hops, several recipients. */
const NEXT = `MAIL FROM:<a@b.example>\r\n${rcpt("joe", "jane")}${DATA}` +
  `MAIL FROM:<a@b.example>\r\n${rcpt("x@far.example", "joe")}DATA\r\n`;

async function after(before: string) {
  const queue = queueOf();
  const known = ["joe", "jane", "ann", "eve", "trap", "bad", "ours", "postmaster"]
    .map((local) => `${local}@example.com`);
  const setup = { settings, control, env, queue, desk: { mailRules }, lookup: lookupOf({ known }) };
  const { codes } = await talk(`HELO h\r\n${before}${NEXT}`, setup);
  return { codes, queue };
}

/** EHLO changes one word of our own field, which is not what is asked here. */
const takenBy = ({ taken }: TestQueue) =>
  taken.map(({ message, envelope }) => [message.replace("ESMTP", "SMTP"), envelope]);

Deno.test("takeSender: the next transaction is answered as if none was before, whatever ended that", async () => {
  const alone = await after("");
  const wanted = "250 250 250 354 250 250 553 250 553";
  assertEquals(alone.codes.slice(2).join(" "), wanted);
  for (const before of BEFORE) {
    for (const between of ["RSET\r\n", "", "HELO h\r\n", "EHLO h\r\n"]) {
      const { codes, queue } = await after(before + between);
      assertEquals(codes.slice(-9).join(" "), wanted, `${before}${between}`);
      assertEquals(queue.environments, alone.queue.environments, `${before}${between}`);
      assertEquals(takenBy(queue), takenBy(alone.queue), `${before}${between}`);
    }
  }
});

Deno.test("judgeData: a message that was refused or accepted leaves nothing to the next", async () => {
  for (const before of BEFORE) {
    const { codes, queue } = await after(`${before}${DATA}`);
    const isIn = codes.slice(-9).join(" ") === "250 250 250 354 250 250 553 250 553";
    assert(isIn, `${before}: ${codes.join(" ")}`);
    assertEquals(queue.taken.at(-1)?.message.includes("X-Leak"), false);
    assertEquals(queue.environments.at(-1)?.["QMAILQUEUE"], undefined);
  }
});
