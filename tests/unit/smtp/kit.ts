/**
 * Doubles for the tests of smtp/: a peer, an output, a queue, a look-up, control files; and a
 * driver.
 */
import type { AuthAnswer } from "../../../auth/types.ts";
import type { EndReason, Engine, Output, Peer } from "../../../net/types.ts";
import type { Delivery, Envelope, Queue, QueueOutcome } from "../../../queue/types.ts";
import { emptyAnswer, type Resolver } from "../../../dns/types.ts";
import { readPolicyConfig } from "../../../policy/config.ts";
import { NO_COUNTS } from "../../../policy/counts.ts";
import { compileMailRules } from "../../../policy/mailrules.ts";
import { parseMailRules } from "../../../policy/mailrules_parse.ts";
import { openPolicyState } from "../../../policy/state.ts";
import type { OwnedPolicyState } from "../../../policy/state_types.ts";
import type { PolicyDesk } from "../../../policy/visit.ts";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import { type Environment, readSmtpConfig } from "../../../smtp/config.ts";
import { createSmtpEngine } from "../../../smtp/session.ts";
import type { SmtpAuth, SmtpDeps } from "../../../smtp/state.ts";
import { bytesOf, latin1 } from "../../../smtp/text.ts";
import { NO_TRACE, type Tracer } from "../../../trace/tracer.ts";
import {
  ControlError,
  type ControlFiles,
  type LookupResult,
  type LookupService,
  type RcptHostsAnswer,
} from "../../../validate/types.ts";

export const NOW = Date.UTC(2026, 10, 20, 13, 27, 48);
export const IPS: ReadonlySet<string> = new Set(["0.0.0.0", "127.0.0.1"]);

export type ControlTree = Readonly<Record<string, string | { readonly dir: boolean }>>;

export const SITE: ControlTree = {
  me: "mail.example.com\n",
  rcpthosts: "example.com\nlocal.example\n",
};

/** Control files in memory, as qmail reads them. */
export function controlOf(tree: ControlTree): ControlFiles {
  const text = (name: string): string | null => {
    const content = tree[name];
    if (content === undefined) return null;
    if (typeof content !== "string") {
      throw new ControlError(`Can't read "control/${name}": it is a directory`);
    }
    return content;
  };
  const strip = (line: string): string => line.replace(/[ \t\n]+$/, "");
  const cache = new Map<string, readonly string[]>();
  return {
    line(name) {
      const content = text(name);
      return content === null ? null : strip(content.split("\n")[0] ?? "");
    },
    lines(name) {
      const content = text(name);
      if (content === null) return null;
      const lines = cache.get(name) ??
        content.split("\n").map(strip).filter((l) => l !== "" && !l.startsWith("#"));
      cache.set(name, lines);
      return lines;
    },
    integer(name) {
      const digits = /^\d+/.exec(text(name) ?? "");
      return digits === null ? null : Number(digits[0]);
    },
  };
}

/** A session's other side; environment as tcpserver sets it. */
export function peerOf(env: Readonly<Record<string, string>>, kind: Peer["kind"] = "socket"): Peer {
  return {
    kind,
    remoteIp: env["TCPREMOTEIP"] ?? "",
    remotePort: 40000,
    remoteHost: env["TCPREMOTEHOST"] ?? null,
    remoteInfo: env["TCPREMOTEINFO"] ?? null,
    localIp: env["TCPLOCALIP"] ?? "",
    localPort: 25,
    localHost: env["TCPLOCALHOST"] ?? null,
    env,
    session: 7,
  };
}

export const ENV = { TCPREMOTEIP: "127.0.0.9", TCPLOCALIP: "127.0.0.1" };

/** Gathers what an engine says. */
export class TestOutput implements Output {
  said = "";
  bytes(bytes: Uint8Array): void {
    this.said += latin1(bytes, 0, bytes.length);
  }
  text(text: string): void {
    this.said += text;
  }
  get pending(): number {
    return this.said.length;
  }
  drain(): Promise<void> {
    return Promise.resolve();
  }
}

/** What a queue double was given. */
export interface Queued {
  complete: boolean;
  message: string;
  envelope: Envelope;
}

export interface TestQueue extends Queue {
  readonly taken: Queued[];
  /** The environment of each message, in the same order. */
  readonly environments: Environment[];
}

export interface QueueOptions {
  readonly outcome?: QueueOutcome;
  /** Let open, write and commit take their time. */
  readonly slow?: boolean;
}

