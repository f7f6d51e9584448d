/**
 * One session over standard input and output: under tcpserver, inetd or xinetd, or from a transcript in a file.
 *
 * The peer is what tcp-environ(5) says (TCPREMOTEIP and its kin); under plain inetd the socket itself is asked. The
 * process belongs to the session, so nothing is closed here: the caller exits with the status returned. A pending read
 * of a pipe cannot be ended, but the session's end does not wait for it.
 */
import type { Tracer } from "../trace/tracer.ts";
import { plainIp } from "./ip.ts";
import { runSession, type SessionEnd, type Upgrade } from "./session.ts";
import { shutdownWriting, type SocketEnd, socketEnds } from "./shutdown.ts";
import { TimerWheel } from "./timers.ts";
import type { Duplex, Peer, Protocol } from "./types.ts";

/** What a standard descriptor is. */
export type StdKind = "tty" | "socket" | "pipe" | "file" | "other";

type Environment = Readonly<Record<string, string>>;

/** What descriptor 0 or 1 is; "other" (such as /dev/null) also where /proc is missing. */
export function kindOf(fd: 0 | 1): StdKind {
  if ((fd === 0 ? Deno.stdin : Deno.stdout).isTerminal()) return "tty";
  try {
    const info = Deno.statSync(`/proc/self/fd/${fd}`);
    return info.isSocket ? "socket" : info.isFifo ? "pipe" : info.isFile ? "file" : "other";
  } catch {
    return "other";
  }
}

/** Empty counts as not set, as in qmail's programs. */
const known = (value: string | undefined): string | null =>
  value === undefined || value === "" ? null : value;

function portOf(text: string | undefined, end: SocketEnd | undefined): number {
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : end?.port ?? 0;
}

function ipOf(text: string | undefined, end: SocketEnd | undefined): string {
  return plainIp(known(text) ?? end?.ip ?? "unknown");
}

/** The peer of a session on standard input of kind `kind`. `ends`: the socket's own ends, when it is one. */
export function stdinPeer(
  env: Environment,
  kind: StdKind,
  ends: { local: SocketEnd; remote: SocketEnd } | null,
): Peer {
  return {
    kind: kind === "socket" ? "socket" : "transcript",
    remoteIp: ipOf(env["TCPREMOTEIP"], ends?.remote),
    remotePort: portOf(env["TCPREMOTEPORT"], ends?.remote),
    remoteHost: known(env["TCPREMOTEHOST"]),
    remoteInfo: known(env["TCPREMOTEINFO"]),
    localIp: ipOf(env["TCPLOCALIP"], ends?.local),
    localPort: portOf(env["TCPLOCALPORT"], ends?.local),
    localHost: known(env["TCPLOCALHOST"]),
    env,
    session: Deno.pid,
  };
}

/** Standard input and output as one stream. */
function standardStream(input: StdKind, output: StdKind): Duplex {
  return {
    // A file never makes a reader wait; everything else is read beside the event loop, so that limits hold.
    read: input === "file"
      ? (buffer) => Promise.resolve(Deno.stdin.readSync(buffer))
      : (buffer) => Deno.stdin.read(buffer),
    write: output === "file"
      ? (bytes) => Promise.resolve(Deno.stdout.writeSync(bytes))
      : (bytes) => Deno.stdout.write(bytes),
    closeWrite: () =>
      output === "socket" && shutdownWriting(1)
        ? Promise.resolve()
        : Promise.reject(new Error("Standard output has no half to close")),
    close() {},
    // The process ends soon and the blocked write with it.
    abort: (lost) => lost(),
  };
}

const FAILURES: ReadonlySet<SessionEnd> = new Set<SessionEnd>(["fault", "stalled", "tls_failed"]);

/** What a session on standard input needs. */
export interface StdinSetup {
  readonly protocol: Protocol;
  readonly trace: Tracer;
  readonly writeStallSeconds: number;
  readonly upgrade?: Upgrade | undefined;
  /** The process's environment. */
  readonly env?: Environment;
}

/**
 * Runs one session over standard input and output. Resolves with the exit status: 0 when the dialogue ended, by
 * whichever side, 1 when it was cut off. The caller must exit: a read may still be pending.
 */
export async function runStdin(setup: StdinSetup): Promise<number> {
  const env = setup.env ?? Deno.env.toObject();
  const input = kindOf(0);
  const asked = input === "socket" && known(env["TCPREMOTEIP"]) === null;
  const told = stdinPeer(env, input, asked ? socketEnds(0) : null);
  const peer: Peer = { ...told, offersTls: setup.upgrade !== undefined };
  const wheel = new TimerWheel();
  const end = await runSession(standardStream(input, kindOf(1)), peer, { ...setup, wheel });
  wheel.close();
  return FAILURES.has(end) ? 1 : 0;
}
