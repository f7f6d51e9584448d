/**
 * What the sockets and the session driver cost by themselves: a listener with a toy SMTP engine that answers like the C
 * floor of tests/bench and judges nothing. Run by hand:
 *   deno run -A tests/bench/net_bench.ts 2525 &   then the load generator on that port.
 * With "memory" as second argument it prints its resident memory once a second.
 */
import { parseListenAddress } from "../../net/address.ts";
import { makeSharedLimits, SessionLimits } from "../../net/limits.ts";
import { Listener } from "../../net/listener.ts";
import { TimerWheel } from "../../net/timers.ts";
import type { Engine, Output, Wants } from "../../net/types.ts";
import { NO_TRACE } from "../../trace/tracer.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const GREETING = bytes("220 mail.local.test ESMTP\r\n");
const EHLO = bytes(
  "250-mail.local.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 33554432\r\n",
);
const OK = bytes("250 2.0.0 ok\r\n");
const NO_USER = bytes("550 5.1.1 no such user\r\n");
const DROP = bytes("421 4.7.0 closing\r\n");
const BYE = bytes("221 2.0.0 bye\r\n");

const LF = 10;
const terminate = Deno.args.includes("drop");

class BenchEngine implements Engine {
  wants: Wants = "input";
  readonly busy = false;
  readonly idleSeconds = 1200;
  readonly sessionSeconds = 86400;
  readonly #output: Output;
  constructor(output: Output) {
    this.#output = output;
  }
  start(): void {
    this.#output.bytes(GREETING);
  }
  receive(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && this.wants === "input";) {
      const lf = chunk.indexOf(LF, at);
      if (lf < 0) return;
      this.#command((chunk[at] ?? 0) | 32);
      at = lf + 1;
    }
  }
  #command(letter: number): void {
    if (letter === 101) this.#output.bytes(EHLO);
    else if (letter === 114) {
      this.#output.bytes(NO_USER);
      if (!terminate) return;
      if (!Deno.args.includes("mload")) this.#output.bytes(DROP);
      this.wants = "close";
    } else if (letter === 113) {
      this.#output.bytes(BYE);
      this.wants = "close";
    } else this.#output.bytes(OK);
  }
  end(): void {}
}

if (import.meta.main) {
  const listener = new Listener({
    protocol: {
      name: "smtp",
      open: (_peer, output) => new BenchEngine(output),
      refuse: () => DROP,
    },
    wheel: new TimerWheel(),
    trace: NO_TRACE,
    writeStallSeconds: 60,
    address: parseListenAddress(`127.0.0.1:${Deno.args[0] ?? "2525"}`),
    limits: new SessionLimits(makeSharedLimits(20000, 1), 0, 20000, 20000),
  });
  listener.start();
  if (Deno.args.includes("memory")) {
    setInterval(() => {
      const rss = Deno.memoryUsage().rss;
      console.log(`${listener.sessions} sessions, ${Math.round(rss / 1024)} KiB`);
    }, 1000);
  }
}
