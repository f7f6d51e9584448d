/**
 * `qfront pop3` in the place of qmail-popup and qmail-pop3d, with a checkpassword program between them: the program
 * judges, and says by its environment where the mail is.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeSite, qfrontCommand, removeSite, runQfront } from "./front.ts";

/**
 * Stands for checkpassword: notes what it was given, then goes by the login. joe's mail is where no look-up would find
 * it, ann's directory is named by MAILDIR.
 */
const PROGRAM = `#!/bin/sh
{ tr '\\0' '\\n' <&3; echo "ip=$TCPREMOTEIP"; } > @DIR@/asked
login=$(sed -n 1p @DIR@/asked)
password=$(sed -n 2p @DIR@/asked)
case "$login:$password" in
  trouble:*) exit 111 ;;
  joe:right|ann:right|joe:deadbeef) ;;
  *) exit 1 ;;
esac
USER=$login HOME=@DIR@/homes/$login
export USER HOME
if test "$login" = ann; then MAILDIR=./mail; export MAILDIR; fi
cd "$HOME" || exit 111
test "$(id -u)" = 0 && exec setpriv --reuid=@OWNER@ --regid=@OWNER@ --clear-groups "$@"
exec "$@"
`;

/** Whose the maildrops are, where the test is root; checkpassword becomes their owner, and so does qfront. */
const OWNER = 31_001;
const isRoot = Deno.uid() === 0;

function giveTo(path: string, id: number): void {
  Deno.chownSync(path, id, id);
  if (!Deno.statSync(path).isDirectory) return;
  for (const entry of Deno.readDirSync(path)) giveTo(`${path}/${entry.name}`, id);
}

interface Chain {
  readonly dir: string;
  /** Runs a session; `settings` are KEY=VALUE. */
  run(
    input: string,
    settings?: readonly string[],
    env?: Record<string, string>,
  ): ReturnType<typeof runQfront>;
  /** The arguments of such a session. */
  args(settings: readonly string[]): string[];
  trace(): string;
}

