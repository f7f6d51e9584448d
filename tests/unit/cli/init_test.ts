/** `qfront init`, and the files it writes. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runAlone } from "../../../cli/command.ts";
import { findSystem, INIT } from "../../../cli/init.ts";
import { sampleCfg } from "../../../cli/sample_cfg.ts";
import { DEFAULT_FACTS, serviceFiles } from "../../../cli/service_files.ts";
import { loadSettings } from "../../../settings/load.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { parseTraceCfg } from "../../../settings/parse.ts";

const CONFIG = new URL("../../../config", import.meta.url).pathname;

async function call(args: readonly string[]) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const log = console.log;
  console.log = (text: string) => void printed.push(text);
  try {
    const code = await runAlone(INIT, args, console.log, (line) => complaints.push(line));
    return { code, output: printed.join("\n"), complaint: complaints.join("\n") };
  } finally {
    console.log = log;
  }
}

/** A root with an empty qmail directory and `directories`. */
async function withRoot(directories: readonly string[], action: (root: string) => Promise<void>) {
  const root = Deno.makeTempDirSync();
  try {
    for (const path of ["/var/qmail/control", ...directories]) {
      Deno.mkdirSync(root + path, { recursive: true });
    }
    await action(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function filesBelow(path: string): string[] {
  return [...Deno.readDirSync(path)].flatMap((entry) =>
    entry.isDirectory ? filesBelow(`${path}/${entry.name}`) : [`${path}/${entry.name}`]
  ).sort();
}

const ANALYZE = "/usr/bin/systemd-analyze";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

if (!isFile(ANALYZE)) console.log("skipped: no systemd-analyze");
Deno.test({
  name: "serviceFiles: systemd-analyze finds nothing to say about the unit, its manual pages apart",
  ignore: !isFile(ANALYZE),
  async fn() {
    const directory = Deno.makeTempDirSync();
    try {
      const [unit] = serviceFiles("systemd", { ...DEFAULT_FACTS, program: Deno.execPath() });
      const path = `${directory}/qfront.service`;
      Deno.writeTextFileSync(path, unit?.text ?? "");
      const { stderr } = await new Deno.Command(ANALYZE, { args: ["verify", path] }).output();
      const said = new TextDecoder().decode(stderr).split("\n");
      assertEquals(said.filter((line) => /qfront\.service/.test(line) && !/'man /.test(line)), []);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
});

Deno.test("findSystem: what runs before what is only installed", async () => {
  const of = async (...directories: string[]) => {
    let found: string | null = "";
    await withRoot(directories, (root) => Promise.resolve(void (found = findSystem(root))));
    return found;
  };
  assertEquals(await of("/run/systemd/system", "/etc/sv", "/service"), "systemd");
  assertEquals(await of("/etc/systemd/system", "/etc/sv"), "runit");
  assertEquals(await of("/etc/systemd/system", "/service"), "daemontools");
  assertEquals(await of("/etc/systemd/system"), "systemd");
  assertEquals(await of(), null);
});

Deno.test("init: writes trace.cfg and the service files, executable where they have to be", async () => {
  await withRoot(["/etc/sv"], async (root) => {
    const { code, output } = await call(["--root", root]);
    assertEquals(code, 0);
    assertStringIncludes(output, "For runit");
    assertEquals(filesBelow(root).map((path) => path.slice(root.length)), [
      "/etc/sv/qfront/log/run",
      "/etc/sv/qfront/run",
      "/var/qmail/control/trace.cfg",
    ]);
    const run = Deno.statSync(`${root}/etc/sv/qfront/run`);
    assertEquals((run.mode ?? 0) & 0o777, 0o755);
    assertStringIncludes(
      Deno.readTextFileSync(`${root}/etc/sv/qfront/run`),
      `serve --root ${root}`,
    );
  });
});

Deno.test("init: trace and log have directories of their own users, and the service gets --trace-cfg", async () => {
  await withRoot(["/etc/sv"], async (root) => {
    const cfg = `${root}/etc/front.cfg`;
    const { output } = await call(["--root", root, "--trace-cfg", cfg]);
    assertStringIncludes(output, `-o qmaild -g nofiles ${root}/var/log/qfront\n`);
    assertStringIncludes(output, `-o qmaill -g nofiles ${root}/var/log/qfront-service\n`);
    assertStringIncludes(
      Deno.readTextFileSync(`${root}/etc/sv/qfront/run`),
      `serve --root ${root} --trace-cfg ${cfg}\n`,
    );
  });
});

Deno.test("init: a second run writes nothing, and what differs stays", async () => {
  await withRoot(["/service"], async (root) => {
    await call(["--root", root]);
    const cfg = `${root}/var/qmail/control/trace.cfg`;
    Deno.writeTextFileSync(cfg, "trace_level: 0\n");
    const { code, output } = await call(["--root", root]);
    assertEquals(code, 0);
    assertEquals(Deno.readTextFileSync(cfg), "trace_level: 0\n");
    assertStringIncludes(output, `${cfg}: is there already and stays as it is`);
    assertStringIncludes(output, "supervise/qfront/run: is so already");
  });
});

Deno.test("init --dry-run: prints all and writes nothing", async () => {
  await withRoot(["/run/systemd/system"], async (root) => {
    const { code, output } = await call(["--root", root, "--dry-run"]);
    assertEquals(code, 0);
    assertEquals(filesBelow(root), []);
    assertStringIncludes(output, "ExecStart=/usr/local/bin/qfront serve --root");
    assertStringIncludes(output, "trace_level: 2");
  });
});

Deno.test("init: two systems at a time are 64, a site that is not there 78", async () => {
  await withRoot([], async (root) => {
    assertEquals((await call(["--root", root, "--runit", "--systemd"])).code, 64);
    assertEquals((await call(["--root", `${root}/nowhere`])).code, 78);
  });
});

Deno.test("sampleCfg: reads without a problem, has every setting, and what is commented out are the defaults", async () => {
  const text = sampleCfg("/var/log/qfront/trace");
  const wanted = { ...defaultSettings(), trace_file: "/var/log/qfront/trace", trace_level: 2 };
  const asWritten = await loadSettings({ cfgText: text, cfgName: "trace.cfg", overrides: [] });
  assertEquals(asWritten.problems, []);
  assertEquals(asWritten.settings, wanted);
  const awake = text.replace(/^#(?=[a-z0-9_]+: )/gm, "");
  assertEquals((await parseTraceCfg(awake)).values.size, Object.keys(wanted).length);
  const loaded = await loadSettings({ cfgText: awake, cfgName: "trace.cfg", overrides: [] });
  assertEquals(loaded.problems, []);
  assertEquals(loaded.settings, wanted);
});

Deno.test("serviceFiles: config/service has the same for /var/qmail", () => {
  for (const system of ["systemd", "runit", "daemontools"] as const) {
    for (const { name, text } of serviceFiles(system, DEFAULT_FACTS)) {
      const path = `${CONFIG}/service/${system}/${name.replace("/", "-")}`;
      assertEquals(Deno.readTextFileSync(path), text, path);
    }
  }
});

Deno.test("serviceFiles: shell scripts that sh can read", async () => {
  for (const system of ["runit", "daemontools"] as const) {
    for (const { text } of serviceFiles(system, DEFAULT_FACTS)) {
      const sh = new Deno.Command("/bin/sh", { args: ["-n", "-c", text], stderr: "piped" });
      const { code, stderr } = await sh.output();
      assert(code === 0, new TextDecoder().decode(stderr));
    }
  }
});
