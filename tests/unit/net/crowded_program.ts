/** The program of crowded_test.ts: a toy listener that prints its port, and each trace line. */
import { parseListenAddress } from "../../../net/address.ts";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { Listener } from "../../../net/listener.ts";
import { TimerWheel } from "../../../net/timers.ts";
import { toyProtocol } from "./toy.ts";

const listener = new Listener({
  protocol: toyProtocol(),
  wheel: new TimerWheel(5),
  trace: { level: 1, emit: (_session, event, fields) => console.log(event.text(fields)) },
  writeStallSeconds: 60,
  address: parseListenAddress("127.0.0.1:0"),
  limits: new SessionLimits(makeSharedLimits(1000, 1), 0, 1000, 1000),
});
listener.start();
