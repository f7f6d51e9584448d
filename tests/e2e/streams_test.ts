/** The command line where standard input and output are not what a terminal or a pipe gives. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeSite, qfrontCommand, removeSite } from "./front.ts";

const quoted = (words: readonly string[]) => words.map((w) => `'${w}'`).join(" ");

/** Runs `line` in a shell; "QFRONT" in it is the command. */
async function shell(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", line.replaceAll("QFRONT", quoted(qfrontCommand()))],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = (b: Uint8Array) => new TextDecoder("latin1").decode(b);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function withSite(work: (root: string) => Promise<void>): Promise<void> {
  const root = await makeSite();
  try {
    await work(root);
  } finally {
    await removeSite(root);
  }
}

function isInstalled(program: string): boolean {
  return new Deno.Command("/bin/sh", { args: ["-c", `command -v ${program}`] }).outputSync()
    .success;
}

Deno.test("lookup: an output that is full is one sentence and exit code 74", () =>
  withSite(async (root) => {
    const { code, stderr } = await shell(`QFRONT lookup --root ${root} joe@example.org >/dev/full`);
    assertEquals(code, 74);
    assertMatch(stderr, /^qfront: Standard output failed: [^\n]*\n$/);
  }));

Deno.test("command line: each output that is full is one sentence and exit code 74", () =>
  withSite(async (root) => {
    for (
      const line of [
        "--version",
        "--help",
        "reply",
        "completions bash",
        `doctor --root ${root}`,
        `poppasswd list --root ${root}`,
        `transcript run --root ${root} --set trace_level=0 config/site/nothing.txt`,
      ]
    ) {
      const { code, stderr } = await shell(`QFRONT ${line} >/dev/full`);
      assertEquals(code, 74, line);
      assertMatch(stderr, /^qfront: Standard output failed: No space left on device\n$/);
    }
  }));

Deno.test("smtp: standard error on a full disk costs a sentence, not the session", () =>
  withSite(async (root) => {
    const { code, stdout } = await shell(
      `printf 'QUIT\\r\\n' | QFRONT smtp --root ${root} --trace-cfg / 2>/dev/full`,
    );
    assertEquals(code, 0);
    assertMatch(stdout, /^220 [^\r]*\r\n221 [^\r]*\r\n$/);
    const wrong = await shell("QFRONT frobnicate 2>/dev/full");
    assertEquals(wrong.code, 64);
  }));

Deno.test("--dns-file: one that is not there is said, not passed over", () =>
  withSite(async (root) => {
    const { code, stderr } = await shell(`QFRONT smtp --root ${root} --dns-file /nonexistent/zone`);
    assertEquals([code, stderr], [
      78,
      'qfront: --dns-file "/nonexistent/zone" can\'t be read: it does not exist\n',
    ]);
  }));

Deno.test("lookup: a reader that goes away ends it without a word", () =>
  withSite(async (root) => {
    const { stdout, stderr } = await shell(
      `yes joe@example.org | QFRONT lookup --root ${root} | head -n 1`,
    );
    assertEquals(
      stdout,
      'joe@example.org: deliverable. /home/joe/.qmail takes it for user "joe"\n',
    );
    assertEquals(stderr, "");
  }));

Deno.test("lookup: a switch takes no value, so that --json=no can't turn it on", async () => {
  const { code, stderr } = await shell("QFRONT lookup --json=no joe@example.org");
  assertEquals([code, stderr], [64, "qfront: --json takes no value\n"]);
});

Deno.test("smtp: standard input closed or empty is a session without commands", () =>
  withSite(async (root) => {
    for (const input of ["<&-", "</dev/null"]) {
      const { code, stdout } = await shell(`QFRONT --root ${root} ${input}`);
      assertEquals([code, stdout], [0, "220 mail.example.org ESMTP\r\n"], input);
    }
  }));

Deno.test({
  name: "command line: a terminal gets the help, with right options as well",
  ignore: !isInstalled("script"),
  fn: async () => {
    for (const options of ["", " --root /nonexistent"]) {
      const { stdout } = await shell(
        `script -qec "${quoted(qfrontCommand())}${options}" /dev/null`,
      );
      assertStringIncludes(stdout, "usage: qfront COMMAND");
    }
  },
});
