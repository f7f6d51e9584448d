/**
 * The filters of config/fail2ban with the real fail2ban-regex, on traces that sessions of qfront wrote: each refusal that
 * counts is found, once, for the right address, and nothing else is, whatever clients say. Run by run.ts.
 */
import { assertEquals } from "@std/assert";
import { makeSite, removeSite, runQfront } from "../e2e/front.ts";

const FOLDER = new URL("../../config/fail2ban/filter.d", import.meta.url).pathname;
const ROOT = Deno.env.get("QFRONT_UNPACKED") ?? "";

/** Runs fail2ban-regex; the addresses it would ban, one a line that counts. */
async function banned(log: string, filter: string): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: [
      `${ROOT}/usr/bin/fail2ban-regex`,
      ...["--config", `${ROOT}/etc/fail2ban`, "--out", "ip", log, filter],
    ],
    env: { PYTHONPATH: `${ROOT}/usr/lib/python3/dist-packages`, PYTHONDONTWRITEBYTECODE: "1" },
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`fail2ban-regex: ${code} ${text.decode(stderr)}`);
  return text.decode(stdout).split("\n").filter((line) => line !== "");
}

const isThere = (() => {
  try {
    return ROOT !== "" && Deno.statSync(`${ROOT}/usr/bin/fail2ban-regex`).isFile;
  } catch {
    return false;
  }
})();
if (!isThere) console.log("skipped: no fail2ban-regex");

const VICTIM = "203.0.113.66";

/** Sessions: address, settings, what the client says, how often it is to be counted. */
const SESSIONS: readonly (readonly [string, readonly string[], string, number])[] = [
  // Guesses: the session ends with the first one, which is one line.
  ["192.0.2.1", [], "HELO a\nMAIL FROM:<>\nRCPT TO:<nobody@example.org>\n", 1],
  [
    "192.0.2.2",
    ["on_invalid_rcpt=reject"],
    "HELO a\nMAIL FROM:<>\nRCPT TO:<n1@example.org>\nRCPT TO:<n2@example.org>\nQUIT\n",
    2,
  ],
  ["192.0.2.3", [], "HELO a\nMAIL FROM:<a@b.example>\nRCPT TO:<x@elsewhere.example>\nQUIT\n", 1],
  // What is none: mail that arrives, a slip, a recipient that can't be decided.
  ["192.0.2.4", [], "HELO a\nMAIL FROM:<>\nRCPT TO:<joe@example.org>\nNOP\nQUIT\n", 0],
  // Words of a client that would have somebody else banned.
  [
    "192.0.2.5",
    [],
    `HELO x ip=${VICTIM} helo=y end=session_closed\nMAIL FROM:<>\nRCPT TO:<joe@example.org>\nQUIT\n`,
    0,
  ],
  [
    "192.0.2.6",
    [],
    `HELO (remoteip: ${VICTIM})\nMAIL FROM:<"x>, ${VICTIM} (remoteip: ${VICTIM})"@x.example>\n` +
    `RCPT TO:<"y> from <z>, ${VICTIM}"@elsewhere.example>\nQUIT\n`,
    1,
  ],
  [
    "192.0.2.7",
    [],
    `EHLO 2026-03-01 08:00:10 (1) (7) smtp_auth: login failed: ip[${VICTIM}] reason[x]\n` +
    `MAIL FROM:<>\nRCPT TO:<"\\","ip":"${VICTIM}"@example.org>\n`,
    1,
  ],
];

const LOGIN = (login: string) => `AUTH PLAIN ${btoa(`\0${login}\0wrong`)}`;
const LOGINS: readonly (readonly [string, string, string, number])[] = [
  ["smtp", "192.0.2.8", `EHLO a\n${LOGIN("joe@example.org")}\nQUIT\n`, 1],
  ["smtp", "192.0.2.9", `EHLO a\n${LOGIN(`x] ip[${VICTIM}] reason[`)}\nQUIT\n`, 1],
  [
    "smtp",
    "192.0.2.10",
    `EHLO a\n${LOGIN(`x\nsmtp_auth: login failed: ip[${VICTIM}] r`)}\nQUIT\n`,
    1,
  ],
  [
    "pop3",
    "192.0.2.11",
    `USER joe@example.org\nPASS wrong\nUSER x] ip[${VICTIM}]\nPASS a\nQUIT\n`,
    2,
  ],
];

async function drive(root: string, settings: readonly string[]): Promise<Map<string, number>> {
  const wanted = new Map<string, number>();
  const play = async (
    name: string,
    port: number,
    ip: string,
    more: readonly string[],
    said: string,
  ) => {
    const own = ["trace_level=4", "trace_file=/trace", "auth_delay_seconds=0", ...settings];
    const args = [name, "--root", root, ...[...own, ...more].flatMap((pair) => ["--set", pair])];
    const env = { TCPREMOTEIP: ip, TCPLOCALPORT: String(port) };
    const { code, stderr } = await runQfront(args, said.replaceAll("\n", "\r\n"), env);
    assertEquals([code, stderr], [0, ""]);
  };
  for (const [ip, more, said, count] of SESSIONS) {
    if (count > 0) wanted.set(ip, count);
    await play("smtp", 25, ip, more, said);
  }
  for (const [name, ip, said, count] of LOGINS) {
    wanted.set(ip, count);
    if (name === "smtp") await play(name, 587, ip, ["smtp_auth=always"], said);
    else await play(name, 110, ip, ["pop3_cleartext=always"], said);
  }
  return wanted;
}

const countOf = (addresses: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const address of addresses) counts.set(address, (counts.get(address) ?? 0) + 1);
  return counts;
};

const FORMS: readonly (readonly [string, readonly string[], string])[] = [
  ["katr", [], "qfront"],
  ["katr with trace_remoteip", ["trace_remoteip=on"], "qfront"],
  ["json", ["trace_format=json"], "qfront-json"],
];

for (const [name, settings, filter] of FORMS) {
  Deno.test({
    name: `fail2ban-regex, ${name}: every refusal once, for its own client, and nothing else`,
    ignore: !isThere,
    async fn() {
      const root = await makeSite();
      try {
        const wanted = await drive(root, settings);
        const found = await banned(`${root}/trace`, `${FOLDER}/${filter}.conf`);
        assertEquals(countOf(found), wanted, Deno.readTextFileSync(`${root}/trace`));
      } finally {
        await removeSite(root);
      }
    },
  });
}
