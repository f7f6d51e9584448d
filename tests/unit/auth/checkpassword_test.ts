import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type CheckpasswordOptions, openCheckpassword } from "../../../auth/checkpassword.ts";

/**
 * A checkpassword program: reads descriptor 3, judges by the password, becomes the user and runs
 * its arguments. The login and the third field go to $OUT when that is set.
 */
const PROGRAM = `#!/bin/sh
fields=$(tr '\\0' '\\n' <&3)
exec 3<&-
field() { printf '%s\\n' "$fields" | sed -n "$1p"; }
case $(field 2) in
  right|become|noisy) ;;
  hang) exec sleep 60 ;;
  crash) kill -9 $$ ;;
  [0-9]*) exit $(field 2) ;;
  *) exit 1 ;;
esac
[ -z "$OUT" ] || printf '%s|%s|%s' "$(field 1)" "$(field 3)" "$TCPREMOTEIP" >"$OUT"
USER=joe HOME=/tmp SHELL=/bin/sh
export USER HOME SHELL
case $(field 2) in
  noisy) echo rubbish; exec "$@" ;;
  become) exec setpriv --reuid 65534 --regid 65533 --clear-groups "$@" ;;
  *) exec "$@" ;;
esac
`;

async function withProgram(
  work: (
    open: (more?: Partial<CheckpasswordOptions>) => ReturnType<typeof openCheckpassword>,
    directory: string,
  ) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const program = `${directory}/check password`;
  Deno.writeTextFileSync(program, PROGRAM, { mode: 0o755 });
  try {
    await work((more = {}) =>
      openCheckpassword({
        command: [program],
        timeoutSeconds: 20,
        atOnce: 4,
        env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
        ...more,
      }), directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const hasSetpriv = ["/usr/bin/setpriv", "/bin/setpriv"].some((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

Deno.test("openCheckpassword: exit 0 is a login, with what the program's environment tells", () =>
  withProgram(async (open) => {
    const answer = await open({ env: { PATH: "/usr/bin:/bin", MAILDIR: "mail" } })
      .checkPassword("Joe", "right");
    const expected = {
      login: "Joe",
      user: "joe",
      uid: Deno.uid(),
      gid: Deno.gid(),
      home: "/tmp",
      maildir: "mail",
    };
    assertEquals(answer, { kind: "ok", account: expected });
  }));

Deno.test({
  name: "openCheckpassword: uid and gid are those that the program has become",
  ignore: Deno.uid() !== 0 || !hasSetpriv,
  fn: () =>
    withProgram(async (open) => {
      const answer = await open().checkPassword("joe", "become");
      assert(answer.kind === "ok");
      assertEquals([answer.account.uid, answer.account.gid], [65534, 65533]);
    }),
});

Deno.test("openCheckpassword: login and stamp arrive, and the session's environment", () =>
  withProgram(async (open, directory) => {
    const env = { PATH: "/usr/bin:/bin", OUT: `${directory}/out`, TCPREMOTEIP: "unknown" };
    const session = { TCPREMOTEIP: "192.0.2.7" };
    await open({ env }).checkResponse("joe", "right", "<1.2@host>", session);
    assertEquals(Deno.readTextFileSync(`${directory}/out`), "joe|<1.2@host>|192.0.2.7");
  }));

Deno.test("openCheckpassword: other output of the program does not matter", () =>
  withProgram(async (open) => {
    const answer = await open().checkPassword("joe", "noisy");
    assert(answer.kind === "ok" && answer.account.user === "joe");
  }));

Deno.test("openCheckpassword: exit 1 and others refuse; 111, 2, 126, 127 and a crash are undecided", () =>
  withProgram(async (open) => {
    const checker = open();
    for (const code of ["1", "3", "100"]) {
      assertEquals(await checker.checkPassword("joe", code), { kind: "refused" }, code);
    }
    for (const code of ["111", "2", "126", "127"]) {
      const answer = await checker.checkPassword("joe", code);
      assert(answer.kind === "undecided", code);
      assertStringIncludes(answer.reason, `(exit ${code})`);
    }
    const crash = await checker.checkPassword("joe", "crash");
    assert(crash.kind === "undecided");
    assertStringIncludes(crash.reason, "SIGKILL");
  }));

Deno.test("openCheckpassword: a program over its time is killed and undecided", () =>
  withProgram(async (open) => {
    const answer = await open({ timeoutSeconds: 0.3 }).checkPassword("joe", "hang");
    assert(answer.kind === "undecided");
    assertStringIncludes(answer.reason, "took longer than 0.3 seconds");
  }));

Deno.test("openCheckpassword: a program that is not there, or no program, is undecided", async () => {
  for (const program of ["/nonexistent/checkpassword", "/tmp"]) {
    const options = { command: [program], timeoutSeconds: 5, atOnce: 1, env: {} };
    const answer = await openCheckpassword(options).checkPassword("joe", "right");
    assert(answer.kind === "undecided", program);
    assertStringIncludes(answer.reason, `"${program}" can't be run`);
  }
});

Deno.test("openCheckpassword: exit 0 without a report is a login whose place the look-up knows", async () => {
  const options = {
    command: ["/bin/sh", "-c", "cat <&3 >/dev/null"],
    timeoutSeconds: 20,
    atOnce: 1,
    env: {},
  };
  const place = { user: null, uid: null, gid: null, home: null, maildir: null };
  assertEquals(await openCheckpassword(options).checkPassword("joe", "x"), {
    kind: "ok",
    account: { login: "joe", ...place },
  });
});

Deno.test("openCheckpassword: 512 bytes reach the program, 513 and NULs are refused without it", () =>
  withProgram(async (open) => {
    const checker = open();
    const login = (stamp: string) => "j".repeat(512 - "right".length - stamp.length - 3);
    assertEquals((await checker.checkResponse(login("s"), "right", "s")).kind, "ok");
    const counting = openCheckpassword({
      command: ["/nonexistent"],
      timeoutSeconds: 5,
      atOnce: 1,
      env: {},
    });
    assertEquals((await counting.checkResponse(`${login("s")}j`, "right", "s")).kind, "refused");
    assertEquals((await counting.checkPassword("joe\0", "right")).kind, "refused");
    assertEquals((await counting.checkPassword("joe", "ri\0ght")).kind, "refused");
    assertEquals((await counting.checkPassword("joe", "")).kind, "refused");
    assertEquals((await counting.checkPassword("", "right")).kind, "refused");
  }));

Deno.test("openCheckpassword: more logins than places wait for their turn", () =>
  withProgram(async (open) => {
    const checker = open({ atOnce: 1 });
    const answers = await Promise.all(
      ["right", "1", "right"].map((p) => checker.checkPassword("joe", p)),
    );
    assertEquals(answers.map((a) => a.kind), ["ok", "refused", "ok"]);
  }));
