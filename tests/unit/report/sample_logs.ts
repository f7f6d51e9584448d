/**
 * Logs as a small site has them, made by the trace's own formats: users' mail, a dictionary attack, backscatter, lists
 * of the DNS. The same seed gives the same lines.
 */
import { DNS_EVENTS, POLICY_EVENTS, SMTP_EVENTS } from "../../../trace/events.ts";
import { jsonFormat } from "../../../trace/json.ts";
import { katrFormat, type LineFormat } from "../../../trace/katr.ts";

const NAMES = ("angela joe info sales admin bob carol dave erin frank grace heidi ivan judy karl " +
  "linda mike nora olga paul").split(" ");
const ZONES = ["zen.dnsbl.example", "bl.spam.example", "dyn.example.net"];
const SPF = ["none", "none", "none", "pass", "pass", "pass", "fail", "softfail", "neutral"];

/** A generator of numbers below 1, always the same (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** multilog's label. */
export function taiLabel(ms: number): string {
  const seconds = (BigInt(Math.floor(ms / 1000)) + 4611686018427387914n).toString(16);
  return `@${seconds.padStart(16, "0")}${((ms % 1000) * 1_000_000).toString(16).padStart(8, "0")}`;
}

export interface SampleLogs {
  /** Lines with LF. */
  readonly trace: Generator<string>;
  /** qmail-send's, for multilog; filled while `trace` is used up. */
  readonly send: string[];
}

interface Writer {
  readonly line: LineFormat;
  readonly dice: () => number;
  readonly send: string[];
  nowMs: number;
  session: number;
  qp: number;
  delivery: number;
}

const pick = <T>(w: Writer, all: readonly T[]): T => all[Math.floor(w.dice() * all.length)] as T;

const summary = (ip: string, helo: string, messages: number, unknown: number) => ({
  ip,
  helo,
  messages,
  recipients: messages,
  unknown,
  relays: 0,
  errors: 0,
  seconds: 2,
  end: unknown > 0 ? "session_closed" : "quit",
});

function* guesser(w: Writer): Generator<string> {
  const { session, line } = w;
  const ip = `198.51.${Math.floor(w.dice() * 3)}.${Math.floor(w.dice() ** 3 * 250)}`;
  const user = `${pick(w, NAMES)}${Math.floor(w.dice() * 90)}`;
  yield line(w.nowMs, session, SMTP_EVENTS.remoteip, { ip });
  yield line(w.nowMs, session, SMTP_EVENTS.rcpt, { user, domain: "example.org" });
  yield line(w.nowMs, session, DNS_EVENTS.cached, { name: "x.example", type: "A", status: "ok" });
  yield line(w.nowMs, session, SMTP_EVENTS.rcptInvalid, { user, domain: "example.org", ip });
  yield line(w.nowMs + 40, session, SMTP_EVENTS.summary, summary(ip, "dsl.example.net", 0, 1));
}

function* listed(w: Writer): Generator<string> {
  const { session, line } = w;
  const ip = `203.0.113.${Math.floor(w.dice() * 60)}`;
  const on = ZONES.filter((_, i) => w.dice() < 0.9 - i * 0.3);
  const said = on.map((zone) => `${zone}[127.0.0.2]*2`).join(" ");
  const spf = pick(w, SPF);
  yield line(w.nowMs, session, SMTP_EVENTS.remoteip, { ip });
  yield line(w.nowMs, session, SMTP_EVENTS.rcpt, { user: "joe", domain: "example.org" });
  const finding = (check: string, text: string) =>
    line(w.nowMs, session, POLICY_EVENTS.finding, { check, ip, text });
  if (on.length > 0) yield finding("dnsbl", `score=2 of 2 lists=${said} enough_alone=${on[0]}`);
  yield finding("spf", `${spf} domain[bulk.example] mechanism[-all]`);
  yield finding("reverse_dns", "fcrdns name[mail.bulk.example]");
  yield line(w.nowMs, session, POLICY_EVENTS.applied, {
    stage: "rcpt_valid",
    ip,
    rule: `dnsbl: ${on[0] ?? ZONES[0]}`,
    reply: "553 dnsbl",
    reason: "listed",
  });
  yield line(w.nowMs + 900, session, SMTP_EVENTS.summary, summary(ip, "bulk.example", 0, 0));
}

function* sender(w: Writer): Generator<string> {
  const { session, line } = w;
  const qp = ++w.qp;
  const ip = `192.0.2.${Math.floor(w.dice() * 30)}`;
  const isLost = w.dice() < 0.08;
  const user = isLost ? "former" : pick(w, NAMES.slice(0, 5));
  const from = isLost ? `victim${Math.floor(w.dice() * 40)}@elsewhere.example` : "a@b.example";
  yield line(w.nowMs, session, SMTP_EVENTS.remoteip, { ip });
  yield line(w.nowMs, session, SMTP_EVENTS.rcpt, { user, domain: "example.org" });
  yield line(w.nowMs + 20, session, SMTP_EVENTS.accepted, {
    id: `qp ${qp}`,
    sender: from,
    recipients: 1,
    bytes: 4000,
  });
  yield line(w.nowMs + 60, session, SMTP_EVENTS.summary, summary(ip, "mx.b.example", 1, 0));
  const say = (ms: number, text: string) => w.send.push(`${taiLabel(w.nowMs + ms)} ${text}\n`);
  const delivery = ++w.delivery;
  const message = 100_000 + (qp % 50);
  say(22, `new msg ${message}`);
  say(23, `info msg ${message}: bytes 4200 from <${from}> qp ${qp} uid 110`);
  say(24, `starting delivery ${delivery}: msg ${message} to local ${user}@example.org`);
  if (!isLost) {
    say(30 + Math.floor(w.dice() * 200), `delivery ${delivery}: success: did_1+0+0/`);
    say(240, `end msg ${message}`);
    return;
  }
  const bounce = ++w.qp;
  const second = ++w.delivery;
  say(30, `delivery ${delivery}: failure: Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/`);
  say(32, `bounce msg ${message} qp ${bounce}`);
  say(33, `end msg ${message}`);
  say(34, `new msg ${message}`);
  say(35, `info msg ${message}: bytes 5000 from <> qp ${bounce} uid 111`);
  say(36, `starting delivery ${second}: msg ${message} to remote ${from}`);
  say(900, `delivery ${second}: success: 192.0.2.99_accepted_message./`);
  say(901, `end msg ${message}`);
}

/** `sessions` sessions, four in five of them guessers, a second apart from `startMs` on. */
export function sampleLogs(
  sessions: number,
  format: "katr" | "json",
  startMs: number,
  stepMs = 1000,
): SampleLogs {
  const send: string[] = [];
  const line = format === "json" ? jsonFormat() : katrFormat();
  const dice = random(7);
  const w: Writer = { line, dice, send, nowMs: startMs, session: 0, qp: 5000, delivery: 0 };
  const trace = function* () {
    for (let i = 0; i < sessions; i++) {
      w.session = i + 1;
      // Busier by day than by night.
      w.nowMs = startMs + Math.round((i + 900 * Math.sin(i / 900) * 0.7) * stepMs);
      const kind = dice() + (Math.sin(i / 400) * 0.15);
      yield* kind < 0.6 ? guesser(w) : kind < 0.75 ? listed(w) : sender(w);
    }
  };
  return { trace: trace(), send };
}
