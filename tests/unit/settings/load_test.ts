import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadSettings, parseTraceCfg } from "../../../settings/load.ts";
import { defaultSettings, SettingError, type SettingName } from "../../../settings/mod.ts";
import { nearestName, settingNamed } from "../../../settings/names.ts";

const load = (cfgText: string | null, ...overrides: string[]) =>
  loadSettings({ cfgText, cfgName: "trace.cfg", overrides });

async function textsOf(text: string): Promise<Record<string, string>> {
  const { values } = await parseTraceCfg(text);
  return Object.fromEntries([...values].map(([name, v]) => [name, v.text]));
}

const KATR = `#
# qmail trace configuration file
# Version 1.0
#

# Name of the trace file, if empty or invalid, logging is disabled
trace_file = /var/log/qmail/trace

# Level of logging, if invalid or outside of the range 0-4, logging is disabled
trace_level = 3
`;

Deno.test("parseTraceCfg: key=value, key value and key: value mean the same, in one file too", async () => {
  const wanted = { trace_file: "log/t", trace_level: "3", max_hops: "50" };
  for (
    const text of [
      "trace_file=log/t\ntrace_level=3\nmax_hops=50",
      "trace_file log/t\ntrace_level\t3\nmax_hops  50\n",
      "trace_file: log/t\ntrace_level: 3\nmax_hops: 50\n",
      "trace_file = log/t\ntrace_level : 3\n  max_hops 50\n",
      "trace_file:log/t\ntrace_level 3\nmax_hops=50 # fifty\n",
      "---\r\ntrace_file: 'log/t'\r\ntrace_level: \"3\"\r\nmax_hops = '50'\r\n...\r\n",
      "\uFEFFtrace_file: log/t\rtrace_level: 3\rmax_hops: 50",
      '{"trace_file": "log/t", "trace_level": 3,\n "max_hops": 50}',
    ]
  ) {
    assertEquals(await textsOf(text), wanted, text);
  }
});

Deno.test("parseTraceCfg: names in any case and KATR's likely spellings", async () => {
  for (const file of ["trace_file", "TRACE_FILE", "TraceFile", "tracefile", "FILE", "Trace-File"]) {
    assertEquals(await textsOf(`${file}=a`), { trace_file: "a" }, file);
  }
  for (const level of ["trace_level", "Trace_Level", "TRACELEVEL", "level", "Level"]) {
    assertEquals(await textsOf(`${level} 2`), { trace_level: "2" }, level);
  }
});

Deno.test("parseTraceCfg: comments, empty lines and the line of each value", async () => {
  const { values, problems } = await parseTraceCfg(KATR);
  assertEquals(values.get("trace_file"), { text: "/var/log/qmail/trace", line: 7 });
  assertEquals(values.get("trace_level"), { text: "3", line: 10 });
  assertEquals(problems, []);
});

Deno.test("parseTraceCfg: # is a comment only after a blank", async () => {
  assertEquals(await textsOf("trace_file=a#b # c"), { trace_file: "a#b" });
  assertEquals(await textsOf("conf_break=#"), { conf_break: "#" });
  assertEquals(await textsOf("conf_break: '#' # a hash"), { conf_break: "#" });
  assertEquals(await textsOf("trace_file: # none"), { trace_file: "" });
  assertEquals(await textsOf("trace_file 'a # b'"), { trace_file: "a # b" });
});

