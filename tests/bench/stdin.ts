/** A session on standard input: the whole life of a process that answers one refused recipient, warm. */
import type { Bench } from "./servers/types.ts";

const TRANSCRIPT =
  "EHLO client.test\r\nMAIL FROM:<s@remote.test>\r\nRCPT TO:<nobody-here@local.test>\r\nQUIT\r\n";

/** Milliseconds of each run; the first, cold ones are left out. */
export interface StdinResult {
  readonly program: string;
  readonly milliseconds: readonly number[];
  /** The reply that shows that it did its work. */
  readonly answered: boolean;
}

async function timeOnce(argv: readonly string[], file: string): Promise<[number, string]> {
  const begin = performance.now();
  const output = await new Deno.Command("/bin/sh", {
    args: ["-c", 'f=$1; shift; exec "$@" <"$f"', "sh", file, ...argv],
    env: { TCPREMOTEIP: "127.0.0.1" },
    stderr: "null",
  }).output();
  return [performance.now() - begin, new TextDecoder().decode(output.stdout)];
}

/** Times qfront, and `cat` as the cost of starting any process at all. */
export async function measureStdin(bench: Bench, runs: number): Promise<StdinResult[]> {
  const file = `${bench.dir}/transcript.txt`;
  Deno.writeTextFileSync(file, TRANSCRIPT);
  const programs: Record<string, string[]> = {
    cat: ["/bin/cat"],
    qfront: [...bench.qfront, "smtp", "--root", bench.site.root],
  };
  const results: StdinResult[] = [];
  for (const [program, argv] of Object.entries(programs)) {
    for (let i = 0; i < 3; i++) await timeOnce(argv, file);
    const milliseconds: number[] = [];
    let reply = "";
    for (let i = 0; i < runs; i++) {
      const [time, text] = await timeOnce(argv, file);
      milliseconds.push(time);
      reply = text;
    }
    results.push({ program, milliseconds, answered: /^5\d\d[ -]/m.test(reply) });
  }
  return results;
}
