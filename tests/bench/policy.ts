/**
 * What policy and content cost: CPU time of a real `serve` for each message, for each session of a
 * dictionary attack and each refused recipient, with nothing of it on, with the defaults, with ever
 * more, as ratios to nothing. `deno run -A tests/bench/policy.ts --help`
 *
 * CPU time, not speed: it holds on a machine that does other things as well. The forms are played in
 * turn, and a ratio is the median of the rounds' own ratios, so that a slow minute falls on all.
 */
import { parseArgs } from "@std/cli/parse-args";
import { machineOf } from "./machine.ts";
import { type Plan, round, type Sample } from "./measure.ts";
import { type Form, FORMS } from "./policy_forms.ts";
import { addPolicyFiles, CLIENT_IP, PROXY_LINE, startSpamd } from "./policy_site.ts";
import { awaitBanner, start, stopAll } from "./process.ts";
import { qfrontCommand } from "./servers/qfront.ts";
import { type Bench, exists, type Server } from "./servers/types.ts";
import { DOMAIN, emptyMaildir, makeSite } from "./site.ts";
import { formatTable, median, readable, spread } from "./stats.ts";
import { BenchError, buildTools } from "./tools.ts";
import { workload, type WorkloadName } from "./workloads.ts";

const HELP = `deno run -A tests/bench/policy.ts [OPTIONS]
  --only w1,w1b,w2   workloads           --forms a,b    ${FORMS.map((f) => f.name).join("; ")}
  --rounds N         rounds, 7           --seconds N    seconds counted in each, 3
  --dir DIR          where to work (must not be there yet); default: a temporary folder
  --qfront FILE      the program to measure; default: dist/qfront, else Deno on main.ts`;

const PLAYED: readonly WorkloadName[] = ["w2", "w1b", "w1"];
const UNITS: Partial<Record<WorkloadName, string>> = {
  w1: "session",
  w1b: "refused recipient",
  w2: "message",
};

const say = (text: string): void => console.log(text);

interface Files {
  readonly zone: string;
  readonly message: string;
  readonly spamdPort: number;
}

/** One mail, so that greylisting knows the triplet; the code of the answer to its recipient. */
async function knock(port: number): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const commands = `EHLO client.test|MAIL FROM:<s@remote.test>|RCPT TO:<bench@${DOMAIN}>|QUIT`;
  const buffer = new Uint8Array(4096);
  let code = "";
  let said = "";
  try {
    await conn.write(new TextEncoder().encode(PROXY_LINE));
    for (const command of ["", ...commands.split("|")]) {
      if (command !== "") await conn.write(new TextEncoder().encode(`${command}\r\n`));
      for (said = ""; !/^\d{3} [^\n]*\n$/m.test(said);) {
        const count = await conn.read(buffer);
        if (count === null) return code;
        said += new TextDecoder().decode(buffer.subarray(0, count));
      }
      if (command.startsWith("RCPT")) code = said.slice(0, 3);
    }
  } finally {
    conn.close();
  }
  return code;
}

/** Waits until the greylist lets the bench's triplet through. */
async function passGreylist(port: number): Promise<void> {
  for (let i = 0; i < 10; i++) {
    if (await knock(port) === "250") return;
    await new Promise((done) => setTimeout(done, 1100));
  }
  throw new BenchError("The greylist does not let the bench through");
}

function argumentsOf(bench: Bench, form: Form, files: Files, name: WorkloadName): string[] {
  const words = [
    ...["max_sessions=20000", "max_sessions_per_address=20000", "queue=maildir"],
    ...[`trace_file=log/policy.trace`, "proxy_from=127.0.0.1", `dns_file=${files.zone}`],
    ...(name === "w1b" ? ["on_invalid_rcpt=reject", "max_unknown_recipients=0"] : []),
    ...[`spamd_servers=127.0.0.1:${files.spamdPort}`, ...form.settings],
  ];
  return ["--root", bench.site.root, ...words.flatMap((word) => ["--set", word])];
}

/** One form as a server of the bench: as the user that owns all mail, without a keeper. */
function serverOf(form: Form, files: Files): Server {
  let played: WorkloadName = "w2";
  return {
    name: form.name,
    kind: "qfront",
    about: form.name,
    workloads: form.workloads,
    drops: true,
    first: PROXY_LINE,
    obstacle: () => null,
    load: (name) => ["-B", CLIENT_IP, ...(name === "w2" ? ["-F", files.message] : [])],
    async start(bench, { workload: name, port }) {
      played = name;
      const { uid, gid, qmailDir } = bench.site;
      putSpfBehavior(qmailDir, form.spf === true);
      const ids = ["--reuid", String(uid), "--regid", String(gid), "--clear-groups"];
      const running = start([
        ...(Deno.uid() === 0 ? ["setpriv", ...ids] : []),
        ...[...bench.qfront, "serve", "--smtp", `127.0.0.1:${port}`, "--pop3", "127.0.0.1:0"],
        ...argumentsOf(bench, form, files, name),
      ], { log: `${bench.dir}/${form.name}.log` });
      const isUp = await awaitBanner(port, 45, PROXY_LINE);
      if (isUp && form.greylist === true && name === "w2") await passGreylist(port);
      return running;
    },
    cleanUp(bench) {
      const maildir = `${bench.site.root}/home/bench/Maildir`;
      if (played === "w2") prove(form, `${maildir}/new`);
      emptyMaildir(maildir);
      for (const name of ["policy.trace", "bans", "greylist"]) {
        const path = `${bench.site.qmailDir}/log/${name}`;
        if (exists(path)) Deno.removeSync(path);
      }
    },
  };
}

