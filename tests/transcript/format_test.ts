import { assertEquals, assertThrows } from "@std/assert";
import { parseTranscript, TranscriptError } from "../../transcript/format.ts";
import { compilePattern, unescapeText } from "../../transcript/pattern.ts";

Deno.test("parseTranscript: setup, dialogue, comments, line numbers", () => {
  const { setup, steps } = parseTranscript(`# a comment
@protocol pop3
@site sample
@peer 192.0.2.7
@input transcript
@set max_hops=3
@set smtp_listen=a=b
@env RELAYCLIENT=
@file home/joe/Maildir/new/1
| Subject: x
|
|  indented

S: 220 *
C: MAIL FROM:<>
C:
C-raw: \\x00a\\r
C*2: NOOP
S: ...
S*2: 250 *
C: <silence>
C: <eof>
S: <eof>
`);
  assertEquals(setup, {
    protocol: "pop3",
    site: "sample",
    remoteIp: "192.0.2.7",
    input: "transcript",
    tls: null,
    settings: ["max_hops=3", "smtp_listen=a=b"],
    env: { RELAYCLIENT: "" },
    files: [{ path: "home/joe/Maildir/new/1", text: "Subject: x\n\n indented\n" }],
  });
  assertEquals(steps.map((s) => [s.line, s.kind]), [
    [14, "expect"],
    [15, "send"],
    [16, "send"],
    [17, "send"],
    [18, "send"],
    [18, "send"],
    [19, "skip"],
    [20, "expect"],
    [20, "expect"],
    [21, "silence"],
    [22, "end_input"],
    [23, "expect_end"],
  ]);
  const sent = steps.flatMap((s) => s.kind === "send" ? [s.bytes] : []);
  assertEquals(sent, ["MAIL FROM:<>\r\n", "\r\n", "\0a\r", "NOOP\r\n", "NOOP\r\n"]);
});

Deno.test("parseTranscript: spaces that belong to a line stay", () => {
  const { steps } = parseTranscript("C:  a \nC: b\t\r\n");
  assertEquals(steps.map((s) => s.kind === "send" && s.bytes), [" a \r\n", "b\t\r\n"]);
});

Deno.test("parseTranscript: TLS and waits, and that a turn to TLS needs it to be offered", () => {
  const read = (text: string) => parseTranscript(text);
  assertEquals(read("C: <tls>\nC: <wait 1.5>\n").steps, [
    { kind: "tls", line: 1 },
    { kind: "wait", line: 2, seconds: 1.5 },
  ]);
  assertEquals(read("C: <tls>\n").setup.tls, "offered");
  assertEquals(read("@tls implicit\nC: a\n").setup.tls, "implicit");
  assertEquals(read("C: <wait>\n").steps[0]?.kind, "send");
});

Deno.test("parseTranscript: every mistake has its line and a sentence", () => {
  const faults: [string, number, string][] = [
    ["HELO x\nQUIT\n", 1, "qfront smtp < FILE"],
    ["", 1, "no dialogue"],
    ["# x\n", 1, "no dialogue"],
    ["S: 220 *\n@set a=b\n", 2, "before the dialogue"],
    ["@sett a=b\nS: 1", 1, '"@sett" is none of'],
    ["@set a\nS: 1", 1, "KEY=VALUE"],
    ["@protocol imap\nS: 1", 1, "smtp, submission, pop3"],
    ["@file ../x\nS: 1", 1, "below the site"],
    ["@file /x\nS: 1", 1, "below the site"],
    ["| x\nS: 1", 1, "before its @file"],
    ["\nC-raw: a\\q\n", 2, "no escape"],
    ["S-raw: a", 1, "raw form"],
    ["S: ...\nC: x", 1, "needs an S: line"],
    ["S: ...", 1, "needs an S: line"],
    ["S: <eof>\nC: x", 1, "Nothing can follow"],
    ["S:220", 1, "begins with none"],
  ];
  for (const [text, line, words] of faults) {
    const error = assertThrows(() => parseTranscript(text), TranscriptError, words, text);
    assertEquals(error.line, line, text);
  }
});

Deno.test("compilePattern: a star is anything, all else is itself, whole line", () => {
  const cases: [string, string, boolean][] = [
    ["250 *", "250 ok", true],
    ["250 *", "250 ", true],
    ["250 *", "250-ok", false],
    ["250 *", "x250 ok", false],
    ["250", "250 ok", false],
    ["*.*", "a.b", true],
    ["*.*", "ab", false],
    ["a+[b](c)?.", "a+[b](c)?.", true],
    ["a.c", "abc", false],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["\\\\*", "\\x", true],
    ["\\x41*", "Abc", true],
    ["*", "", true],
    ["*", "a\x00\xffb", true],
  ];
  for (const [pattern, line, fits] of cases) {
    assertEquals(compilePattern(pattern).test(line), fits, `${pattern} ${line}`);
  }
});

Deno.test("unescapeText: the escapes it knows", () => {
  assertEquals(unescapeText("\\r\\n\\t\\\\\\*\\x00\\xff"), "\r\n\t\\*\x00\xff");
});
