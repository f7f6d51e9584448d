import { assertEquals } from "@std/assert";
import { openDiagnostics } from "../../../trace/diagnostics.ts";

function collector() {
  const taken: string[] = [];
  const write = (bytes: Uint8Array) => {
    taken.push(new TextDecoder().decode(bytes));
    return Promise.resolve(bytes.length);
  };
  return { write, text: () => taken.join("") };
}

Deno.test("openDiagnostics: a line a sentence, with the word of its severity", async () => {
  const stderr = collector();
  const diagnostics = await openDiagnostics({ stderr });
  diagnostics.info('Listening on "127.0.0.1:25"');
  diagnostics.warning("odd {name} *");
  diagnostics.error("bad\x1b[2J\nqfront: forged");
  await diagnostics.close();
  assertEquals(
    stderr.text(),
    'qfront: Listening on "127.0.0.1:25"\n' +
      "qfront: warning: odd {name} *\n" +
      "qfront: error: bad\\x1b[2J\\x0aqfront: forged\n",
  );
});

Deno.test("openDiagnostics: quiet leaves the warnings", async () => {
  const stderr = collector();
  const diagnostics = await openDiagnostics({ stderr, quiet: true });
  diagnostics.info("started");
  diagnostics.warning("odd");
  await diagnostics.close();
  assertEquals(stderr.text(), "qfront: warning: odd\n");
});

Deno.test("openDiagnostics: a reader that never reads stops neither work nor the end", async () => {
  const stderr = { write: () => new Promise<number>(() => {}) };
  const diagnostics = await openDiagnostics({ stderr });
  for (let i = 0; i < 5000; i++) diagnostics.info("x".repeat(1000));
  await diagnostics.close();
});
