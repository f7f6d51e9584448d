import { assertEquals, assertStringIncludes } from "@std/assert";
import { readUntil, toText } from "./toy.ts";

const PROGRAM = new URL("./crowded_program.ts", import.meta.url).pathname;

/** Text from `output` until it holds `text`. */
async function outputUntil(
  output: ReadableStreamDefaultReader<Uint8Array>,
  text: string,
): Promise<string> {
  let all = "";
  while (!all.includes(text)) {
    const { value, done } = await output.read();
    if (done) break;
    all += toText(value);
  }
  return all;
}

Deno.test("Listener: goes on when descriptors were used up", async () => {
  const child = new Deno.Command("bash", {
    args: ["-c", `ulimit -n 64; exec "$0" run -A --no-check "$1"`, Deno.execPath(), PROGRAM],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.getReader();
  const port = Number((await outputUntil(output, "\n")).trim().split(":").at(-1));
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  const crowd = await Promise.all(Array.from({ length: 80 }, connect));
  assertStringIncludes(await outputUntil(output, "cannot accept"), "trying again: Too many open");
  for (const conn of crowd) conn.close();
  const late = await connect();
  assertEquals(await readUntil(late, "\n"), "220 toy\r\n");
  late.close();
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
});
