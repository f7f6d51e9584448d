/** End to end: users who log in to send mail, and connection rules, over real sockets. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createTransport } from "nodemailer";
import { type Front, makeSite, removeSite, startFront } from "./front.ts";

async function withFront(
  files: Readonly<Record<string, string>>,
  args: string[],
  work: (front: Front) => Promise<void>,
): Promise<void> {
  const root = await makeSite();
  for (const [path, text] of Object.entries(files)) Deno.writeTextFileSync(`${root}/${path}`, text);
  const front = await startFront(root, ["--submission", "127.0.0.1:0", ...args]);
  try {
    await work(front);
  } finally {
    const { code, stderr } = await front.stop();
    await removeSite(root);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
}

const submissionPort = (front: Front): number =>
  Number(/^submission listening on \S+:(\d+)$/m.exec(front.printed())?.[1]);

/** What the server says until it closes. */
async function said(port: number, lines: readonly string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(lines.map((l) => `${l}\r\n`).join("")));
  return await new Response(conn.readable).text();
}

const CLEAR = ["--set", "smtp_auth=always", "--set", "auth_delay_seconds=0"];

Deno.test("submission: nodemailer logs in with PLAIN and with LOGIN, and not with a wrong password", async () => {
  await withFront({}, CLEAR, async (front) => {
    const transport = (authMethod: string, pass: string) =>
      createTransport({
        host: "127.0.0.1",
        port: submissionPort(front),
        ignoreTLS: true,
        authMethod,
        auth: { user: "joe@example.org", pass },
      });
    const mail = { from: "joe@example.org", to: "jane@example.org", subject: "hi", text: "x" };
    for (const method of ["PLAIN", "LOGIN"]) {
      const good = transport(method, "sesame");
      assertMatch((await good.sendMail(mail)).response, /^250 /);
      good.close();
      const bad = transport(method, "wrong");
      await assertRejects(() => bad.sendMail(mail), Error, "535 5.7.8");
      bad.close();
    }
    const stored = [...Deno.readDirSync(`${front.root}/home/jane/Maildir/new`)];
    assertEquals(stored.length, 2);
    const text = Deno.readTextFileSync(`${front.root}/home/jane/Maildir/new/${stored[0]!.name}`);
    assertStringIncludes(text, " with ESMTPA; ");
  });
});

Deno.test("tcp_rules: who may connect, with what environment; a change counts at once", async () => {
  const rules = "var/qmail/control/tcp.smtp";
  const args = ["--set", "tcp_rules=control/tcp.smtp"];
  const first = { [rules]: '127.0.0.1:allow,RELAYCLIENT="",DATABYTES="4711"\n' };
  await withFront(first, args, async (front) => {
    const dialogue = ["EHLO h", "MAIL FROM:<x@y.example>", "QUIT"];
    const allowed = await said(submissionPort(front), dialogue);
    assert(allowed.includes("250-SIZE 4711\r\n") && allowed.includes("250 2.1.0 "), allowed);
    Deno.writeTextFileSync(`${front.root}/${rules}`, "127.:allow\n");
    const bare = await said(submissionPort(front), dialogue);
    assert(!bare.includes("SIZE 4711") && bare.includes("530 5.7.0 "), bare);
    Deno.writeTextFileSync(`${front.root}/${rules}`, ":deny\n");
    assertEquals(await said(front.smtpPort, []).catch(() => ""), "");
    // POP3 is nobody's business here.
    assertMatch(await said(front.pop3Port, ["QUIT"]), /^\+OK /);
  });
});

Deno.test("tcp_rules: rules for names ask the DNS, and only a name that leads back counts", async () => {
  const rules = "var/qmail/control/tcp.smtp";
  const text = '=in.relay.example:allow,DATABYTES="4711"\n=.forged.example:deny\n';
  const zone = (name: string, address: string) =>
    `1.0.0.127.in-addr.arpa PTR ${name}\n${name} A ${address}\n`;
  const cases: [string, RegExp][] = [
    [zone("in.relay.example", "127.0.0.1"), /250-SIZE 4711\r\n/],
    [zone("in.relay.example", "192.0.2.1"), /250-SIZE 10485760\r\n/],
    [zone("a.forged.example", "127.0.0.1"), /^$/],
    ["1.0.0.127.in-addr.arpa SERVFAIL\n", /250-SIZE 10485760\r\n/],
  ];
  for (const [answers, expected] of cases) {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, answers);
    await Deno.chmod(file, 0o644);
    try {
      const args = ["--set", "tcp_rules=control/tcp.smtp", "--set", `dns_file=${file}`];
      await withFront({ [rules]: text }, args, async (front) => {
        assertMatch(await said(front.smtpPort, ["EHLO h", "QUIT"]).catch(() => ""), expected);
      });
    } finally {
      await Deno.remove(file);
    }
  }
});
