/**
 * `qfront doctor`: what is wrong with a site, why it matters and what mends it. It looks and never changes anything.
 *
 * As root it judges for the user whom serve would become, and looks addresses up as the keeper does; as anybody else for that
 * user. `--as USER` judges for a service that runs as USER without a keeper (tcpserver -u). Exit code by the worst finding:
 * 0 notes at most, 1 a warning, 2 an error, 3 something fatal.
 */
import { withDeadline } from "../dns/deadline.ts";
import { createSystemResolver, DnsConfigError } from "../dns/system.ts";
import { emptyAnswer, type Resolver } from "../dns/types.ts";
import { ZoneFileError } from "../dns/zone_file.ts";
import { adviseDns } from "../doctor/dns_records.ts";
import { diskSpace, ownOpenFiles, runningProcesses, systemGroupsOf } from "../doctor/host.ts";
import { CHECKS, examine, exitCodeFor } from "../doctor/mod.ts";
import { systemSeenBy } from "../doctor/seen_by.ts";
import type { Check, Finding, Patient, ServiceUser } from "../doctor/types.ts";
import { type Identity, parseThreadStatus } from "../net/privileges.ts";
import { loadSettings, type Problem } from "../settings/load.ts";
import type { Settings } from "../settings/mod.ts";
import { NO_TRACE } from "../trace/tracer.ts";
import { openControl } from "../validate/control.ts";
import { openFiles } from "../validate/files.ts";
import { createLookupService, type LookupOptions, SiteFault } from "../validate/lookup.ts";
import { binaryPath } from "../validate/system.ts";
import {
  type Command,
  type CommandOption,
  type ParsedArgs,
  SITE_OPTIONS,
  SiteError,
  UsageError,
} from "./command.ts";
import { findingsJson, findingsText } from "./doctor_text.ts";
import { named, nobody, serviceIdentity } from "./root.ts";
import { requireTrusted } from "./trusted.ts";
import { print } from "./say.ts";
import { findSite, type SitePlace } from "./site.ts";

/** Longest time of all DNS questions together. */
const DNS_MS = 8000;

const DOCTOR_OPTIONS: readonly CommandOption[] = [
  { name: "json", about: "findings as one JSON object" },
  { name: "all", about: "every finding of a kind, not the first five" },
  {
    name: "only",
    value: "CHECK",
    repeat: true,
    words: CHECKS.map(({ name }) => name),
    about: "one of the checks above",
  },
  { name: "as", value: "USER", about: "judge for a service that runs as USER, without keeper" },
  ...SITE_OPTIONS,
];

/** Settings with what reading them came to. */
async function read(
  place: SitePlace,
): Promise<{ settings: Settings; problems: readonly Problem[] }> {
  let cfgText: string | null = null;
  const problems: Problem[] = [];
  try {
    cfgText = Deno.readTextFileSync(place.traceCfg);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      const message = error instanceof Error ? error.message : String(error);
      problems.push({ line: 1, severity: "error", message: `It can't be read: ${message}` });
    }
  }
  const source = { cfgText, cfgName: place.traceCfg, overrides: place.overrides };
  const loaded = await loadSettings(source);
  return { settings: loaded.settings, problems: [...problems, ...loaded.problems] };
}

const asService = ({ uid, gid, name }: Identity, shown: string, how: string): ServiceUser => ({
  uid,
  gid,
  groups: name === null ? [] : systemGroupsOf(name),
  name: shown === "" ? name ?? `${uid}:${gid}` : shown,
  how,
});

/** This process. */
function self(): ServiceUser {
  const { uids, gids, groups } = parseThreadStatus(Deno.readTextFileSync("/proc/self/status"));
  const [uid = 0, gid = 0] = [uids[1], gids[1]];
  return { uid, gid, groups, name: `${uid}:${gid}`, how: "this user" };
}

interface Service {
  readonly user: ServiceUser;
  readonly refusal: Patient["refusal"];
}

/** Whom permissions are judged for, and why serve would not start as root here. */
function serviceOf(args: ParsedArgs, place: SitePlace, settings: Settings): Service {
  const as = args.value("as");
  if (as !== undefined) {
    return { user: asService(named(as, place.root, "--as"), as, "--as"), refusal: null };
  }
  if (Deno.uid() !== 0) return { user: self(), refusal: null };
  let how = settings.run_as === "" ? "qmaild" : "run_as";
  try {
    const found = serviceIdentity(place, settings, () => {
      how = "fallback";
      return nobody();
    });
    const user = asService(
      found,
      how === "run_as" ? settings.run_as : how === "qmaild" ? how : "nobody",
      how,
    );
    return { user, refusal: refusalOf(place, settings, found) };
  } catch (error) {
    if (!(error instanceof SiteError)) throw error;
    const refusal = { path: place.traceCfg, why: error.message };
    return { user: asService(nobody(), "nobody", "run_as"), refusal };
  }
}

