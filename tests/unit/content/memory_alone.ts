/**
 * A process of its own for memory_test.ts (run with --v8-flags=--expose-gc): a message of as many
 * megabytes as it is told, through every check that reads it. Prints what came of it and the most
 * memory that was held at any of many moments, what nobody holds any more left out, in KiB.
 */
import { openContent } from "../../../content/config.ts";
import type { ContentCheck } from "../../../content/types.ts";
import { NO_COUNTS } from "../../../policy/counts.ts";
import { NONE } from "../../../policy/replies.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { CLIENT, defaults, envelopeOf } from "./kit.ts";

const { gc } = globalThis as unknown as { gc: () => void };

let most = 0;
/** What is swept by other threads after a collection is not held: the least of a few looks counts. */
async function sample(): Promise<void> {
  let held = Infinity;
  for (let look = 0; look < 3; look++) {
    gc();
    const { heapUsed, external } = Deno.memoryUsage();
    held = Math.min(held, heapUsed + external);
    if (held < most) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  most = Math.max(most, held);
}

/** Looks at the memory while a check reads the message, and behind all others. */
const WATCHER: ContentCheck = {
  name: "spamd",
  mode: "on",
  sparesTrusted: false,
  async examine(message) {
    let pieces = 0;
    for await (const piece of message.read()) {
      if (piece.length > 0 && pieces++ % 50 === 0) await sample();
    }
    return { verdict: NONE };
  },
};

const LINE = "Some text of a message, as long as lines of messages usually are, and then\n";
const megabytes = Number(Deno.args[0]);
const files: Readonly<Record<string, string>> = {
  headerrules: "quarantine Subject: x\nrefuse @body: *make money fast*\n",
  patterns: "/*prohibited*\n\\TVqQ*\n",
};
const content = openContent({
  ...defaults(),
  header_limits: "on",
  header_rules: "on",
  patterns: "on",
  decision_header: true,
  filter: "on",
  filter_program: "/bin/cat",
  quarantine_dir: Deno.args[1] ?? "",
}, {
  text: (name) => files[name] ?? null,
  qmailDir: "/",
  programDir: "/",
  root: "",
  host: "h",
  env: {},
  softReject: false,
  tracer: NO_TRACE,
  counts: NO_COUNTS,
  others: [WATCHER],
});
const examination = content?.open({}).begin(CLIENT);
const piece = new TextEncoder().encode(LINE.repeat(800));
await examination?.write(new TextEncoder().encode("Subject: x\n\n"));
for (let at = 0, n = 0; at < megabytes * 1e6; at += piece.length) {
  await examination?.write(piece);
  if (n++ % 50 === 0) await sample();
}
let bytes = 0;
const outcome = await examination?.finish({
  envelope: envelopeOf(),
  open: () => ({
    write: (chunk) => {
      bytes += chunk.length;
    },
    commit: () => Promise.resolve({ kind: "queued", id: "" }),
    abort: () => {},
  }),
});
await sample();
console.log(JSON.stringify({ kind: outcome?.kind, bytes, heldKib: Math.round(most / 1024) }));
