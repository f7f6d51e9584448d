/** Look-up and queue with a count around each answer, for a service whose numbers somebody asks for. */
import type { Meter } from "../ctl/meter.ts";
import type { Delivery, Queue } from "../queue/types.ts";
import { answerOf, type LookupResult, type LookupService } from "../validate/types.ts";

const secondsSince = (beganMs: number): number => (performance.now() - beganMs) / 1000;

/** Counts the answers of a look-up, and how long each took. */
export function meteredLookup(meter: Meter, lookup: LookupService): LookupService {
  const count = (result: LookupResult, beganMs: number): LookupResult => {
    meter.lookup(answerOf(result), secondsSince(beganMs));
    return result;
  };
  return {
    lookup(address, explain) {
      const beganMs = performance.now();
      const found = lookup.lookup(address, explain);
      return found instanceof Promise
        ? found.then((result) => count(result, beganMs))
        : count(found, beganMs);
    },
    rcptHosts: (address) => lookup.rcptHosts(address),
  };
}

function meteredDelivery(meter: Meter, delivery: Delivery): Delivery {
  return {
    write: (chunk, lines) => delivery.write(chunk, lines),
    async commit() {
      const beganMs = performance.now();
      const outcome = await delivery.commit();
      meter.message(outcome.kind, secondsSince(beganMs));
      return outcome;
    },
    abort() {
      meter.message("aborted", null);
      return delivery.abort();
    },
  };
}

/** Counts the outcomes of a queue, and how long a complete message took to be safe. */
export function meteredQueue(meter: Meter, queue: Queue): Queue {
  const { canDeliver } = queue;
  return {
    name: queue.name,
    get inHand() {
      return queue.inHand;
    },
    open(session, envelope, env) {
      const opened = queue.open(session, envelope, env);
      return opened instanceof Promise
        ? opened.then((delivery) => meteredDelivery(meter, delivery))
        : meteredDelivery(meter, opened);
    },
    ...(canDeliver === undefined ? {} : { canDeliver: canDeliver.bind(queue) }),
    idle: () => queue.idle(),
  };
}
