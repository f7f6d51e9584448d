/**
 * What one session is configured with: settings, control files and environment, read once and
 * frozen.
 *
 * Mirrors the setup of qmail-smtpd: me, smtpgreeting, localiphost, databytes, timeoutsmtpd; the
 * environment's DATABYTES, RELAYCLIENT; badmailfrom is policy's. rcpthosts is only tried here (a
 * site whose rcpthosts can't be read serves nobody); asking it is the look-up's work. Does not
 * watch files: whoever hands in `ControlFiles` does.
 */
import { safeText, sizeLimit } from "../queue/incoming.ts";
import { LIMIT_VARIABLES, limitsOf } from "../policy/limits.ts";
import type { Limits } from "../policy/types.ts";
import type { Settings } from "../settings/mod.ts";
import { leadingNumber } from "../validate/control.ts";
import { ControlError, type ControlFiles } from "../validate/types.ts";
import { multiline, REPLIES, type Reply, withText } from "./replies.ts";
import type { LocalLiteral } from "./path.ts";
import { readSenderLogins, type SenderLogins } from "./senders.ts";

/** Environment variables of one session. */
export type Environment = Readonly<Record<string, string>>;

/**
 * A session's configuration; never changes. Sizes in bytes, times in seconds; limits of 0 mean
 * none.
 */
export interface SmtpConfig {
  readonly greeting: Reply;
  readonly hello: Reply;
  /** EHLO's answer where neither STARTTLS nor AUTH is offered. */
  readonly extendedHello: Reply;
  /** The lines of that answer. */
  readonly extensions: readonly string[];
  /** EHLO's answers with more lines, by these; made when one is given first. */
  readonly extendedHellos: Map<string, Reply>;
  readonly quit: Reply;
  /** Our name, for challenges. */
  readonly hostname: string;
  readonly localLiteral: LocalLiteral;
  /** Limits of messages: settings, control files and environment together. */
  readonly limits: Limits;
  /** RELAYCLIENT: what is appended to every recipient; null: no relay client. */
  readonly relayClient: string | null;
  readonly idleSeconds: number;
  readonly sessionSeconds: number;
  readonly validate: boolean;
  readonly onInvalidRcpt: "terminate" | "reject";
  readonly onUndecided: "defer" | "reject";
  readonly bareLf: "auto" | "reject" | "tolerate";
  readonly commandLineBytes: number;
  readonly maxSyntaxErrors: number;
  readonly maxUnknownRecipients: number;
  readonly maxRelayAttempts: number;
  readonly auth: "off" | "tls" | "always";
  readonly authServices: ReadonlySet<string>;
  readonly maxAuthFailures: number;
  readonly authDelaySeconds: number;
  /** Refusals name the session. */
  readonly showsSession: boolean;
  /** Which senders belong to a login; null: nobody asks. */
  readonly senderLogins: SenderLogins | null;
}

const DEFAULT_IDLE_SECONDS = 1200;
const DEFAULT_SESSION_SECONDS = 86400;

/** What was read, before it is worked up: when it is all the same again, so is the result. */
interface Sources {
  readonly settings: Settings;
  readonly greeting: string;
  readonly localIpHost: string | null;
  readonly senderLogins: readonly string[] | null;
  readonly databytes: number;
  readonly timeout: number | null;
  readonly envRelayClient: string | undefined;
  readonly envSessionTimeout: string | undefined;
  /** What LIMIT_VARIABLES have, as one text. */
  readonly envLimits: string;
}

/**
 * Reads a session's configuration.
 * @param ips our own addresses, for "[1.2.3.4]"
 * @throws {ControlError} when a control file can't be read, or no greeting is known
 */
export function readSmtpConfig(
  settings: Settings,
  control: ControlFiles,
  env: Environment,
  ips: ReadonlySet<string> = ownAddresses(),
): SmtpConfig {
  return build(readSources(settings, control, env), ips);
}

/**
 * Reads configurations for many sessions; the work is done again only when something changed. Connection rules give
 * sessions different environments: the configurations of the last few are kept.
 */
export interface SmtpConfigReader {
  /** @throws {ControlError} as `readSmtpConfig` */
  read(settings: Settings, env: Environment): SmtpConfig;
}

const MAX_KEPT = 8;

/** A reader for one site. */
export function createSmtpConfigReader(
  control: ControlFiles,
  ips: ReadonlySet<string> = ownAddresses(),
): SmtpConfigReader {
  const kept: { readonly sources: Sources; readonly config: SmtpConfig }[] = [];
  return {
    read(settings, env) {
      const sources = readSources(settings, control, env);
      const known = kept.find((one) => isSame(sources, one.sources));
      if (known !== undefined) return known.config;
      const config = build(sources, ips);
      if (kept.unshift({ sources, config }) > MAX_KEPT) kept.pop();
      return config;
    },
  };
}

