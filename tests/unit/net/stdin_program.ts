/** The program of stdin_test.ts: one toy session on standard input, then the peer as JSON on standard error. */
import { runStdin } from "../../../net/stdin.ts";
import type { Upgrade } from "../../../net/session.ts";
import { TimerWheel } from "../../../net/timers.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { toyProtocol } from "./toy.ts";

async function openUpgrade(): Promise<Upgrade | undefined> {
  const { openTls } = await import("../../../net/tls.ts");
  const settings = { ...defaultSettings(), tls_cert: "servercert.pem" };
  const resolve = (path: string) => `${Deno.env.get("TOY_TLS")}/${path}`;
  return openTls(settings, resolve, new TimerWheel(), NO_TRACE)?.upgrade;
}

const idleSeconds = Number(Deno.env.get("TOY_IDLE") ?? "300");
const protocol = toyProtocol({ idleSeconds });
const upgrade = Deno.env.has("TOY_TLS") ? await openUpgrade() : undefined;
const status = await runStdin({ protocol, trace: NO_TRACE, writeStallSeconds: 60, upgrade });
const peer = protocol.toys[0]?.peer;
const env = { RELAYCLIENT: peer?.env["RELAYCLIENT"] ?? null };
console.error(
  JSON.stringify({
    ...peer,
    env,
    ended: protocol.toys[0]?.ended,
    secure: protocol.toys[0]?.secure,
  }),
);
Deno.exit(status);