/** A queue that remembers. */
export function queueOf(options: QueueOptions = {}): TestQueue {
  const taken: Queued[] = [];
  const environments: Environment[] = [];
  const outcome = options.outcome ?? { kind: "queued", id: "qp 1234" };
  const later = options.slow === true ? Promise.resolve() : undefined;
  const open = (envelope: Envelope): Delivery => {
    const entry: Queued = { complete: false, message: "", envelope };
    taken.push(entry);
    return {
      write(chunk) {
        entry.message += latin1(chunk, 0, chunk.length);
        return later;
      },
      commit() {
        entry.complete = true;
        return Promise.resolve(outcome);
      },
      abort: () => later,
    };
  };
  return {
    name: "qmail-queue",
    taken,
    environments,
    inHand: 0,
    open(_session, { sender, recipients }, env = {}) {
      environments.push(typeof env === "function" ? env() : env);
      const delivery = open({ sender, recipients: [...recipients] });
      return options.slow === true ? Promise.resolve(delivery) : delivery;
    },
    idle: () => Promise.resolve(),
  };
}

export interface LookupOptions {
  /** Lower-cased addresses with a mailbox; unset: every local one. */
  readonly known?: readonly string[];
  readonly undecided?: readonly string[];
  /** Domains that are local; others are remote. */
  readonly locals?: readonly string[];
  /** Domains that rcpthosts has; null: no rcpthosts. */
  readonly rcptHosts?: readonly string[] | null;
  readonly rcptHostsAnswer?: RcptHostsAnswer;
  /** Answers come as promises. */
  readonly slow?: boolean;
  readonly asked?: string[];
}

/** A look-up with a list of mailboxes. */
export function lookupOf(options: LookupOptions = {}): LookupService {
  const locals = options.locals ?? ["example.com"];
  const judge = (address: string): LookupResult => {
    options.asked?.push(address);
    const at = address.lastIndexOf("@");
    const isLocal = at < 0 || locals.includes(address.slice(at + 1).toLowerCase());
    const base = { address, steps: [{ step: "locals", file: "locals", key: "k", found: "yes" }] };
    if (!isLocal) return { ...base, route: "remote", verdict: "remote", reason: "Not local" };
    if (options.undecided?.includes(address) === true) {
      return { ...base, route: "local", verdict: "deferred", reason: "Home is not readable" };
    }
    const isKnown = options.known?.includes(address.toLowerCase()) ?? true;
    return isKnown
      ? { ...base, route: "local", verdict: "deliverable", reason: "Has a mailbox" }
      : { ...base, route: "local", verdict: "no-mailbox", reason: "Has no mailbox" };
  };
  return {
    lookup: (a) => options.slow === true ? Promise.resolve().then(() => judge(a)) : judge(a),
    rcptHosts(address) {
      if (options.rcptHostsAnswer !== undefined) return options.rcptHostsAnswer;
      const hosts = options.rcptHosts === undefined
        ? ["example.com", "local.example"]
        : options.rcptHosts;
      if (hosts === null) return "missing";
      const at = address.lastIndexOf("@");
      if (at < 0 || hosts.includes(address.slice(at + 1).toLowerCase())) return "allowed";
      return "refused";
    },
  };
}

export interface AuthOptions {
  /** Clear secrets by login. */
  readonly logins?: Readonly<Record<string, string>>;
  /** What is said of every other login. */
  readonly others?: AuthAnswer;
  /** Secrets are stored in clear, so that CRAM-MD5 and SCRAM-SHA-256 can be offered. */
  readonly secrets?: boolean;
  readonly asked?: (readonly [login: string, password: string])[];
}

/** Logins in memory. */
export function authOf(options: AuthOptions = {}): SmtpAuth {
  const logins = options.logins ?? { "joe@example.com": "sesame" };
  const accountOf = (login: string) => ({
    login,
    user: null,
    uid: null,
    gid: null,
    home: null,
    maildir: null,
  });
  return {
    checkPassword(login, password) {
      options.asked?.push([login, password]);
      const answer: AuthAnswer = logins[login] === password
        ? { kind: "ok", account: accountOf(login) }
        : options.others ?? { kind: "refused" };
      return Promise.resolve(answer);
    },
    secrets: options.secrets !== true ? null : {
      secretOf(login) {
        const clear = logins[login];
        if (clear === undefined) return { kind: "unknown" };
        return { kind: "secret", account: accountOf(login), clear, scram: null };
      },
      forms: () => ({ clear: true, scram: false }),
      fakeScram: () => ({ salt: "salt", iterations: 4096 }),
    },
  };
}