function putSpfBehavior(qmailDir: string, isAsked: boolean): void {
  const path = `${qmailDir}/control/spfbehavior`;
  if (isAsked) Deno.writeTextFileSync(path, "3\n");
  else if (exists(path)) Deno.removeSync(path);
}

/** Was at work what is on, and only that? */
function prove(form: Form, folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    const mail = Deno.readTextFileSync(`${folder}/${name}`);
    const missing = form.proof.find((proof) => !proof.test(mail));
    if (missing !== undefined) throw new BenchError(`${form.name}: no ${missing} in ${mail}`);
    if (form.proof.length === 0 && /^(Received-SPF|Authentication-Results|X-)/m.test(mail)) {
      throw new BenchError(`${form.name} tells what it should not have asked: ${mail}`);
    }
    return;
  }
  throw new BenchError(`${form.name} delivered nothing`);
}

/** All rounds of a workload, and its table. */
async function measure(
  bench: Bench,
  name: WorkloadName,
  servers: readonly Server[],
  plan: Plan,
): Promise<string> {
  const samples = new Map(servers.map((server) => [server, [] as Sample[]]));
  for (let number = 0; number < plan.rounds; number++) {
    // Every other round the other way round: nobody is always the first.
    const order = number % 2 === 0 ? servers : servers.toReversed();
    for (const server of order) {
      const sample = await round(bench, server, workload(name), plan);
      if (sample.errors > 0) throw new BenchError(`${server.name}: ${sample.first_error}`);
      samples.get(server)?.push(sample);
      say(`${name} round ${number + 1}: ${server.name} ${readable(sample.server_us)} us`);
    }
  }
  const all = [...samples.values()];
  const rows = [...samples].map(([server, own]) => {
    const us = own.map((s) => s.server_us);
    const ratios = us.map((value, i) => value / (all[0]?.[i]?.server_us ?? value));
    return [
      server.name,
      readable(median(us)),
      String(Math.round(spread(us) * 50)),
      median(ratios).toFixed(2),
      readable(median(own.map((s) => s.rate))),
      String(Math.round(median(own.map((s) => s.memory_mib)))),
    ];
  });
  const head = ["checks", `CPU us each ${UNITS[name]}`, "+-%", "ratio", "each second", "MiB"];
  const busy = median(all.flat().map((s) => s.other_cpu)).toFixed(1);
  const title = `### ${workload(name).title}`;
  return `${title}\n\n${formatTable(head, rows)}\n\nSomething else used ${busy} cores.`;
}

function optionsOf(args: readonly string[]) {
  const given = parseArgs([...args], {
    string: ["only", "forms", "rounds", "seconds", "dir", "qfront"],
    unknown: (word) => {
      throw new BenchError(`"${word}" is no option; --help shows them`);
    },
  });
  const words = (text: unknown): readonly string[] | null =>
    typeof text !== "string"
      ? null
      : text.split(",").map((word) => word.trim().replaceAll("+", ", "));
  const only = words(given.only), forms = words(given.forms);
  return {
    names: PLAYED.filter((name) => only === null || only.includes(name)),
    forms: FORMS.filter(({ name }) => forms === null || forms.includes(name)),
    plan: {
      rounds: Number(given.rounds ?? 7),
      seconds: Number(given.seconds ?? 3),
      generators: 1,
    },
    dir: typeof given.dir === "string"
      ? given.dir
      : Deno.makeTempDirSync({ prefix: "qfront-bench-" }),
    qfront: typeof given.qfront === "string" ? given.qfront : null,
  };
}

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return say(HELP);
  const { names, forms, plan, dir, qfront } = optionsOf(args);
  const top = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
  Deno.mkdirSync(dir, { recursive: true });
  Deno.chmodSync(dir, 0o755);
  const end = async () => {
    await stopAll();
    Deno.removeSync(dir, { recursive: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => void end().finally(() => Deno.exit(130)));
  }
  const spamd = startSpamd();
  try {
    const tools = buildTools(dir), site = makeSite(dir, "des");
    const bench: Bench = { dir, top, qfront: qfrontCommand(top, qfront), tools, site, peers: "" };
    const files = { ...addPolicyFiles(site, top), spamdPort: spamd.addr.port };
    say(machineOf(dir).text);
    for (const name of names) {
      const servers = forms.filter((f) => f.workloads.includes(name)).map((f) =>
        serverOf(f, files)
      );
      say(`\n${await measure(bench, name, servers, plan)}\n`);
    }
  } finally {
    spamd.close();
    await end();
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
    Deno.exit(0);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    console.error(error.message);
    Deno.exit(64);
  }
}