Deno.test("parseTraceCfg: YAML sequences in brackets and in lines", async () => {
  const text = `smtp_listen: [127.0.0.1:25, "[::1]:25"]
pop3_listen:
  # both
  - 127.0.0.1:110
  - ":995"
trace_level: 1
`;
  const { values, problems } = await parseTraceCfg(text);
  assertEquals(values.get("smtp_listen"), { text: "127.0.0.1:25, [::1]:25", line: 1 });
  assertEquals(values.get("pop3_listen"), { text: "127.0.0.1:110, :995", line: 2 });
  assertEquals(values.get("trace_level"), { text: "1", line: 6 });
  assertEquals(problems, []);
  assertEquals(await textsOf("smtp_listen:\n- :25\n- :26\nlevel 1"), {
    smtp_listen: ":25, :26",
    trace_level: "1",
  });
  assertEquals(await textsOf("smtp_listen: [\n  :25,\n  :26\n]\nlevel 1"), {
    smtp_listen: ":25, :26",
    trace_level: "1",
  });
});

Deno.test("parseTraceCfg: an IPv6 address with a port is no sequence", async () => {
  assertEquals(await textsOf("smtp_listen: [::1]:25"), { smtp_listen: "[::1]:25" });
});

Deno.test("parseTraceCfg: YAML block scalars and escapes in quotes", async () => {
  assertEquals(await textsOf("default_delivery: |\n  ./Maildir/\n  |x\nlevel: 1"), {
    default_delivery: "./Maildir/\n|x\n",
    trace_level: "1",
  });
  assertEquals(await textsOf('trace_file: "a\\x20b"'), { trace_file: "a b" });
  assertEquals(await textsOf("trace_file: 'it''s'"), { trace_file: "it's" });
});

Deno.test("parseTraceCfg: an unknown key is a warning with its line and the nearest name", async () => {
  const { problems } = await parseTraceCfg("# x\nmax_recipient = 3\n");
  assertEquals(problems, [{
    line: 2,
    severity: "warning",
    message: 'Unknown setting "max_recipient"; the nearest known name is "max_recipients"',
  }]);
});

Deno.test("parseTraceCfg: of two equal keys the last counts, with a warning", async () => {
  const { values, problems } = await parseTraceCfg("file=a\nlevel=1\ntrace_file: b\n");
  assertEquals(values.get("trace_file"), { text: "b", line: 3 });
  assertEquals(problems.map((p) => [p.line, p.severity]), [[3, "warning"]]);
});

Deno.test("parseTraceCfg: what can't be read is an error with its line", async () => {
  for (
    const [text, line] of [
      ["level 1\n???\n", 2],
      ["level 1\n\n= 3", 3],
      ["level 1\ntrace_file: 'abc\n", 2],
      ["smtp_listen:\n  - a\n  - [b\nlevel: 1", 4],
      ["\u0000\u0001\u0002", 1],
    ] as const
  ) {
    const errors = (await parseTraceCfg(text)).problems.filter((p) => p.severity === "error");
    assertEquals(errors.map((p) => p.line), [line], text);
  }
});

Deno.test("parseTraceCfg: a nested value where one value belongs is a warning", async () => {
  const { values, problems } = await parseTraceCfg("max_hops:\n  a: 1\nqueue: [maildir]\nlevel 2");
  assertEquals([...values.keys()], ["trace_level"]);
  assertEquals(problems.map((p) => [p.line, p.severity]), [[1, "warning"], [3, "warning"]]);
});

Deno.test("loadSettings: KATR's own file is enough", async () => {
  const { settings, problems } = await load(KATR);
  assertEquals(settings, {
    ...defaultSettings(),
    trace_file: "/var/log/qmail/trace",
    trace_level: 3,
  });
  assertEquals(problems, []);
});

Deno.test("loadSettings: missing, empty or invalid turns tracing off with one sentence", async () => {
  for (
    const text of [
      null,
      "",
      "# nothing\n",
      "level 3",
      "trace_file=x",
      "trace_file=\ntrace_level=3",
      "trace_file x\ntrace_level 5",
      "trace_file x\ntrace_level -1",
      "trace_file x\ntrace_level three",
      "trace_file x\ntrace_level",
      "trace_file x\ntrace_level 3.5",
      "trace_file: log/\ntrace_level: 3",
      'trace_file: "a\\0b"\ntrace_level: 3',
    ]
  ) {
    const { settings, problems, parsed } = await load(text);
    assert(settings.trace_level === 0 || settings.trace_file === "", String(text));
    assertEquals(problems.length, 1, `${text}: ${JSON.stringify(problems)}`);
    assertStringIncludes(problems[0]?.message ?? "", "racing is off");
    assert(parsed);
  }
});

