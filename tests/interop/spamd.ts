/**
 * A real spamd on loopback, by TCP and by a Unix socket: GTUBE is refused in an SMTP session, ham gets
 * its fields. Run by run.ts, which unpacks the packages; skipped aloud where there is none.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { askSpamd, readServer } from "../../content/spamd_client.ts";
import { createMemoryTracer } from "../../trace/memory.ts";
import { contentOf } from "../unit/content/kit.ts";
import { talk } from "../unit/smtp/kit.ts";

function spamdPath(): string | null {
  for (const directory of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"]) {
    try {
      if (Deno.statSync(`${directory}/spamd`).isFile) return `${directory}/spamd`;
    } catch {
      // The next one.
    }
  }
  console.log("skipped: no spamd");
  return null;
}

const PROGRAM = spamdPath();
/** What every SpamAssassin knows as spam. */
const GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
const HAM = "From: friend@example.net\r\nTo: joe@example.com\r\nSubject: Lunch\r\n" +
  "Message-ID: <1@example.net>\r\nDate: Fri, 20 Nov 2026 13:00:00 +0000\r\n" +
  "X-Spam-Status: Yes, forged\r\n\r\nTomorrow at noon?\r\n";

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

async function ready(word: string): Promise<void> {
  const server = readServer(word);
  assert(server !== null);
  const text = new TextEncoder().encode("Subject: x\n\nx\n");
  const question = {
    user: "",
    bytes: text.length,
    async *read() {
      yield await Promise.resolve(text);
    },
  };
  for (let i = 0;; i++) {
    try {
      await askSpamd(server, question, 20_000);
      return;
    } catch (error) {
      if (i > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** spamd at work: local tests alone, nothing of this machine's users. */
async function withSpamd(work: (servers: readonly string[]) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  const port = freePort();
  const prefix = PROGRAM?.replace(/\/usr\/s?bin\/spamd$/, "") ?? "";
  const rules = `--configpath=${prefix}/usr/share/spamassassin`;
  const site = `--siteconfigpath=${prefix}/etc/spamassassin`;
  const common = [
    rules,
    site,
    "--local",
    "--nouser-config",
    "--max-children=1",
    `--helper-home-dir=${dir}`,
  ];
  const paths = (Deno.env.get("PERL5LIB") ?? "").split(":").filter((path) => path !== "");
  const modules = paths.map((path) => `-I${path}`);
  const start = (...more: string[]) =>
    new Deno.Command("perl", {
      // With -T perl takes no directories from the environment.
      args: ["-T", ...modules, PROGRAM ?? "", ...common, ...more],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  const children = [
    start("--listen=127.0.0.1", `--port=${port}`, `--pidfile=${dir}/1`),
    start(`--socketpath=${dir}/socket`, `--pidfile=${dir}/2`),
  ];
  const servers = [`127.0.0.1:${port}`, `${dir}/socket`];
  try {
    for (const server of servers) await ready(server);
    await work(servers);
  } finally {
    for (const child of children) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already: it could not begin.
      }
      await child.status;
    }
    Deno.removeSync(dir, { recursive: true });
  }
}

async function sent(server: string, message: string) {
  const tracer = createMemoryTracer();
  const content = contentOf({ settings: { spamd: "on", spamd_servers: [server] } }, tracer);
  const input =
    "HELO h\r\nMAIL FROM:<friend@example.net>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n" +
    `${message}.\r\n`;
  const { said, queue } = await talk(input, { deps: { content: content?.open({}) } });
  const last = said.trimEnd().split("\r\n").at(-1) ?? "";
  return { last, queued: queue.taken[0]?.message ?? null, trace: tracer.lines().join("\n") };
}

Deno.test({
  name: "spamdCheck with SpamAssassin: GTUBE is refused, ham is scored and forged fields go",
  ignore: PROGRAM === null,
  sanitizeResources: false,
  fn: () =>
    withSpamd(async (servers) => {
      for (const server of servers) {
        const spam = await sent(server, `${HAM}${GTUBE}\r\n`);
        assertEquals([spam.last, spam.queued], ["554 5.7.1 message looks like spam", null]);
        assertMatch(spam.trace, /spamd ip\[.*\]: score \d{3,}\.\d .*\bGTUBE\b/);
        const ham = await sent(server, HAM);
        assertMatch(ham.last, /^250 /);
        assertMatch(ham.queued ?? "", /^X-Spam-Score: -?\d+\.\d\n/);
        assertMatch(ham.queued ?? "", /^X-Spam-Status: No, score=-?\d+\.\d\n tests=/m);
        assert(!/forged|X-Spam-Flag/.test(ham.queued ?? ""));
      }
    }),
});
