/**
 * Somebody who reads his mail: takes away what was delivered while a workload runs.
 *
 * With messages of 10 MiB a server fills gigabytes in seconds, and what is measured then is how fast the machine gives out memory that
 * nobody has used before - a virtual machine's host often less than 500 MB/s, whoever writes. A mailbox that is read uses the same
 * memory, or the same blocks of the disk, again and again.
 */
import type { Bench, Server } from "./servers/types.ts";

/** How often he looks, in milliseconds. */
const EVERY_MS = 100;

/** Reads until `stop` is called. */
export function startReader(bench: Bench, server: Server): { stop(): void } {
  const maildir = server.maildir?.(bench) ?? null;
  const timer = setInterval(() => {
    if (maildir !== null) readMaildir(maildir);
    readQueue(`${bench.dir}/stand-in-queue`);
  }, EVERY_MS);
  return { stop: () => clearInterval(timer) };
}

/** What is in new/ is complete. */
function readMaildir(maildir: string): void {
  for (const { name } of Deno.readDirSync(`${maildir}/new`)) {
    Deno.removeSync(`${maildir}/new/${name}`);
  }
}

const LINKED = "todo.";

/** A message of the stand-in for qmail-queue is complete when it has its third name. */
function readQueue(queue: string): void {
  for (const { name } of Deno.readDirSync(queue)) {
    if (!name.startsWith(LINKED)) continue;
    const id = name.slice(LINKED.length);
    for (const part of ["mess", "intd", "todo"]) Deno.removeSync(`${queue}/${part}.${id}`);
  }
}
