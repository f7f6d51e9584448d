/** `qfront doctor` as a person or a script calls it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runAlone } from "../../../cli/command.ts";
import { DOCTOR } from "../../../cli/doctor.ts";
import { findingsText } from "../../../cli/doctor_text.ts";
import { CHECKS } from "../../../doctor/mod.ts";
import { found } from "../../../doctor/words.ts";
import { findingsOf, withSample } from "../doctor/site_kit.ts";

/** Runs the command; what it prints is gathered. */
async function call(args: readonly string[]) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const log = console.log;
  console.log = (text: string) => void printed.push(text);
  try {
    const code = await runAlone(DOCTOR, args, console.log, (line) => complaints.push(line));
    return { code, output: printed.join("\n"), complaint: complaints.join("\n") };
  } finally {
    console.log = log;
  }
}

/** Every name below `path` with what a change would change; reading a file may change its atime, so that is left out. */
function picture(path: string): string[] {
  const info = Deno.lstatSync(path);
  const own = [
    path,
    info.ino,
    info.mode,
    info.uid,
    info.gid,
    info.size,
    info.mtime?.getTime(),
    info.ctime?.getTime(),
  ].join(" ");
  if (!info.isDirectory) return [own];
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return [own, ...names.flatMap((name) => picture(`${path}/${name}`))];
}

Deno.test("doctor: changes nothing", async () => {
  await withSample(async ({ root, chmod, remove }) => {
    chmod("home/jane", 0o777);
    remove("var/qmail/control/rcpthosts");
    const before = picture(root);
    await call(["--root", root]);
    await call(["dns", "--root", root, "--set", "dns_file=/dev/null"]);
    assertEquals(picture(root), before);
  });
});

Deno.test("doctor: exit code by the worst; text is plain in a pipe and ends with the counts", async () => {
  await withSample(async ({ root, remove }) => {
    const only = ["--only", "control", "--only", "roles"];
    assertEquals((await call(["--root", root, ...only])).code, 0);
    remove("home/carol/.qmail-club-abuse");
    assertEquals((await call(["--root", root, ...only])).code, 1);
    remove("var/qmail/control/rcpthosts");
    const { code, output } = await call(["--root", root, ...only]);
    assertEquals(code, 2);
    assertEquals(output.includes("\x1b"), false);
    assertMatch(output, /^error {3}.*control\/rcpthosts {2}\[rcpthosts-missing\]$/m);
    assertMatch(output, /^1 error, 1 warning \(judged for .*\)$/m);
  });
});

Deno.test("doctor --json: every finding with all its parts", async () => {
  await withSample(async ({ root, remove }) => {
    remove("var/qmail/control/rcpthosts");
    const { output } = await call(["--json", "--root", root, "--only", "control"]);
    const said = JSON.parse(output);
    assertEquals(said.worst, "error");
    assertEquals(Object.keys(said.findings[0]).sort(), [
      "id",
      "mend",
      "severity",
      "what",
      "where",
      "why",
    ]);
  });
});

Deno.test("doctor: wrong arguments are 64, a site that is not there 78, each one sentence", async () => {
  for (const args of [["--only", "nonsense"], ["dnx"], ["dns", "more"]]) {
    const { code, complaint } = await call([...args, "--root", "/"]);
    assertEquals([code, complaint.split("\n").length], [64, 1], complaint);
  }
  assertEquals((await call(["--qmail-dir", "/nonsense/nowhere"])).code, 78);
});

Deno.test("doctor --as: judges for a service without keeper", async () => {
  await withSample(async ({ root, chmod }) => {
    assertEquals(
      (await findingsOf(root, ["--as", "4000001:4000001"])).some(({ id }) =>
        id === "delivery-deferred"
      ),
      false,
    );
    chmod("home/jane", 0o700);
    const findings = await findingsOf(root, ["--as", "4000001:4000001"]);
    const deferred = findings.find(({ id }) => id === "delivery-deferred");
    assertEquals(deferred?.where.path, "/home/jane");
  });
});

Deno.test("doctor dns: records with what the DNS has", async () => {
  await withSample(async ({ root, write }) => {
    write(
      "zone",
      "mail.example.org A 192.0.2.1\n1.2.0.192.in-addr.arpa PTR mail.example.org\n" +
        "example.org MX 10 mail.example.org\nexample.net MX 5 mx.example.com\n" +
        'example.org TXT "v=spf1 mx -all"\n',
    );
    const { code, output } = await call(["dns", "--root", root, "--set", `dns_file=${root}/zone`]);
    assertEquals(code, 0);
    assertStringIncludes(output, "; there, and mail.example.org leads back");
    assertStringIncludes(output, "; there: 10 mail.example.org\n");
    assertStringIncludes(output, "; there: 5 mx.example.com; none of them is mail.example.org");
    assertStringIncludes(output, "; there: v=spf1 mx -all");
    assertStringIncludes(output, '"v=TLSRPTv1; rua=mailto:postmaster@example.org"');
  });
});

Deno.test("docs/doctor.md: names every check", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/doctor.md", import.meta.url));
  for (const { name } of CHECKS) assertStringIncludes(page, `\`${name}\``);
});

Deno.test("findingsText: five of a kind, or all; colour on request; bytes of the site as UTF-8", () => {
  const many = Array.from(
    { length: 7 },
    (_, i) => found("disk-low", { path: `/d${i}` }, "caf\xc3\xa9\x07", "x"),
  );
  const service = { uid: 1, gid: 2, groups: [], name: "qmaild", how: "qmaild" };
  const text = findingsText(many, service, { colour: false, all: false });
  assertEquals([...text.matchAll(/^warning/gm)].length, 5);
  assertStringIncludes(text, "... and 2 more [disk-low] (--all)");
  assertStringIncludes(text, "café\\x07");
  const all = findingsText(many, service, { colour: true, all: true });
  assertEquals(all.split("\x1b[33mwarning").length, 8);
});
