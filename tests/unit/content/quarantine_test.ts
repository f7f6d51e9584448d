import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RECEIVED, run, type Setup, shown } from "./kit.ts";

const TEXT = "Subject: x\ty\n\nbody\n";
const RULES: Setup = {
  settings: { header_rules: "on" },
  files: { headerrules: "quarantine Subject: x* \n" },
};

async function withDirectory(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await work(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const names = (dir: string): string[] => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

const into = (dir: string, setup: Setup, more = {}): Setup => ({
  ...setup,
  settings: { ...setup.settings, quarantine_dir: dir, ...more },
});

Deno.test("openQuarantine: a copy in a plain directory, and a line that says why", () =>
  withDirectory(async (dir) => {
    const ran = await run(TEXT, into(dir, RULES));
    assertEquals(shown(ran), "queued");
    const [file = "", index] = names(dir);
    assertEquals(index, "index");
    const copy = Deno.readTextFileSync(`${dir}/${file}`);
    assert(copy.endsWith(RECEIVED + TEXT));
    assertStringIncludes(copy, "X-Qfront-Quarantine: header_rules: line 1 matches\n");
    assertStringIncludes(copy, "X-Qfront-Recipient: <joe@example.org>\n");
    assertEquals(
      Deno.readTextFileSync(`${dir}/index`),
      `2026-11-20T13:27:48.000Z\t${file}\t192.0.2.7\t<friend@example.net>\t1\t` +
        "header_rules: line 1 matches\tx?y\n",
    );
    assertStringIncludes(ran.tracer.lines().join("\n"), `(1) content: quarantine: ${file} from`);
  }));

Deno.test("openQuarantine: a Maildir gets it in new, by way of tmp", () =>
  withDirectory(async (dir) => {
    for (const sub of ["tmp", "new", "cur"]) Deno.mkdirSync(`${dir}/${sub}`);
    await run(TEXT, into(dir, RULES));
    assertEquals([names(`${dir}/new`).length, names(`${dir}/tmp`).length], [1, 0]);
    assertStringIncludes(Deno.readTextFileSync(`${dir}/index`), "\tnew/");
  }));

Deno.test("openQuarantine: refused mail is only kept where that is wanted", () =>
  withDirectory(async (dir) => {
    const refusing: Setup = { ...RULES, files: { headerrules: "refuse Subject: *\n" } };
    assertEquals(shown(await run(TEXT, into(dir, refusing))), "554 header_rule");
    assertEquals(names(dir), []);
    const wanted = into(dir, refusing, { quarantine_refused: true });
    assertEquals(shown(await run(TEXT, wanted)), "554 header_rule");
    assertEquals(names(dir).length, 2);
  }));

Deno.test("openQuarantine: trouble is told and never touches mail", async () => {
  const ran = await run(TEXT, into("/does/not/exist", RULES));
  assertEquals([shown(ran), ran.queued], ["queued", RECEIVED + TEXT]);
  assertStringIncludes(ran.tracer.lines().join("\n"), 'no copy in "/does/not/exist": ');
});

Deno.test("openQuarantine: two copies of one moment have two names", () =>
  withDirectory(async (dir) => {
    await Promise.all([run(TEXT, into(dir, RULES)), run(TEXT, into(dir, RULES))]);
    assertEquals(names(dir).length, 3);
    assertEquals(Deno.readTextFileSync(`${dir}/index`).split("\n").length, 3);
  }));