export interface Setup {
  /** More of what a session works with: logins, TLS. */
  readonly deps?: Partial<SmtpDeps>;
  readonly service?: Peer["service"];
  readonly localPort?: number;
  readonly settings?: Partial<Settings>;
  /** Control files in memory, or read by somebody else. */
  readonly control?: ControlTree | ControlFiles;
  readonly env?: Readonly<Record<string, string>>;
  readonly kind?: Peer["kind"];
  readonly lookup?: LookupService;
  readonly queue?: TestQueue;
  readonly tracer?: Tracer;
  readonly desk?: DeskChanges;
}

/** What is not as deskOf has it. */
export interface DeskChanges extends Partial<PolicyDesk> {
  readonly state?: OwnedPolicyState;
  readonly mailRules?: string;
}

const NO_DNS: Resolver = {
  query: () => Promise.resolve(emptyAnswer("temporary", null, 0, "There is no DNS in this test")),
};

/** Policy as a site has it: the real checks, a memory of its own, no DNS. */
export function deskOf(
  settings: Settings,
  control: ControlFiles,
  env: Environment = {},
  changes: DeskChanges = {},
): PolicyDesk & { readonly state: OwnedPolicyState } {
  const { mailRules, ...others } = changes;
  const tracer = others.tracer ?? NO_TRACE;
  const config = readPolicyConfig(settings, {
    control,
    env,
    isOwnDomain: (domain) => domain === "example.com",
    ownNames: new Set(["mail.example.com"]),
    mailRules: mailRules === undefined
      ? null
      : compileMailRules(parseMailRules(mailRules), new Map()),
  });
  const clock = others.clock ?? (() => NOW);
  const state = openPolicyState({
    clock,
    tracer,
    complain: () => {},
    root: "",
    role: "service",
  });
  state.use(config, settings);
  const own = { config, resolver: NO_DNS, tracer, counts: NO_COUNTS, clock, ...others };
  return { ...own, state: others.state ?? state };
}

export interface Rig {
  readonly engine: Engine;
  readonly output: TestOutput;
  readonly queue: TestQueue;
}

const filesOf = (control: ControlTree | ControlFiles): ControlFiles =>
  typeof control["line"] === "function"
    ? control as ControlFiles
    : controlOf(control as ControlTree);

/** An engine with everything around it, not started. */
export function rigOf(setup: Setup = {}, env: Environment = { ...ENV, ...setup.env }): Rig {
  const output = new TestOutput();
  const queue = setup.queue ?? queueOf();
  const settings = { ...defaultSettings(), ...setup.settings };
  const control = filesOf(setup.control ?? SITE);
  const deps = {
    config: readSmtpConfig(settings, control, env, IPS),
    policy: deskOf(settings, control, env, setup.desk),
    lookup: setup.lookup ?? lookupOf(),
    queue,
    tracer: setup.tracer ?? NO_TRACE,
    clock: () => NOW,
    ...setup.deps,
  };
  const { kind, service, localPort = 25 } = setup;
  const peer = { ...peerOf(env, kind), service, localPort };
  return { engine: createSmtpEngine(deps, peer, output), output, queue };
}

/** Feeds `input` in pieces that end at `cuts`, as a driver does, and then ends the session. */
export async function feed(
  engine: Engine,
  input: string,
  cuts: readonly number[] = [],
  end: EndReason | null = "eof",
): Promise<void> {
  await engine.start();
  const bytes = bytesOf(input);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (engine.wants !== "input") break;
    // A copy that is wiped afterwards: nothing may be kept of it.
    const chunk = bytes.slice(from, cut);
    from = cut;
    if (chunk.length === 0) continue;
    await engine.receive(chunk);
    chunk.fill(0x58);
  }
  if (engine.wants === "input" && end !== null) await engine.end(end);
}

/** Runs a dialogue and returns what was said. */
export async function talk(
  input: string,
  setup: Setup = {},
  cuts: readonly number[] = [],
): Promise<{ said: string; codes: string[]; queue: TestQueue; engine: Engine }> {
  const rig = rigOf(setup);
  await feed(rig.engine, input, cuts);
  return { said: rig.output.said, codes: codesOf(rig.output.said), ...rig };
}

/** The code of each reply; a reply of several lines counts once. */
export function codesOf(said: string): string[] {
  const lines = said.split("\r\n").filter((l) => l !== "");
  return lines.filter((l) => l.charAt(3) !== "-").map((l) => l.slice(0, 3));
}
