/** The worker of workers_test.ts, loaded late: as a program whose modules take their time. */
import { isWorker } from "../../../net/workers.ts";

if (isWorker()) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  await import("./worker_program.ts");
}
