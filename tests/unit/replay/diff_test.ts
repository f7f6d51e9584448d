import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeDiff } from "../../../cli/diff.ts";
import { addressesOf, ANY_NAME } from "../../../replay/addresses.ts";
import type { DiffReport } from "../../../replay/mod.ts";
import { logsOf, type Place, runCommandWith, withSite } from "./kit.ts";

const OLD = "/var/qmail";
const NEW = "/var/qmail.new";

/** Runs `work` with a second tree beside the sample's, the same as it. */
function test(name: string, work: (place: Place, control: string) => Promise<void>): void {
  Deno.test({
    name,
    sanitizeResources: false,
    fn: () =>
      withSite(async (place) => {
        const tree = place.root + NEW;
        const { success } = await new Deno.Command("cp", {
          args: ["-a", place.root + OLD, tree],
        }).output();
        assert(success);
        await work(place, `${tree}/control`);
      }),
  });
}

async function diff({ root }: Place, ...args: string[]): Promise<DiffReport & { code: number }> {
  const all = [OLD, NEW, "--root", root, "--json", ...args];
  const { code, out, err } = await runCommandWith(makeDiff, all);
  assertEquals(err, "");
  return { ...JSON.parse(out), code };
}

const edit = (path: string, change: (text: string) => string): void =>
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));

const recipients = (report: DiffReport, kind: string): string[] =>
  report.rows.filter((row) => row.kind === kind).map((row) => row.recipient).sort();

test("diff: the same tree twice differs in nothing, exit 0", async (place) => {
  const report = await diff(place);
  assertEquals([report.code, report.rows.length, report.asked], [0, 0, "addresses"]);
  assert(report.count > 50);
  assertEquals(report.notes, []);
});

test(
  "diff: a domain that goes out of rcpthosts is named address by address, exit 1",
  async (place, control) => {
    edit(`${control}/rcpthosts`, (text) => text.replace("club.example\n", ""));
    const report = await diff(place);
    assertEquals(report.code, 1);
    assertEquals(recipients(report, "accepted_refused"), [
      "abuse@club.example",
      "board@club.example",
      "info@club.example",
      "postmaster@club.example",
    ]);
    assertEquals(report.rows[0]?.new.rule, "relaying denied");
  },
);

test(
  "diff: mail that goes elsewhere is told with the look-up step where the trees part",
  async (place, control) => {
    edit(`${control}/virtualdomains`, (text) => text.replace(":alias-shop", ":joe-lists"));
    const report = await diff(place);
    const any = report.rows.find(({ is_any_name }) => is_any_name);
    assertEquals([any?.kind, any?.recipient], ["goes_elsewhere", `${ANY_NAME}@shop.example`]);
    assertStringIncludes(any?.old.goes_to ?? "", "alias, .qmail-shop-default");
    assertStringIncludes(any?.new.goes_to ?? "", "joe, .qmail-lists-default");
    assertEquals(any?.step?.old?.step, "virtualdomains");
    assertStringIncludes(any?.step?.new?.found ?? "", "joe-lists");
  },
);

test("diff: attempts of logs, with how many were delivered then", async (place, control) => {
  edit(`${control}/badmailfrom`, () => "@far.example\n");
  const { trace, send } = logsOf([
    { user: "joe", fate: "delivered" },
    { user: "joe", fate: "accepted" },
    { user: "joe", sender: "a@near.example", fate: "accepted" },
  ]);
  const logs = ["--log", place.write("trace", trace), "--log", place.write("send", send)];
  const report = await diff(place, ...logs);
  assertEquals([report.asked, report.count, report.changes.accepted_refused], ["attempts", 3, 2]);
  const [row] = report.rows;
  assertEquals([row?.count, row?.delivered, row?.new.rule], [2, 1, "badmailfrom: @far.example"]);
});

test(
  "diff: addresses of a file, for a client and sender of one's own; text is safe",
  async (place, control) => {
    edit(`${control}/badmailfrom`, () => "@far.example\n");
    const file = place.write("who", "# these\njoe@example.org\r\nno\x1b[2Jbody@example.org\n\n");
    const report = await diff(place, "--addresses", file, "--from", "x@far.example");
    assertEquals([report.count, report.changes.accepted_refused], [2, 1]);
    edit(`${control}/locals`, (text) => text.replace("example.org\n", ""));
    const args = [OLD, NEW, "--root", place.root, "--addresses", file, "--top", "9"];
    const { out } = await runCommandWith(makeDiff, args);
    // deno-lint-ignore no-control-regex -- that is what must not be there
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(out), JSON.stringify(out));
    assertStringIncludes(out, "<joe@example.org>");
  },
);

test("addressesOf: users, extensions, assignments, virtual users and roles; too many are said", (place) => {
  const path = place.root + OLD;
  const lines = (name: string): readonly string[] | null => {
    try {
      return Deno.readTextFileSync(`${path}/control/${name}`).split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"));
    } catch {
      return null;
    }
  };
  const tree = { path, root: place.root, breaks: "-", lines };
  const { addresses, notes } = addressesOf(tree);
  for (
    const address of [
      "joe@example.org",
      "joe-news@example.org",
      `joe-lists-${ANY_NAME}@example.net`,
      "board@club.example",
      `${ANY_NAME}@shop.example`,
      "postmaster@mail.example.org",
    ]
  ) assert(addresses.includes(address), address);
  assertEquals(notes, []);
  const few = addressesOf(tree, 10);
  assertEquals([few.addresses.length, few.notes.length], [10, 1]);
  return Promise.resolve();
});

test(
  "diff: a domain that goes altogether is told from its log, a relay client's mail is not",
  async (place, control) => {
    for (const name of ["rcpthosts", "virtualdomains"]) {
      edit(`${control}/${name}`, (text) => text.replace(/^club\.example.*\n/m, ""));
    }
    const { trace } = logsOf([
      { user: "info", domain: "club.example", fate: "accepted" },
      { user: "far", domain: "elsewhere.example", fate: "accepted" },
    ]);
    const report = await diff(place, "--log", place.write("trace", trace));
    assertEquals([report.count, report.not_judged.count], [2, 0]);
    assertEquals(recipients(report, "accepted_refused"), ["info@club.example"]);
  },
);

Deno.test("diff: wrong arguments are one sentence each", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const cases: [string[], number, string][] = [
      [["one"], 64, "two qmail directories"],
      [["a", "b", "--log", "x", "--addresses", "y"], 64, "can't both"],
      [["/nonexistent", "b"], 78, "does not exist"],
      [[directory, directory], 78, 'no directory "control"'],
    ];
    for (const [args, code, sentence] of cases) {
      const said = await runCommandWith(makeDiff, args);
      assertEquals(said.code, code, said.err);
      assertStringIncludes(said.err, sentence);
    }
  } finally {
    Deno.removeSync(directory);
  }
});
