/** Help, manual page and completions: made from one table of commands. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bashScript, fishScript, operandWords, zshScript } from "../../../cli/completions.ts";
import type { Command } from "../../../cli/command.ts";
import { helpText } from "../../../cli/command.ts";
import { DOCTOR } from "../../../cli/doctor.ts";
import { overview } from "../../../cli/help.ts";
import { INIT } from "../../../cli/init.ts";
import { LOOKUP } from "../../../cli/lookup.ts";
import { COMMANDS as TABLE } from "../../../cli/main.ts";
import { manPage, roff } from "../../../cli/man.ts";
import { NEWPOP } from "../../../cli/newpop.ts";
import { POPPASSWD } from "../../../cli/poppasswd.ts";
import { DEMOTE, PROMOTE } from "../../../cli/promote.ts";
import { REPLY } from "../../../cli/reply.ts";
import { REPORT } from "../../../cli/report.ts";

const COMMANDS: readonly Command[] = [
  ...[LOOKUP, DOCTOR, NEWPOP, POPPASSWD, REPLY, INIT],
  ...[REPORT, PROMOTE, DEMOTE],
];

function has(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((path) => {
    try {
      return Deno.statSync(`${path}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** Output of a program that gets `input`. */
async function pipe(program: string, args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { MANWIDTH: "80", LC_ALL: "C" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("helpText: each command fits a screen of 80 by 24", async () => {
  for (const load of Object.values(TABLE)) {
    const command = await load();
    const lines = helpText(command).trimEnd().split("\n");
    assertEquals(lines.filter((line) => line.length > 80), [], command.name);
    assertEquals(lines.length <= 24, true, `${command.name}: ${lines.length} lines`);
  }
});

Deno.test("overview: every command, on a screen of 80 by 24", async () => {
  const text = await overview(TABLE);
  const words = new Set(text.split(/\s+/));
  assertEquals(Object.keys(TABLE).filter((name) => !words.has(name)), []);
  const lines = text.split("\n");
  assertEquals(lines.filter((line) => line.length > 80), []);
  assertEquals(lines.length <= 23, true, `${lines.length} lines`);
});

Deno.test("overview: a command that no row knows has one of its own", async () => {
  const about = "brews";
  const text = await overview({
    ...TABLE,
    tea: () => Promise.resolve({ ...LOOKUP, name: "tea", about }),
  });
  assertStringIncludes(text, "  tea ");
  assertStringIncludes(text, about);
});

Deno.test("roff: nothing of a text becomes a request or an escape", () => {
  assertEquals(roff(".TH x\\n\n'a --b"), "\\&.TH x\\en\n\\&'a \\-\\-b");
});

Deno.test("manPage: every command with every option", () => {
  const page = manPage(COMMANDS, "1.0");
  for (const { name, options } of COMMANDS) {
    assertStringIncludes(page, `\n.SS ${name}\n`);
    for (const option of options) assertStringIncludes(page, roff(`--${option.name}`));
  }
  const requests = new Set([...page.matchAll(/^\.([A-Z]+|\w+)/gm)].map(([, name]) => name));
  const known = ["TH", "SH", "SS", "TP", "PP", "B", "BR", "br", "nf", "fi"];
  assertEquals([...requests].filter((name) => !known.includes(name ?? "")), []);
});

Deno.test({
  name: "manPage: groff reads it without a warning",
  ignore: !has("groff"),
  async fn() {
    const text = await pipe("groff", ["-man", "-Tascii", "-ww", "-z"], manPage(COMMANDS, "1.0"));
    assertEquals(text, "");
  },
});

Deno.test({
  name: "manPage: mandoc reads it without an error",
  ignore: !has("mandoc"),
  async fn() {
    const text = await pipe("mandoc", ["-Tlint", "-Werror"], manPage(COMMANDS, "1.0"));
    assertEquals(text, "");
  },
});

Deno.test("operandWords: the words of the usage line, not what stands for something", () => {
  assertEquals(operandWords("run FILE... | record TRACE"), ["run", "record"]);
  assertEquals(operandWords("[dns]"), ["dns"]);
  assertEquals(operandWords("[ADDRESS]..."), []);
});

/** What bash would offer for a line. */
async function offered(line: string): Promise<string[]> {
  const words = line.split(" ").map((word) => `'${word}'`).join(" ");
  const script = `${bashScript(COMMANDS)}
COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}
_qfront
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await pipe("bash", ["--norc", "-c", script])).split("\n").filter((word) => word !== "");
}

Deno.test({
  name: "bashScript: bash completes commands, options, operands and settings",
  ignore: !has("bash"),
  async fn() {
    assertEquals(await offered("qfront do"), ["doctor"]);
    assertEquals(await offered("qfront doctor --js"), ["--json"]);
    assertEquals(await offered("qfront doctor d"), ["dns"]);
    assertEquals(await offered("qfront doctor --set trace_lev"), ["trace_level="]);
    assertEquals(await offered("qfront doctor --set bare_lf=re"), ["reject"]);
    assertEquals(await offered("qfront doctor --as "), []);
    assertEquals(await offered("qfront promote dns"), ["dnsbl"]);
    assertEquals(await offered("qfront demote grey"), ["greylist"]);
    assertEquals(await offered("qfront poppasswd se"), ["set"]);
    assertEquals(await offered("qfront poppasswd --hash bc"), ["bcrypt"]);
    assertEquals(await offered("qfront poppasswd --from vp"), ["vpasswd"]);
    assertEquals(await offered("qfront report --from vp"), []);
    assertEquals(await offered("qfront report --privacy ha"), ["hash"]);
    assertEquals(await offered("qfront doctor --only perm"), ["permissions"]);
    assertEquals(await offered("qfront reply unknown_r"), ["unknown_recipient"]);
    const directories = await offered("qfront doctor --qmail-dir /us");
    assert(directories.includes("/usr"), directories.join(" "));
  },
});

Deno.test("zshScript, fishScript: know the words of operands and of values", () => {
  const zsh = zshScript(COMMANDS);
  const fish = fishScript(COMMANDS);
  assertMatch(zsh, /\*:what:\([a-z_ ]*\bdnsbl\b/);
  assertStringIncludes(zsh, ":HOW:(none network hash hide)");
  assertMatch(fish, /seen_subcommand_from promote' -f -a '[a-z_ ]*\bdnsbl\b/);
  assertMatch(fish, /-l privacy -x -a 'none network hash hide'/);
});

Deno.test("zshScript, fishScript: have every command and option", () => {
  const zsh = zshScript(COMMANDS);
  const fish = fishScript(COMMANDS);
  for (const { name, options } of COMMANDS) {
    assertStringIncludes(zsh, `    ${name})\n`);
    assertStringIncludes(fish, `-a ${name} -d `);
    for (const option of options) {
      assertStringIncludes(zsh, `--${option.name}[`);
      assertStringIncludes(fish, ` -l ${option.name} `);
    }
  }
});

for (const [shell, script] of [["zsh", zshScript], ["fish", fishScript]] as const) {
  Deno.test({
    name: `${shell}Script: ${shell} reads it`,
    ignore: !has(shell),
    async fn() {
      assertEquals(await pipe(shell, ["-n"], script(COMMANDS)), "");
    },
  });
}
