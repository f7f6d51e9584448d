/**
 * How many messages a second the queues take, without SMTP around them.
 *
 *     deno run -A tests/bench/queue_bench.ts maildir [--connections 16] [--bytes 4096] [--seconds 3] [--sync auto]
 *     deno run -A tests/bench/queue_bench.ts qmail-queue [--connections 16] [--program PATH]
 *
 * Each of the connections opens, writes, commits and begins again. Prints one JSON line.
 */
import { parseArgs } from "@std/cli/parse-args";
import { NO_TRACE } from "../../trace/tracer.ts";
import { openQmailQueue } from "../../queue/qmail_queue.ts";
import { openMaildirQueue } from "../../queue/maildir.ts";
import type { SyncWay } from "../../queue/group_commit.ts";
import type { Queue } from "../../queue/types.ts";

const RECIPIENT = "bench@local.test";

/** A Maildir in a temporary folder of `parent`. */
function makeMaildir(parent: string): string {
  const home = Deno.makeTempDirSync({ dir: parent });
  for (const name of ["tmp", "new", "cur"]) {
    Deno.mkdirSync(`${home}/Maildir/${name}`, { recursive: true });
  }
  return home;
}

function maildirQueue(home: string, sync: SyncWay): Queue {
  return openMaildirQueue({
    routing: (address) => ({
      outcome: "deliver",
      reason: "",
      rewritten: address,
      owner: null,
      home,
      instructions: [{ kind: "maildir", text: "./Maildir/", where: "" }],
      forwardSender: (sender) => sender,
    }),
    trace: NO_TRACE,
    host: "bench",
    pid: Deno.pid,
    sync,
  });
}

/** Messages a second through `queue`, and everything that was not queued. */
async function measure(queue: Queue, connections: number, bytes: number, seconds: number) {
  const chunk = new Uint8Array(Math.min(bytes, 65536)).fill(0x61);
  for (let i = 71; i < chunk.length; i += 72) chunk[i] = 10;
  const end = performance.now() + seconds * 1000;
  let queued = 0;
  let failed = 0;
  async function connection(): Promise<void> {
    while (performance.now() < end) {
      const delivery = await queue.open(1, { sender: "s@remote.test", recipients: [RECIPIENT] });
      for (let left = bytes; left > 0; left -= chunk.length) {
        await delivery.write(chunk.subarray(0, Math.min(left, chunk.length)));
      }
      (await delivery.commit()).kind === "queued" ? queued++ : failed++;
    }
  }
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, connection));
  const took = (performance.now() - started) / 1000;
  return {
    messagesPerSecond: Math.round(queued / took),
    failed,
    megabytesPerSecond: Math.round(queued * bytes / took / 1e6),
  };
}

/** The program that QMAILQUEUE stands for here: reads everything, keeps nothing. */
function programQueue(program: string): Queue {
  return openQmailQueue({
    program,
    directory: "/",
    env: Deno.env.toObject(),
    timeoutSeconds: 60,
    maxPrograms: 20,
    trace: NO_TRACE,
  });
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["connections", "bytes", "seconds", "sync", "program", "dir"],
  });
  const number = (name: string, fallback: number) => Number(args[name] ?? fallback);
  const kind = String(args._[0] ?? "maildir");
  const sync = String(args["sync"] ?? "auto") as SyncWay;
  const home = makeMaildir(String(args["dir"] ?? "/tmp"));
  try {
    const queue = kind === "maildir"
      ? maildirQueue(home, sync)
      : programQueue(String(args["program"] ?? "/var/qmail/bin/qmail-queue"));
    const result = await measure(
      queue,
      number("connections", 16),
      number("bytes", 4096),
      number("seconds", 3),
    );
    console.log(JSON.stringify({ queue: kind, sync, ...result }));
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
}
