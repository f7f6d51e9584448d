/**
 * `qfront init`: a commented control/trace.cfg and service files for the system that it finds. It asks nothing, and what is there
 * already stays as it is; so it can be run again.
 */
import {
  type Command,
  type ParsedArgs,
  reasonOf,
  SITE_OPTIONS,
  SiteError,
  UsageError,
} from "./command.ts";
import { sampleCfg } from "./sample_cfg.ts";
import { print } from "./say.ts";
import {
  DEFAULT_FACTS,
  type ServiceFacts,
  serviceFiles,
  type ServiceSystem,
} from "./service_files.ts";
import { findSite, type SitePlace } from "./site.ts";

const SYSTEMS: readonly ServiceSystem[] = ["systemd", "runit", "daemontools"];

/** Directories that tell of a system that starts services, the running ones first. */
const SIGNS: readonly (readonly [ServiceSystem, string])[] = [
  ["systemd", "/run/systemd/system"],
  ["runit", "/run/runit"],
  ["daemontools", "/service"],
  ["runit", "/etc/sv"],
  ["systemd", "/etc/systemd/system"],
];

/** A file to be. Paths as file calls take them. */
export interface WantedFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

export interface Plan {
  readonly system: ServiceSystem | null;
  readonly files: readonly WantedFile[];
  /** What is left to do, a line each. */
  readonly next: readonly string[];
}

/** A word as a shell and systemd take it. */
const quoted = (word: string): string => /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word}"`;

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** The system of `root`; null: none that is known. */
export const findSystem = (root: string): ServiceSystem | null =>
  SIGNS.find(([, path]) => isDirectory(root + path))?.[0] ?? null;

/** Where the files of a system belong. */
function directoryFor(system: ServiceSystem, { root, path }: SitePlace): string {
  switch (system) {
    case "systemd":
      return `${root}/etc/systemd/system`;
    case "runit":
      return `${root}/etc/sv/qfront`;
    case "daemontools":
      return `${path}/supervise/qfront`;
  }
}

function nextSteps(system: ServiceSystem | null, directory: string): readonly string[] {
  switch (system) {
    case "systemd":
      return ["systemctl daemon-reload", "systemctl enable --now qfront"];
    case "runit":
      return [`ln -s ${directory} /etc/service/`];
    case "daemontools":
      return [`ln -s ${directory} /service/`];
    case null:
      return [
        "qfront serve, by whatever starts services here (or --systemd, --runit, --daemontools)",
      ];
  }
}

/** Options that the service needs to find this site. */
function siteOptions({ root, qmailDir, path, traceCfg }: SitePlace): string {
  return [
    ...(root === "" ? [] : [`--root ${quoted(root)}`]),
    ...(qmailDir === "/var/qmail" ? [] : [`--qmail-dir ${quoted(qmailDir)}`]),
    ...(traceCfg === `${path}/control/trace.cfg` ? [] : [`--trace-cfg ${quoted(traceCfg)}`]),
  ].join(" ");
}

/** What is to be written for a site; nothing is looked at but directories. */
export function planFiles(
  place: SitePlace,
  system: ServiceSystem | null,
  program: string,
): Plan {
  const facts: ServiceFacts = {
    ...DEFAULT_FACTS,
    program: quoted(program),
    options: siteOptions(place),
  };
  const directory = system === null ? "" : directoryFor(system, place);
  const services = system === null ? [] : serviceFiles(system, facts);
  const writers = [
    ["qmaild", facts.traceDirectory],
    ...(services.some(({ name }) => name === "log/run") ? [["qmaill", facts.logDirectory]] : []),
  ].map(([user, path]) => [user, place.root + path] as const);
  return {
    system,
    files: [
      { path: place.traceCfg, text: sampleCfg(`${facts.traceDirectory}/trace`), mode: 0o644 },
      ...services.map(({ name, text, mode }) => ({ path: `${directory}/${name}`, text, mode })),
    ],
    next: [
      ...writers.filter(([, path]) => !isDirectory(path)).map(([user, path]) =>
        `install -d -m 0750 -o ${user} -g nofiles ${quoted(path)}`
      ),
      "qfront doctor",
      "stop what listens on ports 25 and 110 now (qmail-smtpd, qmail-pop3d)",
      ...nextSteps(system, directory.slice(place.root.length)),
    ],
  };
}

/** "written", or why not. Never writes over anything. @throws {SiteError} */
function write({ path, text, mode }: WantedFile): string {
  try {
    const before = Deno.readTextFileSync(path);
    return before === text ? "is so already" : "is there already and stays as it is";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw cannot(path, error);
  }
  try {
    Deno.mkdirSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(path, text, { createNew: true, mode });
    Deno.chmodSync(path, mode);
    return "written";
  } catch (error) {
    throw cannot(path, error);
  }
}

function cannot(path: string, error: unknown): SiteError {
  const why = reasonOf(error);
  return new SiteError(`"${path}" can't be written: ${why}`);
}

/** The system that the flags name, else the one that is found. @throws {UsageError} */
function chosenSystem(args: ParsedArgs, root: string): ServiceSystem | null {
  const named = SYSTEMS.filter((system) => args.has(system));
  if (named.length > 1) throw new UsageError(`Only one of --${named.join(" and --")} at a time`);
  return named[0] ?? findSystem(root);
}

/** This program, where it is one of its own; the usual place, where it runs from source. */
function ownProgram(): string {
  const path = Deno.execPath();
  return /\/qfront[^/]*$/.test(path) ? path : DEFAULT_FACTS.program;
}

function run(args: ParsedArgs): number {
  if (args.operands.length > 0) throw new UsageError(`init takes no "${args.operands[0]}"`);
  const place = findSite(args);
  const plan = planFiles(place, chosenSystem(args, place.root), ownProgram());
  print(
    plan.system === null ? "No system that starts services was found" : `For ${plan.system}`,
  );
  for (const file of plan.files) {
    if (args.has("dry-run")) print(`\n==> ${file.path}\n${file.text.trimEnd()}`);
    else print(`${file.path}: ${write(file)}`);
  }
  print(`\nNext:\n${plan.next.map((line) => `  ${line}`).join("\n")}`);
  return 0;
}

export const INIT: Command = {
  name: "init",
  about: "write a commented trace.cfg and service files",
  operands: "",
  text: "Finds out what starts services here, and writes what is not there yet: nothing\n" +
    "is asked, nothing is overwritten. It enables and starts nothing.",
  options: [
    { name: "dry-run", about: "print what would be written" },
    ...SYSTEMS.map((name) => ({ name, about: `service files for ${name}, whatever is found` })),
    ...SITE_OPTIONS.filter(({ name }) => name !== "set" && name !== "dns-file"),
  ],
  examples: ["qfront init --dry-run", "qfront init --runit"],
  run: (args) => Promise.resolve(run(args)),
};