async function withChain(work: (chain: Chain) => Promise<void>): Promise<void> {
  const root = await makeSite();
  const dir = `${root}/chain`;
  for (const maildir of ["joe/Maildir", "ann/mail"]) {
    for (const part of ["tmp", "new", "cur"]) {
      Deno.mkdirSync(`${dir}/homes/${maildir}/${part}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${dir}/homes/${maildir}/new/1.a.host`, `Subject: ${maildir}\n\nbody\n`);
  }
  Deno.writeTextFileSync(
    `${dir}/program`,
    PROGRAM.replaceAll("@DIR@", dir).replaceAll("@OWNER@", String(OWNER)),
    {
      mode: 0o755,
    },
  );
  if (isRoot) giveTo(`${dir}/homes`, OWNER);
  const args = (settings: readonly string[]) => [
    "pop3",
    "--qmail-dir",
    `${root}/var/qmail`,
    ...[
      `auth_source=checkpassword ${dir}/program`,
      "auth_delay_seconds=0",
      `trace_file=${dir}/trace`,
      "trace_level=4",
      ...settings,
    ].flatMap((setting) => ["--set", setting]),
  ];
  try {
    await work({
      dir,
      args,
      run: (input, settings = [], env = {}) => runQfront(args(settings), input, env),
      trace: () => Deno.readTextFileSync(`${dir}/trace`),
    });
  } finally {
    await removeSite(root);
  }
}

const asked = (dir: string) => Deno.readTextFileSync(`${dir}/asked`).trimEnd().split("\n");

Deno.test("pop3 chain: the program's home is where the mail is, MAILDIR its directory", async () => {
  await withChain(async ({ dir, run, trace }) => {
    for (const [login, maildir] of [["joe", "joe/Maildir"], ["ann", "ann/mail"]] as const) {
      const { code, stdout, stderr } = await run(
        `USER ${login}\r\nPASS right\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n`,
      );
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(
        stdout,
        `\r\nSubject: ${maildir}\r\n\r\nbody\r\n.\r\n+OK\r\n+OK bye\r\n`,
      );
      assertEquals([...Deno.readDirSync(`${dir}/homes/${maildir}/new`)], []);
      assertMatch(asked(dir).join("\n"), new RegExp(`^${login}\nright\nY\\d+\nip=$`));
    }
    assertEquals(trace().includes("right"), false);
  });
});

Deno.test("pop3 chain: AUTH PLAIN goes to the program as PASS does", async () => {
  await withChain(async ({ dir, run }) => {
    const { stdout } = await run(`AUTH PLAIN ${btoa("\0joe\0right")}\r\nSTAT\r\nQUIT\r\n`);
    assertStringIncludes(stdout, "+OK maildrop is open\r\n+OK 1 ");
    assertEquals(asked(dir).slice(0, 2), ["joe", "right"]);
  });
});

Deno.test("pop3 chain: wrong is refused, 111 is temporary", async () => {
  await withChain(async ({ run, trace }) => {
    const { stdout } = await run("USER joe\r\nPASS wrong\r\nUSER trouble\r\nPASS x\r\nQUIT\r\n");
    const [, , refused, , undecided] = stdout.split("\r\n");
    assertEquals(refused, "-ERR [AUTH] authorization failed");
    assertMatch(undecided ?? "", /^-ERR \[SYS\/TEMP\] /);
    assertStringIncludes(trace(), "login failed: ip[unknown] reason[wrong login or password]");
    assertStringIncludes(trace(), "login undecided: ip[unknown]");
  });
});

Deno.test("pop3 chain: a client elsewhere may send no password in clear, unless that is set", async () => {
  await withChain(async ({ dir, run, trace }) => {
    const env = { TCPREMOTEIP: "192.0.2.7" };
    const input = "CAPA\r\nUSER joe\r\nPASS right\r\nQUIT\r\n";
    const refused = (await run(input, [], env)).stdout;
    assertEquals(/^(USER|SASL|STLS)/m.test(refused), false, refused);
    assertStringIncludes(refused, "-ERR [AUTH] no password without TLS");
    assertStringIncludes(trace(), "password without TLS refused: ip[192.0.2.7] command[USER]");
    const taken = (await run(input, ["pop3_cleartext=always"], env)).stdout;
    assertStringIncludes(taken, "+OK maildrop is open\r\n");
    assertEquals(asked(dir).at(-1), "ip=192.0.2.7");
    const here = (await run(input, [], { TCPREMOTEIP: "127.0.0.1" })).stdout;
    assertStringIncludes(here, "+OK maildrop is open\r\n");
    const never = (await run(input, ["pop3_cleartext=never"], { TCPREMOTEIP: "127.0.0.1" })).stdout;
    assertStringIncludes(never, "-ERR [AUTH] no password without TLS");
  });
});

Deno.test("pop3 chain: with pop3_apop the greeting has a timestamp, and the program gets it", async () => {
  await withChain(async ({ dir, run }) => {
    const env = { TCPREMOTEIP: "192.0.2.7" };
    const { stdout } = await run("APOP joe deadbeef\r\nSTAT\r\nQUIT\r\n", ["pop3_apop=on"], env);
    const stamp = /^\+OK (<\d+\.\d+@mail\.example\.org>)\r\n/.exec(stdout)?.[1] ?? "";
    assert(stamp !== "", stdout);
    assertStringIncludes(stdout, "+OK maildrop is open\r\n+OK 1 ");
    assertEquals(asked(dir), ["joe", "deadbeef", stamp, "ip=192.0.2.7"]);
  });
});

Deno.test({
  name: "pop3 chain: started as root, a program that stays root opens nobody's maildrop",
  ignore: !isRoot,
  fn: () =>
    withChain(async ({ dir, run, trace }) => {
      const path = `${dir}/program`;
      Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(/^test.*setpriv.*\n/m, ""));
      const { stdout } = await run("USER joe\r\nPASS right\r\nSTAT\r\nQUIT\r\n");
      assertMatch(stdout, /\r\n-ERR \[SYS\/PERM\] [^\r]*\r\n$/);
      assertStringIncludes(trace(), "it would be root (uid 0)");
    }),
});

function hasProgram(name: string): boolean {
  const path = `${Deno.env.get("PATH")}:/usr/bin:/usr/sbin:/usr/local/bin`;
  return path.split(":").some((dir) => {
    try {
      return Deno.statSync(`${dir}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

const hasTcpserver = hasProgram("tcpserver");
if (!hasTcpserver) console.log("pop3 chain: tcpserver is not installed, its test is skipped");

Deno.test({
  name: "pop3 chain: under tcpserver the whole of qmail-popup, checkpassword, qmail-pop3d",
  ignore: !hasTcpserver,
  fn: () =>
    withChain(async ({ args }) => {
      const server = new Deno.Command("tcpserver", {
        args: ["-1", "-H", "-R", "127.0.0.1", "0", ...qfrontCommand(), ...args([])],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const lines = server.stdout.getReader();
      try {
        const port = Number(new TextDecoder().decode((await lines.read()).value).trim());
        const conn = await Deno.connect({ hostname: "127.0.0.1", port });
        await conn.write(new TextEncoder().encode("USER joe\r\nPASS right\r\nSTAT\r\nQUIT\r\n"));
        const said = await new Response(conn.readable).text();
        assertMatch(said, /\+OK maildrop is open\r\n\+OK 1 \d+\r\n\+OK bye\r\n$/);
      } finally {
        await lines.cancel();
        server.kill("SIGTERM");
        await server.status;
      }
    }),
});
