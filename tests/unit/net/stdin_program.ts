/** The program of stdin_test.ts: one toy session on standard input, then the peer as JSON on standard error. */
import { runStdin } from "../../../net/stdin.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { toyProtocol } from "./toy.ts";

const idleSeconds = Number(Deno.env.get("TOY_IDLE") ?? "300");
const protocol = toyProtocol({ idleSeconds });
const status = await runStdin({ protocol, trace: NO_TRACE, writeStallSeconds: 60 });
const peer = protocol.toys[0]?.peer;
const env = { RELAYCLIENT: peer?.env["RELAYCLIENT"] ?? null };
console.error(JSON.stringify({ ...peer, env, ended: protocol.toys[0]?.ended }));
Deno.exit(status);
