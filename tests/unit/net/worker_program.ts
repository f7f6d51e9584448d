/** The worker of workers_test.ts: a toy listener whose greeting names the worker and the configuration. */
import { parseListenAddress, showAddress } from "../../../net/address.ts";
import { SessionLimits } from "../../../net/limits.ts";
import { Listener } from "../../../net/listener.ts";
import { TimerWheel } from "../../../net/timers.ts";
import type { Output, Peer, Protocol } from "../../../net/types.ts";
import { isWorker, runWorker } from "../../../net/workers.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { Toy, toyProtocol } from "./toy.ts";

/** What the tests configure. */
export interface ToyConfig {
  readonly greeting: string;
  /** A worker of this number refuses to start. */
  readonly broken: number;
  /** Workers say "waiting" at their start, and wait until they are told something. */
  readonly waits?: boolean;
}

/** A toy that can bring its worker down. */
class MortalToy extends Toy {
  override async receive(chunk: Uint8Array): Promise<void> {
    if (chunk[0] === 68 && chunk[1] === 73 && chunk[2] === 69) {
      setTimeout(() => {
        throw new Error("told to die");
      });
    } else await super.receive(chunk);
  }
}

if (isWorker()) {
  runWorker<ToyConfig>(async (job, line) => {
    if (job.config.waits === true) {
      const told = new Promise((resolve) => line.hear(resolve));
      line.say("waiting");
      await told;
    }
    if (job.config.broken === job.worker) throw new Error("broken at its start");
    let { greeting } = job.config;
    const protocol: Protocol = {
      ...toyProtocol(),
      open: (peer: Peer, output: Output) =>
        new MortalToy(peer, output, { greeting: `220 ${job.worker} ${greeting}\r\n` }),
    };
    const wheel = new TimerWheel(5);
    const listener = new Listener({
      protocol,
      wheel,
      trace: NO_TRACE,
      writeStallSeconds: 60,
      address: parseListenAddress(job.addresses?.[0] ?? "127.0.0.1:0"),
      limits: new SessionLimits(job.shared, job.worker, 100, 3),
      reusePort: true,
    });
    listener.start();
    return {
      addresses: [showAddress(listener.address)],
      reload(config) {
        greeting = config.greeting;
      },
      async stop(seconds) {
        const forced = await listener.stop(seconds);
        wheel.close();
        return forced;
      },
    };
  });
}