function readSources(settings: Settings, control: ControlFiles, env: Environment): Sources {
  const me = control.line("me");
  const greeting = control.line("smtpgreeting") ?? me;
  if (greeting === null) {
    throw new ControlError('Neither "control/smtpgreeting" nor "control/me" is there');
  }
  control.lines("rcpthosts");
  return {
    settings,
    greeting,
    localIpHost: control.line("localiphost") ?? me,
    senderLogins: settings.sender_login_map ? control.lines("senderlogins") : null,
    databytes: sizeLimit(settings, control, env),
    timeout: control.integer("timeoutsmtpd"),
    envRelayClient: env["RELAYCLIENT"],
    envSessionTimeout: env["SESSION_TIMEOUT"],
    envLimits: limitVariables(env),
  };
}

function isSame(a: Sources, b: Sources): boolean {
  return a.settings === b.settings && a.greeting === b.greeting &&
    a.localIpHost === b.localIpHost && a.envLimits === b.envLimits &&
    a.senderLogins === b.senderLogins &&
    a.databytes === b.databytes && a.timeout === b.timeout &&
    a.envRelayClient === b.envRelayClient && a.envSessionTimeout === b.envSessionTimeout;
}

function build(sources: Sources, ips: ReadonlySet<string>): SmtpConfig {
  const { settings, greeting } = sources;
  const limits = readLimits(sources);
  const { dataBytes } = limits;
  const extensions = [
    greeting,
    "PIPELINING",
    "8BITMIME",
    dataBytes === 0 ? "SIZE" : `SIZE ${dataBytes}`,
    "ENHANCEDSTATUSCODES",
    "SMTPUTF8",
  ];
  return Object.freeze({
    greeting: withText(REPLIES.greeting, `${greeting} ESMTP`),
    hello: withText(REPLIES.hello, greeting),
    extendedHello: multiline(REPLIES.extended_hello, extensions),
    extendedHellos: new Map(),
    extensions: Object.freeze(extensions),
    quit: withText(REPLIES.quit, greeting),
    hostname: safeText(sources.localIpHost ?? greeting),
    localLiteral: Object.freeze({ ips, host: sources.localIpHost }),
    limits,
    relayClient: sources.envRelayClient ?? null,
    idleSeconds: settings.smtp_idle_seconds ||
      Math.max(1, sources.timeout ?? DEFAULT_IDLE_SECONDS),
    sessionSeconds: settings.smtp_session_seconds ||
      leadingNumber(sources.envSessionTimeout ?? "") || DEFAULT_SESSION_SECONDS,
    validate: settings.validate,
    onInvalidRcpt: settings.on_invalid_rcpt,
    onUndecided: settings.on_undecided,
    bareLf: settings.bare_lf,
    commandLineBytes: settings.command_line_bytes,
    maxSyntaxErrors: settings.max_syntax_errors,
    maxUnknownRecipients: settings.max_unknown_recipients,
    maxRelayAttempts: settings.max_relay_attempts,
    auth: settings.smtp_auth,
    authServices: new Set(settings.smtp_auth_services),
    maxAuthFailures: settings.max_auth_failures,
    authDelaySeconds: settings.auth_delay_seconds,
    showsSession: settings.reply_session_id,
    senderLogins: settings.sender_login_map ? readSenderLogins(sources.senderLogins) : null,
  });
}

/** Variables that change limits, with their values; "" where none is set, which is the rule. */
function limitVariables(env: Environment): string {
  let text = "";
  for (const name of LIMIT_VARIABLES) {
    const value = env[name];
    if (value !== undefined) text += `${name}=${value}\n`;
  }
  return text;
}

function readLimits({ settings, databytes, envLimits }: Sources): Limits {
  const env = Object.fromEntries(
    envLimits.split("\n").slice(0, -1).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const base = {
    maxRecipients: settings.max_recipients,
    refusesWhole: false,
    maxMessages: settings.max_messages,
    maxHops: settings.max_hops,
    dataBytes: databytes,
  };
  // DATABYTES is in `databytes` already, in qmail's way: it may also raise what the file says.
  return Object.freeze(limitsOf(base, { ...env, DATABYTES: undefined }));
}

/**
 * The IPv4 addresses of this machine's interfaces, and 0.0.0.0, which qmail takes for this machine
 * too.
 */
export function ownAddresses(): ReadonlySet<string> {
  const found = new Set(["0.0.0.0"]);
  for (const face of Deno.networkInterfaces()) {
    if (face.family === "IPv4") found.add(face.address);
  }
  return found;
}
