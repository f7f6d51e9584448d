/** curl as a POP3 client, with each way to log in that it has; the users file holds a clear secret. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { openSite, type Site } from "../../cli/site.ts";
import { runSession } from "../../net/session.ts";
import { TimerWheel } from "../../net/timers.ts";
import type { Peer } from "../../net/types.ts";
import { makeSite, removeSite, runQfront } from "./front.ts";

/** The site served on a port of the loopback, in this process. */
async function withPort(
  settings: readonly string[],
  work: (port: number, site: Site) => Promise<void>,
): Promise<void> {
  const root = await makeSite();
  const users = `${root}/var/qmail/users/poppasswd`;
  Deno.writeTextFileSync(users, "joe@example.org:{PLAIN}sesame\n");
  assertEquals((await runQfront(["newpop", "--root", root])).code, 0);
  Deno.writeTextFileSync(`${root}/home/joe/Maildir/new/1.a.host`, "Subject: one\n\nbody\n");
  const args: Record<string, readonly string[]> = {
    root: [root],
    "qmail-dir": ["/var/qmail"],
    set: ["trace_file=/trace", "trace_level=4", "auth_delay_seconds=0", ...settings],
  };
  const site = await openSite({
    operands: [],
    value: (name) => args[name]?.at(-1),
    values: (name) => args[name] ?? [],
    has: (name) => name in args,
  }, { isService: false });
  const wheel = new TimerWheel();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sessions: Promise<unknown>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      const setup = {
        protocol: site.current.pop3,
        wheel,
        trace: site.tracer,
        writeStallSeconds: 5,
      };
      sessions.push(runSession(conn, peerOf(conn, sessions.length + 1), setup));
    }
  })();
  try {
    await work((listener.addr as Deno.NetAddr).port, site);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(sessions);
    wheel.close();
    await site.close();
    await removeSite(root);
  }
}

function peerOf(conn: Deno.TcpConn, session: number): Peer {
  return {
    kind: "socket",
    remoteIp: conn.remoteAddr.hostname,
    remotePort: conn.remoteAddr.port,
    remoteHost: null,
    remoteInfo: null,
    localIp: conn.localAddr.hostname,
    localPort: conn.localAddr.port,
    localHost: null,
    env: {},
    session,
  };
}

async function curl(port: number, ...options: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout } = await new Deno.Command("curl", {
    args: ["-q", "-s", ...options, `pop3://127.0.0.1:${port}/1`],
  }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

const hasCurl = await new Deno.Command("curl", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);
if (!hasCurl) console.log("pop3 curl: curl is not installed, its tests are skipped");

/** Options of curl and the means that the trace must name. */
const WAYS: readonly (readonly [string, string])[] = [
  ["AUTH=PLAIN", "PLAIN"],
  ["AUTH=LOGIN", "LOGIN"],
  ["AUTH=CRAM-MD5", "CRAM-MD5"],
  ["AUTH=+APOP", "APOP"],
];

// libc and libcrypt, once loaded, stay for the life of the process.
const options = { ignore: !hasCurl, sanitizeResources: false };

Deno.test({
  name: "pop3 curl: each mechanism fetches the mail, and fails with a wrong password",
  ...options,
  fn: () =>
    withPort(["pop3_apop=on", "pop3_max_auth_failures=1"], async (port, site) => {
      for (const [way, means] of WAYS) {
        for (const more of [[], ["--sasl-ir"]]) {
          const choice = ["--login-options", way, ...more];
          const right = await curl(port, ...choice, "-u", "joe@example.org:sesame");
          assertEquals(right, { code: 0, text: "Subject: one\r\n\r\nbody\r\n" }, choice.join(" "));
          const wrong = await curl(port, ...choice, "-u", "joe@example.org:Sesame");
          assertEquals(wrong, { code: 67, text: "" }, choice.join(" "));
        }
        site.tracer.flush();
        const trace = Deno.readTextFileSync(`${site.place.root}/trace`);
        assertStringIncludes(
          trace,
          `login ok: ip[127.0.0.1] login[joe@example.org] auth[${means}]`,
        );
        assertEquals(trace.includes("sesame"), false);
      }
    }),
});

Deno.test({
  name: "pop3 curl: left to itself it logs in, with a timestamp in the greeting and without",
  ...options,
  fn: async () => {
    for (const settings of [[], ["pop3_apop=on"]]) {
      await withPort(settings, async (port) => {
        assertEquals((await curl(port, "-u", "joe@example.org:sesame")).code, 0);
      });
    }
  },
});

Deno.test({
  name: "pop3 curl: without TLS, where that is set, no password leaves it and CRAM-MD5 is taken",
  ...options,
  fn: () =>
    withPort(["pop3_cleartext=never"], async (port, site) => {
      assertEquals((await curl(port, "-u", "joe@example.org:sesame")).code, 0);
      site.tracer.flush();
      const trace = Deno.readTextFileSync(`${site.place.root}/trace`);
      assertStringIncludes(trace, "auth[CRAM-MD5]");
      const plain = await curl(
        port,
        "--login-options",
        "AUTH=PLAIN",
        "-u",
        "joe@example.org:sesame",
      );
      assertEquals(plain.code, 67);
    }),
});
