/**
 * A process of its own for examination_test.ts: keeps a large message, counts names and descriptors
 * of what it is kept in, and prints what came of it.
 */
import { bytesOf } from "../../../content/binary.ts";
import { CLIENT, contentOf, run } from "./kit.ts";

const settings = { decision_header: true } as const;
const TEXT = `A: 1\n\n${"x".repeat(100_000)}\n`;

function spools(): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).includes("qfront-spool-");
    } catch {
      return false;
    }
  }).length;
}

function namesIn(directory: string): number {
  try {
    return [...Deno.readDirSync(directory)].length;
  } catch {
    return -1;
  }
}

const { outcome, queued } = await run(TEXT, { settings });
const examination = contentOf({ settings })?.open({}).begin(CLIENT);
await examination?.write(bytesOf(TEXT));
const kept = spools();
const names = namesIn(Deno.env.get("TMPDIR") ?? "/tmp");
examination?.abort();
console.log(JSON.stringify({
  kind: outcome.kind,
  reason: outcome.kind === "deferred" ? outcome.reason : "",
  queued: queued === null ? null : queued.length,
  kept,
  names,
  left: spools(),
}));
