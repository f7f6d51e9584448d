import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeDemote, makePromote, type PromoteIo } from "../../../cli/promote.ts";
import { DAY, logsOf, NOW, type Place, runCommandWith, type Visit, withSite } from "./kit.ts";

const CFG = "# Ours\r\ntrace_file: /var/log/qfront/trace\r\ntrace_level=2 # verdicts\r\n\r\n" +
  "# Since May\r\n  dnsbl \t= 'shadow'   # K\u00f6nig\r\n#helo: off\r\nspf: on";

const HIT: Visit = {
  user: "joe",
  sender: "win@bulk.example",
  fate: "delivered",
  shadow: ["dnsbl: zen.example", "553 dnsbl_listed"],
};
/** So old that the logs reach back far enough. */
const FIRST: Visit = { user: "jane", fate: "accepted", at: NOW - 9 * DAY };

interface Promoted {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly cfg: string;
}

async function promote(
  { control, root, write }: Place,
  visits: readonly Visit[],
  args: readonly string[],
  more: Partial<PromoteIo> = {},
  make = makePromote,
): Promise<Promoted> {
  const path = `${control}/trace.cfg`;
  Deno.writeFileSync(path, Uint8Array.from(CFG, (char) => char.charCodeAt(0)));
  Deno.chmodSync(path, 0o640);
  const { trace, send } = logsOf(visits);
  const logs = visits.length === 0 ? [] : [write("trace", trace), write("send", send)];
  const said = await runCommandWith(make, [...args, ...logs, "--root", root], more);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o640);
  assertEquals(
    [...Deno.readDirSync(control)].filter(({ name }) => name.startsWith("trace.cfg")).length,
    1,
  );
  const cfg = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  return { ...said, cfg };
}

const clean = [FIRST, ...Array.from({ length: 12 }, () => HIT)];
const ON = CFG.replace("'shadow'", "'on'");

function test(name: string, work: (place: Place) => Promise<void>): void {
  Deno.test({ name, sanitizeResources: false, fn: () => withSite(work) });
}

test("promote: clean evidence turns the check on; every other byte, mode and owner stay", async (place) => {
  const { uid, gid } = Deno.statSync(`${place.control}/trace.cfg`);
  const said = await promote(place, clean, ["dnsbl"]);
  assertEquals([said.code, said.err, said.cfg], [0, "", ON]);
  assertStringIncludes(said.out, "12 verdicts in 7 days");
  assertMatch(said.out, /^-.*'shadow'.*\n\+.*'on'/m);
  const now = Deno.statSync(`${place.control}/trace.cfg`);
  assertEquals([now.uid, now.gid], [uid, gid]);
});

test("promote: wanted mail speaks against it, by name, and nothing is written", async (place) => {
  const { shadow: _, ...passed } = HIT;
  const said = await promote(place, [...clean, passed], ["dnsbl"]);
  assertEquals([said.code, said.cfg], [1, CFG]);
  assertStringIncludes(said.out, "12 wanted messages would have been lost");
  assertStringIncludes(said.out, "<joe@example.org> from <win@bulk.example>");
  const json = await promote(place, [...clean, passed], ["dnsbl", "--json"]);
  assertEquals(JSON.parse(json.out).evidence.wanted.count, 12);
});

test("promote: too little evidence speaks against it", async (place) => {
  const cases: [Visit[], string[], string][] = [
    [clean.slice(1), [], "7 days are wanted"],
    [clean.slice(0, 9), [], "8 verdicts against mail in 7 days, and 10 are wanted"],
    [clean, ["--days", "12"], "12 days are wanted"],
    [clean, ["--least", "13"], "13 are wanted"],
    [clean, ["--strict"], "12 delivered messages would have been lost"],
  ];
  for (const [visits, more, sentence] of cases) {
    const said = await promote(place, visits, ["dnsbl", ...more]);
    assertEquals([said.code, said.cfg], [1, CFG], sentence);
    assertStringIncludes(said.out, sentence);
  }
  assertEquals((await promote(place, clean, ["dnsbl", "--days", "8"])).cfg, ON);
});

test("promote: --dry-run shows the change, --force asks for no evidence and says so", async (place) => {
  const dry = await promote(place, clean, ["dnsbl", "--dry-run"]);
  assertEquals([dry.code, dry.cfg], [0, CFG]);
  assertStringIncludes(dry.out, "Nothing was written");
  const forced = await promote(place, [], ["helo", "--force"]);
  assertEquals(forced.cfg, CFG.replace("#helo: off\r\n", "#helo: off\r\nhelo: on\r\n"));
  assertStringIncludes(forced.out, "Evidence was not asked for");
});

test("demote: puts a check into shadow", async (place) => {
  const said = await promote(place, [], ["spf"], {}, makeDemote);
  assertEquals([said.code, said.cfg], [0, CFG.replace("spf: on", "spf: shadow")]);
});

test("promote: what fails leaves the file as it was, and is one sentence", async (place) => {
  const fail = (): never => {
    throw new Error("no room");
  };
  const steps = { write: fail, sync: fail, rename: fail };
  const said = await promote(place, clean, ["dnsbl"], { steps });
  assertEquals([said.code, said.cfg], [78, CFG]);
  assertMatch(said.err, /^qfront: ".*trace\.cfg" can't be changed: no room\n$/);
});

test("promote: a check that is on, one that is none, and arguments that are wrong", async (place) => {
  const on = await promote(place, [], ["spf"]);
  assertEquals([on.code, on.out], [0, '"spf" is on already\n']);
  const cases: [string[], string][] = [
    [["dnsble"], "perhaps dnsbl"],
    [["trace_level"], "is no check"],
    [[], "needs a check"],
    [["dnsbl", "--days", "x"], "--days"],
  ];
  for (const [args, sentence] of cases) {
    const said = await promote(place, [], args);
    assertEquals([said.code, said.cfg], [64, CFG]);
    assertStringIncludes(said.err, sentence);
  }
  const missing = await promote(place, [], ["dnsbl", "/nonexistent/log"]);
  assert(missing.code === 74 && missing.err.includes("does not exist"));
});