function refusalOf(
  place: SitePlace,
  settings: Settings,
  identity: Identity,
): Patient["refusal"] {
  try {
    requireTrusted(place, settings, identity);
    return null;
  } catch (error) {
    if (!(error instanceof SiteError)) throw error;
    return { path: /^"([^"]*)"/.exec(error.message)?.[1] ?? place.path, why: error.message };
  }
}

function resolverOf(settings: Settings): { resolver: Resolver; fault: string | null } {
  try {
    const resolver = createSystemResolver(settings, NO_TRACE);
    return { resolver: withDeadline(resolver, DNS_MS), fault: null };
  } catch (error) {
    if (!(error instanceof DnsConfigError || error instanceof ZoneFileError)) throw error;
    const answer = emptyAnswer("temporary", null, 0, error.message);
    return { resolver: { query: () => Promise.resolve(answer) }, fault: error.message };
  }
}

/** The site that the command line names, ready to be examined. @throws {UsageError} or {SiteError} */
export async function openPatient(args: ParsedArgs): Promise<Patient> {
  const place = findSite(args);
  const { settings, problems } = await read(place);
  const { user, refusal } = serviceOf(args, place, settings);
  const root = binaryPath(place.root);
  const seen: LookupOptions = args.value("as") === undefined
    ? {}
    : { judges: false, system: systemSeenBy(root, user) };
  const files = openFiles(root);
  const { resolver, fault } = resolverOf(settings);
  try {
    return {
      place,
      settings,
      problems,
      lookup: createLookupService({
        qmailDir: place.qmailDir,
        root: place.root,
        confBreak: settings.conf_break,
        confPatrn: Number.parseInt(settings.conf_patrn, 8),
        defaultDelivery: settings.default_delivery === "" ? null : settings.default_delivery,
        users: settings.users,
        recheckMs: 0,
        ...seen,
      }),
      files,
      control: openControl(files, `${binaryPath(place.qmailDir)}/control`, 0),
      service: user,
      refusal,
      resolver,
      dnsFault: fault,
      nowMs: Date.now(),
      env: Deno.env.toObject(),
      processes: place.root === "" ? runningProcesses() : [],
      disk: diskSpace,
      openFiles: ownOpenFiles(),
    };
  } catch (error) {
    if (error instanceof SiteFault) throw new SiteError(error.message);
    throw error;
  }
}

/** The checks that --only names. @throws {UsageError} */
function chosen(names: readonly string[]): readonly Check[] {
  if (names.length === 0) return CHECKS;
  return names.map((name) => {
    const check = CHECKS.find((one) => one.name === name);
    if (check !== undefined) return check;
    throw new UsageError(
      `--only: "${name}" is none of ${CHECKS.map((one) => one.name).join(", ")}`,
    );
  });
}

/** What is wrong with the site of `args`. @throws {UsageError} or {SiteError} */
export async function examineSite(args: ParsedArgs): Promise<readonly Finding[]> {
  const checks = chosen(args.values("only"));
  return await examine(await openPatient(args), checks);
}

async function run(args: ParsedArgs): Promise<number> {
  const [first, ...more] = args.operands;
  if (more.length > 0 || (first !== undefined && first !== "dns")) {
    throw new UsageError(
      `doctor takes nothing, or "dns", not "${first === "dns" ? more[0] : first}"`,
    );
  }
  const checks = chosen(args.values("only"));
  const patient = await openPatient(args);
  if (first === "dns") {
    print(await adviseDns(patient));
    return 0;
  }
  const findings = await examine(patient, checks);
  if (args.has("json")) print(findingsJson(findings, patient.service));
  else {
    const colour = Deno.stdout.isTerminal() && !Deno.noColor;
    print(findingsText(findings, patient.service, { colour, all: args.has("all") }));
  }
  return exitCodeFor(findings);
}

export const DOCTOR: Command = {
  name: "doctor",
  about: "what is wrong with this site, why it matters, what mends it",
  operands: "[dns]",
  text: "Looks and changes nothing. Exit code 0: notes at most, 1: a warning, 2: an\n" +
    "error, 3: something fatal. As root it judges for the user that serve becomes.\n" +
    "`doctor dns` prints the records that belong into the DNS.\n" +
    `checks: ${CHECKS.map(({ name }) => name).join(" ")}`.replace(/(.{60,78}) /, "$1\n        "),
  options: DOCTOR_OPTIONS,
  examples: ["qfront doctor", "qfront doctor --only permissions --as qmaild"],
  run,
};
