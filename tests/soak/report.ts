/**
 * A large log through `qfront report` with a heap that is far smaller than it: `deno run -A tests/soak/report.ts [MEGABYTES]`.
 *
 * Lines are made while they are read, each session another client and another name, so that every table overflows. Exits
 * with 1 when the command fails, which it does when its heap is used up.
 */
import { random } from "../unit/report/sample_logs.ts";

const HEAP_MEGABYTES = 128;
const TOP = new URL("../../", import.meta.url).pathname;

/** Sessions that never end, clients and names that never come again. */
function* lines(bytes: number): Generator<string> {
  const dice = random(5);
  const byte = () => Math.floor(dice() * 256);
  for (let session = 1, made = 0; made < bytes; session++) {
    const head = `2026-03-01 ${String(8 + Math.floor(made / bytes * 12)).padStart(2, "0")}:00:00`;
    const piece =
      `${head} (1) (${session}) setup: remoteip: ${byte()}.${byte()}.${byte()}.${byte()}\n` +
      `${head} (2) (${session}) smtp_rcpt: user[name${session}] domain [example.org]\n` +
      (session % 3 === 0
        ? `${head} (1) (${session}) smtp_data: qp ${session} from <s${session}@far.example> to 1 rcpt, 9 bytes\n` +
          `info msg ${session}: bytes 9 from <s${session}@far.example> qp ${session} uid 1\n` +
          `starting delivery ${session}: msg ${session} to remote x${session}@far.example\n`
        : `${head} (2) (${session}) smtp_rcpt: invalid rcpt user, terminating connection\n`);
    made += piece.length;
    yield piece;
  }
}

if (import.meta.main) {
  const megabytes = Number(Deno.args[0] ?? 50);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "--cached-only"],
      ...[`--v8-flags=--max-old-space-size=${HEAP_MEGABYTES}`, "main.ts", "report", "-"],
    ],
    cwd: TOP,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = new Response(child.stdout).text();
  await ReadableStream.from(lines(megabytes * 1e6)).pipeThrough(new TextEncoderStream())
    .pipeTo(child.stdin).catch(() => {});
  const { success } = await child.status;
  console.log((await output).split("\n").slice(0, 12).join("\n"));
  console.log(`${success ? "ok" : "FAILED"}: ${megabytes} MB within ${HEAP_MEGABYTES} MB of heap`);
  Deno.exitCode = success ? 0 : 1;
}
