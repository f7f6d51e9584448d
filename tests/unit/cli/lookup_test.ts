/** `qfront lookup` as a person or a script calls it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromLatin1, latin1 } from "../../../cdb/mod.ts";
import { type LookupIo, runLookup } from "../../../cli/lookup.ts";
import { makeAssignCdb } from "../../../validate/newu.ts";
import { buildSite, type Fixture } from "../validate/site_builder.ts";
import { OWNER, withSiteAsync } from "../validate/small_site.ts";
import { actual, type Case, expected, HERE, readLines, ROOT } from "../validate/truth.ts";

/** Standard input in pieces of `size` bytes; what is written is gathered. */
function pipe(input: string, size: number): LookupIo & { output(): string } {
  const bytes = fromLatin1(input);
  const written: string[] = [];
  let at = 0;
  return {
    read(buffer) {
      if (at >= bytes.length) return null;
      const piece = bytes.subarray(at, at + Math.min(size, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return piece.length;
    },
    write: (piece) => void written.push(latin1(piece)),
    output: () => written.join(""),
  };
}

/** Runs the command; complaints are kept off the tests' output. */
async function call(args: string[], input = "", size = 7) {
  const io = pipe(input, size);
  const complaints: string[] = [];
  const error = console.error;
  console.error = (text: string) => void complaints.push(text);
  try {
    const code = await runLookup(args, io);
    return { code, output: io.output(), complaint: complaints.join("\n") };
  } finally {
    console.error = error;
  }
}

const objects = (output: string): Record<string, unknown>[] =>
  new TextDecoder().decode(fromLatin1(output)).trim().split("\n").map((line) => JSON.parse(line));

Deno.test("runLookup: exit code 0, 100 and 111, the graver one winning", async () => {
  await withSiteAsync(async (site) => {
    site.write("home/joe/.qmail-blank", "\n");
    const code = async (...addresses: string[]) =>
      (await call(["--root", site.root, ...addresses])).code;
    assertEquals(await code("joe@example.com", "@example.com", "x@y"), 0);
    assertEquals(await code("joe@example.com", "nosuch@example.com"), 100);
    assertEquals(await code("joe-blank@example.com", "nosuch@example.com"), 111);
  });
});

Deno.test("runLookup: a wrong argument is 64, a site that can't be used 78, each one sentence", async () => {
  for (const args of [["--conf-patrn", "9"], ["--conf-break", "ab"], ["--nonsense"]]) {
    const { code, complaint } = await call([...args, "a@b"]);
    assertEquals([code, complaint.split("\n").length], [64, 1]);
  }
  const { code, complaint } = await call(["--root", "/no/such/root", "a@b"]);
  assertEquals(code, 78);
  assertStringIncludes(complaint, "/no/such/root");
});

Deno.test("runLookup: --help fits a screen and shows an example", async () => {
  const { code, output } = await call(["--help"]);
  assertEquals(code, 0);
  assertEquals(output.split("\n").length <= 24, true);
  assertStringIncludes(output, "example:\n  qfront lookup");
});

Deno.test("runLookup --json: one object a line, keys in order, only those that were reached", async () => {
  await withSiteAsync(async (site) => {
    const { output } = await call(["--root", site.root, "--json", "joe@example.com", "x@y"]);
    const [local, remote] = objects(output);
    const order =
      "address route rewritten verdict selector user uid gid home dash ext qmailfile reason";
    assertEquals(Object.keys(local ?? {}).join(" "), order);
    assertEquals(Object.keys(remote ?? {}).join(" "), "address route rewritten verdict reason");
    assertEquals(local?.uid, OWNER.uid);
    assertEquals(local?.qmailfile, null);
  });
});

Deno.test("runLookup: standard input line by line, empty lines count, a last LF does not", async () => {
  await withSiteAsync(async (site) => {
    const lines = "joe@example.com\n\njane@example.com\r\nlast@example.com";
    for (const [input, count] of [[lines, 4], [`${lines}\n`, 4], ["\n", 1], ["", 0]] as const) {
      for (const size of [1, 7, 1000]) {
        const { output } = await call(["--root", site.root], input, size);
        assertEquals(output.split("\n").length - 1, count);
      }
    }
  });
});

Deno.test("runLookup -0: addresses end with NUL, every other byte is kept", async () => {
  await withSiteAsync(async (site) => {
    const { output } = await call(["--root", site.root, "--json", "-0"], "a\nb@x\0\xff@y\0");
    assertEquals(objects(output).map((o) => o.address), ["a\nb@x", "\xff@y"]);
  });
});

Deno.test("runLookup: addresses of the command line are bytes of UTF-8", async () => {
  await withSiteAsync(async (site) => {
    const { output } = await call(["--root", site.root, "--json", "j\u00f6@y"]);
    assertEquals(objects(output)[0]?.address, "j\u00c3\u00b6@y");
  });
});

Deno.test("runLookup: without --json one readable line each, with --steps the walk below it", async () => {
  await withSiteAsync(async (site) => {
    const { output } = await call(["--root", site.root, "--steps"], "joe\x1b-x@example.com\n");
    const [first = "", ...rest] = output.trimEnd().split("\n");
    assertStringIncludes(first, "joe\\x1b-x@example.com: no-mailbox. ");
    assertEquals(rest.every((line) => line.startsWith("  ")), true);
    assertStringIncludes(output, "  locals: control/me");
  });
});

Deno.test("runLookup: what is compiled into qmail comes from options", async () => {
  await withSiteAsync(async (site) => {
    site.write(
      "var/qmail/users/cdb",
      makeAssignCdb(fromLatin1(`+a-:joe:${OWNER.uid}:${OWNER.gid}:/home/joe:-::\n.\n`)),
    );
    const verdict = async (...args: string[]) => {
      const { output } = await call(["--root", site.root, "--json", ...args]);
      return objects(output)[0]?.verdict;
    };
    assertEquals(await verdict("--conf-break", "+", "joe+x@example.com"), "no-mailbox");
    assertEquals(await verdict("--default-delivery", "", "joe@example.com"), "deferred");
    Deno.chmodSync(site.path("home/joe"), 0o775);
    assertEquals(await verdict("joe@example.com"), "deliverable");
    assertEquals(await verdict("--conf-patrn", "022", "joe@example.com"), "deferred");
  });
});

Deno.test({
  name: "runLookup --json -0: recorded cases with awkward bytes, in every field",
  ignore: !HERE || !ROOT,
  async fn() {
    const chosen = ["bytes", "vdoms", "control-crlf", "break-plus", "aliasempty-empty"];
    const cases = Map.groupBy(readLines<Case>("lookup/cases.jsonl"), (c) => c.fixture);
    for (const fixture of readLines<Fixture>("lookup/fixtures.jsonl")) {
      if (!chosen.includes(fixture.fixture)) continue;
      const root = buildSite(fixture);
      try {
        const asked = cases.get(fixture.fixture) ?? [];
        const { conf_break, conf_patrn } = fixture.build;
        const { output } = await call(
          [
            ...["--root", root, "--json", "-0", "--conf-break", conf_break],
            ...["--conf-patrn", conf_patrn, "--default-delivery", fixture.aliasempty],
          ],
          asked.map((c) => `${c.address}\0`).join(""),
          1000,
        );
        const answers = objects(output);
        assertEquals(answers.length, asked.length);
        asked.forEach((one, i) => {
          assertEquals(actual(answers[i] ?? {}), expected(one.expect), one.id);
        });
      } finally {
        Deno.removeSync(root, { recursive: true });
      }
    }
  },
});
