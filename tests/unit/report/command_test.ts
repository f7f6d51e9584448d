import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { helpText, runAlone } from "../../../cli/command.ts";
import { makeReportCommand } from "../../../cli/report.ts";
import { makeProgress } from "../../../report/progress.ts";
import { makeSampleSite } from "../../../tools/sample_site.ts";
import { sampleLogs } from "./sample_logs.ts";

const NOW = Date.UTC(2026, 2, 2, 12);

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], isTerminal = false): Promise<Said> {
  let out = "";
  let err = "";
  const command = makeReportCommand(() => ({
    isTerminal,
    wantsColour: true,
    isErrorTerminal: isTerminal,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    now: () => NOW,
  }));
  const code = await runAlone(command, args, (line) => out += line, (line) => err += line);
  return { code, out, err };
}

async function withLogs(action: (directory: string, files: string[]) => Promise<void>) {
  const directory = Deno.makeTempDirSync();
  try {
    const logs = sampleLogs(200, "katr", NOW - 3_600_000);
    Deno.writeTextFileSync(`${directory}/trace`, [...logs.trace].join(""));
    Deno.writeTextFileSync(`${directory}/send`, logs.send.join(""));
    await action(directory, [`${directory}/trace`, `${directory}/send`]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("report: text in a pipe is plain, on a terminal coloured with a progress bar", () =>
  withLogs(async (_, files) => {
    const pipe = await run(files);
    assertEquals([pipe.code, pipe.err, pipe.out.includes("\x1b")], [0, "", false]);
    assertStringIncludes(pipe.out, "Dictionary attacks");
    const terminal = await run(files, true);
    assert(terminal.out.includes("\x1b[1m"));
    assertStringIncludes(terminal.err, "%");
    assert(terminal.err.endsWith("\r\x1b[K"));
  }));

Deno.test("report: --html through a link writes what it leads to, and the link stays", () =>
  withLogs(async (directory, files) => {
    const [page, link] = [`${directory}/page.html`, `${directory}/link.html`];
    Deno.writeTextFileSync(page, "old");
    Deno.symlinkSync(page, link);
    assertEquals((await run(["--html", link, ...files])).code, 0);
    assertEquals(Deno.lstatSync(link).isSymlink, true);
    assertStringIncludes(Deno.readTextFileSync(page), "<!doctype html>");
  }));

Deno.test("report: --json is one object, --html a page, --since leaves out what is older", () =>
  withLogs(async (directory, files) => {
    const { out } = await run(["--json", ...files]);
    const report = JSON.parse(out);
    assertEquals(report.sessions.total, 200);
    const page = `${directory}/page.html`;
    assertEquals((await run(["--html", page, ...files])).out, "");
    assertStringIncludes(Deno.readTextFileSync(page), "<!doctype html>");
    const later = JSON.parse((await run(["--json", "--since", "1m", ...files])).out);
    assertEquals(later.sessions.total, 0);
    assertEquals(later.from, new Date(NOW - 60_000).toISOString());
  }));

Deno.test({
  name: "report: a named site is asked who would be refused today, and its queue is read",
  // The look-up keeps the system's library.
  sanitizeResources: false,
  fn: () =>
    withLogs(async (directory, files) => {
      const root = `${directory}/site`;
      await makeSampleSite(root);
      Deno.mkdirSync(`${root}/var/qmail/queue/info/0`, { recursive: true });
      const report = JSON.parse((await run(["--json", "--root", root, ...files])).out);
      assert(report.recheck.asked > 0);
      const refused = report.recheck.refused.map((row: { recipient: string }) => row.recipient);
      assert(refused.includes("former@example.org"), JSON.stringify(refused));
      assert(!refused.includes("joe@example.org"));
      assertEquals(report.queue.messages, 0);
    }),
});

Deno.test("report: --anonymise masks old logs and keeps young ones", () =>
  withLogs(async (_, files) => {
    const [trace = "", send = ""] = files;
    Deno.utimeSync(trace, NOW / 1000 - 90_000, NOW / 1000 - 90_000);
    Deno.utimeSync(send, NOW / 1000 - 3600, NOW / 1000 - 3600);
    const { code, out } = await run(["--anonymise", "1d", trace, send]);
    assertEquals(code, 0);
    assertStringIncludes(out, "lines masked (hash)");
    assertStringIncludes(out, `${send}: kept`);
    assertEquals(/192\.0\.2\./.test(Deno.readTextFileSync(trace)), false);
    assertStringIncludes(Deno.readTextFileSync(send), "victim");
  }));

Deno.test("report: wrong arguments are one sentence each, exit 64; a log that is not there 74", async () => {
  const cases: [string[], string][] = [
    [[], "report wants logs"],
    [["--since", "soon", "x"], '--since "soon" is no span'],
    [["--since", "1d", "--from", "2026-01-01", "x"], "can't both"],
    [["--until", "2026-02-30", "x"], '--until "2026-02-30" is no time'],
    [["--privacy", "some", "x"], "is not one of: none, network, hash, hide"],
    [["--top", "0", "x"], "--top"],
    [["--anonymise", "1d", "-"], "not standard input"],
  ];
  const file = Deno.makeTempFileSync();
  try {
    for (const [args, sentence] of cases) {
      const said = await run(args.map((arg) => arg === "x" ? file : arg));
      assertEquals(said.code, 64, args.join(" "));
      assertStringIncludes(said.err, sentence);
    }
  } finally {
    Deno.removeSync(file);
  }
  const missing = await run(["/nonexistent/log"]);
  assertEquals(missing.code, 74);
  assertStringIncludes(missing.err, "does not exist");
});

Deno.test("report: the help fits a screen", () => {
  const lines = helpText(makeReportCommand(() => ({} as never))).trimEnd().split("\n");
  assert(lines.length <= 24 && lines.every((line) => line.length <= 80), lines.join("\n"));
});

Deno.test("makeProgress: nothing in a pipe; shares on a terminal, megabytes where the size is unknown", () => {
  let shown = "";
  const write = (text: string) => void (shown += text);
  let now = 0;
  const pipe = makeProgress({ isTerminal: false, write }, 100, () => now);
  pipe.update(50);
  pipe.done();
  assertEquals(shown, "");
  const bar = makeProgress({ isTerminal: true, write }, 2_000_000, () => now);
  bar.update(1_000_000);
  now = 50;
  bar.update(1_500_000);
  assertEquals(shown, `\r[${"#".repeat(20)}${".".repeat(20)}]  50% of 2 MB`);
  shown = "";
  makeProgress({ isTerminal: true, write }, 0, () => now).update(3_000_000);
  assertEquals(shown, "\r3 MB read");
});
