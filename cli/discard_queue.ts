/** A queue that judges as another one does and throws away what it takes: for dialogues that are only tried. */
import type { Delivery, Queue } from "../queue/types.ts";

const DELIVERY: Delivery = {
  write() {},
  commit: () => Promise.resolve({ kind: "queued", id: "qp 0 (thrown away)" }),
  abort() {},
};

/** `queue` without its deliveries. */
export function discarding(queue: Queue): Queue {
  return {
    name: queue.name,
    inHand: 0,
    open: () => DELIVERY,
    ...(queue.canDeliver === undefined ? {} : { canDeliver: queue.canDeliver.bind(queue) }),
    idle: () => queue.idle(),
  };
}