Deno.test("loadSettings: level 0 is a choice, not a problem", async () => {
  assertEquals((await load("trace_level 0")).problems, []);
  assertEquals((await load("trace_file x\ntrace_level: 0")).problems, []);
});

Deno.test("loadSettings: level 0 to 4 are taken, each", async () => {
  for (const level of [1, 2, 3, 4]) {
    const { settings, problems } = await load(`trace_file t\ntrace_level ${level}`);
    assertEquals([settings.trace_level, settings.trace_file], [level, "t"]);
    assertEquals(problems, []);
  }
});

Deno.test("loadSettings: a bad value keeps the default and names line and default", async () => {
  const { settings, problems } = await load("level 0\nmax_hops: many\nqueue\n");
  assertEquals([settings.max_hops, settings.queue], [100, "auto"]);
  assertEquals(problems.map((p) => [p.line, p.message]), [
    [2, 'max_hops: "many" is not a whole number 1 or more; 100 is used'],
    [3, 'queue has no value; "auto" is used'],
  ]);
});

Deno.test("loadSettings: a file that does not parse as a whole has no trace but what else it says", async () => {
  const { settings, parsed } = await load("trace_file x\nlevel 3\nmax_hops 7\n???\n");
  assertEquals([settings.trace_level, settings.max_hops, parsed], [0, 7, false]);
});

Deno.test("loadSettings: a file of garbage is one problem, which names the first line and how much there is", async () => {
  const { problems } = await load("\0\x01garbage\n# fine\n\xff???\n!!\n");
  assertEquals(problems.map((p) => p.line), [1]);
  assertStringIncludes(
    problems[0]?.message ?? "",
    "is neither a setting nor a comment, so tracing is off",
  );
  assertStringIncludes(problems[0]?.message ?? "", "the first of 3 faults, the last is in line 4");
});

Deno.test("loadSettings: --set goes over the file and takes the same names", async () => {
  const loaded = await load(null, "level=4", "FILE=t", "smtp_listen=:1,:2", "level=2");
  assertEquals(loaded.settings.trace_level, 2);
  assertEquals(loaded.settings.trace_file, "t");
  assertEquals(loaded.settings.smtp_listen, [":1", ":2"]);
  assertEquals(loaded.problems, []);
});

Deno.test("loadSettings: a bad --set is a SettingError with a sentence", async () => {
  for (
    const [override, said] of [
      ["max_hops", '"max_hops" is not KEY=VALUE'],
      ["max_hop=3", 'There is no setting "max_hop"; the nearest is "max_hops"'],
      ["max_hops=x", 'max_hops: "x" is not a whole number 1 or more'],
      ["trace_level=5", 'trace_level: "5" is not a whole number from 0 to 4'],
      ["=x", '"=x" is not KEY=VALUE'],
    ] as const
  ) {
    const error = await assertRejects(() => load("", override), SettingError);
    assertEquals(error.message, said);
  }
});

Deno.test("settingNamed: only what is a setting, not what an object inherits", () => {
  for (const word of ["constructor", "toString", "__proto__", "", "x"]) {
    assertEquals(settingNamed(word), null, word);
  }
});

Deno.test("nearestName: one slip away", () => {
  const slips: [string, SettingName][] = [
    ["trace_fil", "trace_file"],
    ["max_hopps", "max_hops"],
    ["on_invalid_rcpts", "on_invalid_rcpt"],
    ["SMTP-LISTN", "smtp_listen"],
  ];
  for (const [word, name] of slips) assertEquals(nearestName(word), name);
});
