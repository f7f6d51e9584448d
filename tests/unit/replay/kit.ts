/** For the tests of replay/: logs of a few sessions, made by the trace's own formats, and commands run on them. */
import { type Command, runAlone } from "../../../cli/command.ts";
import type { PromoteIo } from "../../../cli/promote.ts";
import { makeSampleSite } from "../../../tools/sample_site.ts";
import { POLICY_EVENTS, SMTP_EVENTS } from "../../../trace/events.ts";
import { jsonFormat } from "../../../trace/json.ts";
import { katrFormat } from "../../../trace/katr.ts";
import type { Fields, TraceEvent } from "../../../trace/tracer.ts";
import { taiLabel } from "../report/sample_logs.ts";

export const NOW = Date.UTC(2026, 5, 1, 12);
export const DAY = 86_400_000;

/** A session of one recipient. */
export interface Visit {
  readonly at?: number;
  readonly ip?: string;
  readonly helo?: string;
  readonly sender?: string;
  readonly user: string;
  readonly domain?: string;
  /** What came of it; delivered and bounced are told by qmail-send's log. */
  readonly fate: "unknown" | "accepted" | "delivered" | "bounced" | { readonly rule: string };
  /** Verdict in shadow at stage rcpt_valid: its rule and reply. */
  readonly shadow?: readonly [rule: string, reply: string];
  readonly login?: string;
}

/** Logs of `visits`, a minute apart where they say no time. */
export function logsOf(
  visits: readonly Visit[],
  format: "katr" | "json" = "json",
): { trace: string; send: string } {
  const line = format === "json" ? jsonFormat() : katrFormat();
  let [trace, send] = ["", ""];
  visits.forEach((visit, i) => {
    const {
      at = NOW - DAY + i * 60_000,
      ip = "192.0.2.7",
      helo = "mx.far.example",
      sender = "x@far.example",
      user,
      domain = "example.org",
      fate,
      shadow,
      login,
    } = visit;
    const [session, qp, n] = [i + 1, 4000 + i, i + 1];
    const tell = <F extends Fields>(event: TraceEvent<F>, fields: F): void => {
      trace += line(at, session, event, fields);
    };
    tell(SMTP_EVENTS.remoteip, { ip });
    if (login !== undefined) tell(SMTP_EVENTS.login, { login, ip, mechanism: "PLAIN" });
    tell(SMTP_EVENTS.rcpt, { user, domain });
    if (shadow !== undefined) {
      const [rule, reply] = shadow;
      tell(POLICY_EVENTS.shadow, { stage: "rcpt_valid", ip, rule, reply, reason: "it is so" });
    }
    if (fate === "unknown") tell(SMTP_EVENTS.rcptInvalid, { user, domain, ip });
    else if (typeof fate === "object") {
      const { rule } = fate;
      tell(POLICY_EVENTS.applied, { stage: "rcpt", ip, rule, reply: "553 x", reason: "so" });
    } else {
      tell(SMTP_EVENTS.accepted, { id: `qp ${qp}`, sender, recipients: 1, bytes: 999 });
    }
    tell(SMTP_EVENTS.summary, {
      ...{ ip, helo, messages: 1, recipients: 1, unknown: 0, relays: 0, errors: 0, seconds: 1 },
      end: "quit",
    });
    if (fate !== "delivered" && fate !== "bounced") return;
    const result = fate === "delivered" ? "success: did_1+0+0/" : "failure: Sorry._(#5.1.1)/";
    const said = [
      `new msg ${n}`,
      `info msg ${n}: bytes 999 from <${sender}> qp ${qp} uid 110`,
      `starting delivery ${n}: msg ${n} to local ${user}@${domain}`,
      `delivery ${n}: ${result}`,
      `end msg ${n}`,
    ];
    send += said.map((text, ms) => `${taiLabel(at + 10 + ms)} ${text}\n`).join("");
  });
  return { trace, send };
}

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process. */
export async function runCommandWith(
  make: (io: () => PromoteIo) => Command,
  args: readonly string[],
  more: Partial<PromoteIo> = {},
): Promise<Said> {
  let [out, err] = ["", ""];
  const io: PromoteIo = {
    isTerminal: false,
    wantsColour: false,
    isErrorTerminal: false,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    now: () => NOW,
    ...more,
  };
  const code = await runAlone(make(() => io), args, (l) => out += `${l}\n`, (l) => err += `${l}\n`);
  return { code, out, err };
}

export interface Place {
  readonly directory: string;
  readonly root: string;
  readonly control: string;
  /** Writes a file beside the site and returns its name. */
  write(name: string, text: string): string;
}

/** A copy of the sample site in a directory of its own. */
export async function withSite(work: (place: Place) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(directory, 0o755);
    const root = `${directory}/site`;
    await makeSampleSite(root);
    await work({
      directory,
      root,
      control: `${root}/var/qmail/control`,
      write(name, text) {
        Deno.writeFileSync(
          `${directory}/${name}`,
          Uint8Array.from(text, (char) => char.charCodeAt(0)),
        );
        return `${directory}/${name}`;
      },
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
