/**
 * qfront: SMTP and POP3 in front of qmail. This file turns the command line into an exit code, and is the only one
 * that ends the process. A worker of `serve` is this same file, started as an isolate.
 */
import { run } from "./cli/main.ts";

declare const WorkerGlobalScope: (new () => unknown) | undefined;

if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope) {
  const { runServeWorker } = await import("./cli/worker.ts");
  runServeWorker();
} else {
  Deno.exit(await run(Deno.args));
}
