/**
 * One attempt, said to the running code: an engine of the site under trial gets the commands a client would send, one at a
 * time, and everything it answers and tells is kept by command.
 *
 * Nothing is judged here, and nothing waits: not for the greeting, not in a tarpit.
 */
import { createKeptOutput } from "../net/kept_output.ts";
import type { Engine, Peer } from "../net/types.ts";
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import { SMTP_EVENTS } from "../trace/events_smtp.ts";
import { VALIDATE_EVENTS } from "../trace/events_validate.ts";
import { lineText } from "../trace/katr.ts";
import type { Fields, TraceEvent } from "../trace/tracer.ts";
import type { LookupStep } from "../validate/types.ts";
import type {
  Attempt,
  AttemptReply,
  CheckSeen,
  FindingSeen,
  LookupSeen,
  RuleVerdict,
  TrialSite,
} from "./types.ts";

/** A command and what it came to. */
export interface Turn {
  readonly command: string;
  readonly replies: readonly AttemptReply[];
  readonly applied: readonly RuleVerdict[];
  readonly shadows: readonly RuleVerdict[];
  readonly lookup: LookupSeen | null;
  /** 250, and no mail for it. */
  readonly isPretended: boolean;
  /** A sentence, where something here is wrong; "" where nothing is. */
  readonly trouble: string;
}

type Draft = {
  -readonly [K in keyof Turn]: Turn[K] extends readonly (infer T)[] ? T[] : Turn[K];
};

/** A dialogue in progress. */
export interface TrialSession {
  /** The greeting. */
  begin(): Promise<Turn>;
  /** Says a command, a binary string without line end. */
  say(command: string): Promise<Turn>;
  /** The server says no more. */
  readonly isOver: boolean;
  readonly checks: readonly CheckSeen[];
  readonly findings: readonly FindingSeen[];
  readonly lines: readonly string[];
  /** Hangs up. */
  end(): Promise<void>;
}

const PORTS = { smtp: 25, submission: 587 } as const;

function peerOf(attempt: Attempt, env: Peer["env"], session: number): Peer {
  const { ip, service = "smtp" } = attempt;
  return {
    kind: "socket",
    remoteIp: ip,
    remotePort: 4711,
    remoteHost: null,
    remoteInfo: null,
    localIp: "0.0.0.0",
    localPort: PORTS[service],
    localHost: null,
    env,
    session,
    service,
  };
}

function emptyTurn(command: string): Draft {
  return {
    command,
    replies: [],
    applied: [],
    shadows: [],
    lookup: null,
    isPretended: false,
    trouble: "",
  };
}

const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3}) (.*)$/;

/** The replies in `text`; `ids`: theirs, in order. */
function readReplies(command: string, text: string, ids: readonly string[]): AttemptReply[] {
  const lasts = text.split("\r\n").filter((line) => /^\d{3} /.test(line));
  return lasts.map((line, i) => {
    const [, enhanced = "", rest] = ENHANCED.exec(line.slice(4)) ?? [];
    // An engine that serves nobody has one answer, and says no more of it.
    const id = ids[i] ?? "site_unusable";
    // A number that no real session has (reply_session_id).
    const said = (rest ?? line.slice(4)).replace(/ \[s:\d+\]$/, "");
    return { command, code: Number(line.slice(0, 3)), enhanced, text: said, id };
  });
}

/** Binary string to bytes, with a line end. */
function lineBytes(command: string): Uint8Array {
  const bytes = new Uint8Array(command.length + 2);
  for (let i = 0; i < command.length; i++) bytes[i] = command.charCodeAt(i);
  bytes[command.length] = 13;
  bytes[command.length + 1] = 10;
  return bytes;
}

/** What the events of a session come to. */
class Listener {
  turn: Draft = emptyTurn("");
  ids: string[] = [];
  steps: LookupStep[] = [];
  readonly checks: CheckSeen[] = [];
  readonly findings: FindingSeen[] = [];
  readonly lines: string[] = [];
  readonly #wantsLines: boolean;

  constructor(wantsLines: boolean) {
    this.#wantsLines = wantsLines;
  }

  readonly event = <F extends Fields>(event: TraceEvent<F>, fields: F): void => {
    if (this.#wantsLines) {
      this.lines.push(`(${event.level}) ${event.fn}: ${lineText(event, fields)}`);
    }
    const text = (name: string): string => String(fields[name] ?? "");
    const { turn } = this;
    switch (event.id) {
      case SMTP_EVENTS.fromServer.id:
        this.ids.push(text("reply"));
        return;
      case POLICY_EVENTS.applied.id:
        turn.applied.push(verdictOf(text));
        return;
      case POLICY_EVENTS.shadow.id:
        turn.shadows.push(verdictOf(text));
        return;
      case POLICY_EVENTS.finding.id:
        this.findings.push({ check: text("check"), text: text("text") });
        return;
      case POLICY_EVENTS.decoyHit.id:
      case SMTP_EVENTS.captureRcpt.id:
        turn.isPretended = true;
        return;
      case VALIDATE_EVENTS.step.id:
        this.steps.push({
          step: text("step"),
          file: text("file"),
          key: text("key"),
          found: text("found"),
        });
        return;
      case VALIDATE_EVENTS.answer.id: {
        const { steps } = this;
        turn.lookup = {
          address: text("address"),
          verdict: text("verdict"),
          route: text("route"),
          reason: text("reason"),
          steps,
        };
        this.steps = [];
        return;
      }
      case SMTP_EVENTS.controlTrouble.id:
      case SMTP_EVENTS.senderUndecided.id:
      case SMTP_EVENTS.rcptUndecided.id:
      case SMTP_EVENTS.rcptNoDelivery.id:
        turn.trouble = text("reason");
    }
  };
}

function verdictOf(text: (name: string) => string): RuleVerdict {
  return {
    stage: text("stage"),
    rule: text("rule"),
    reply: text("reply"),
    reason: text("reason"),
  };
}

/** Opens a session of `site` for the client of `attempt`, whom the connection rules gave `env`. */
export function openTrialSession(
  site: TrialSite,
  attempt: Attempt,
  env: Peer["env"],
  wantsLines: boolean,
): TrialSession {
  const { desk } = site;
  const heard = new Listener(wantsLines);
  const session = desk.watch({
    event: heard.event,
    check: (stage, check, mode, seen) => {
      heard.checks.push({ command: heard.turn.command, stage, check, mode, seen });
    },
    login: attempt.login ?? null,
  });
  const output = createKeptOutput();
  let engine: Engine | null = null;
  const turnOf = async (command: string, act: () => void | Promise<void>): Promise<Turn> => {
    heard.turn = emptyTurn(command);
    heard.ids = [];
    const acting = act();
    if (acting !== undefined) await acting;
    heard.turn.replies = readReplies(command, output.take(), heard.ids);
    return heard.turn;
  };
  return {
    checks: heard.checks,
    findings: heard.findings,
    lines: heard.lines,
    get isOver() {
      return engine === null || engine.wants === "close";
    },
    begin: () =>
      turnOf("", () => {
        engine = site.smtp.open(peerOf(attempt, env, session), output);
        return engine.start();
      }),
    say: (command) => turnOf(command, () => engine?.receive(lineBytes(command))),
    async end() {
      if (engine !== null && engine.wants !== "close") await engine.end("eof");
      desk.leave(session);
    },
  };
}
