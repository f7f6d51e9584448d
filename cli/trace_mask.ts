/** The mask of a running trace: trace_privacy, and the key that trace_privacy_key names. */
import { randomBytes } from "node:crypto";
import type { Settings } from "../settings/mod.ts";
import { createMask, type Mask } from "../trace/privacy.ts";

/** Where names lie: see TracePlace. */
interface Place {
  readonly root: string;
  readonly path: string;
}

/** Fewer can be tried one by one. */
const LEAST_BYTES = 16;

/** Null: nothing is masked. A key that can't be used is said, and replaced by one that nobody knows. */
export function traceMask(
  settings: Pick<Settings, "trace_privacy" | "trace_privacy_key">,
  place: Place,
  complain: (sentence: string) => void,
): Mask | null {
  const { trace_privacy: level, trace_privacy_key: name } = settings;
  if (level === "none") return null;
  const path = name.startsWith("/") ? place.root + name : `${place.path}/${name}`;
  return createMask(level, level === "hash" && name !== "" ? keyOf(path, complain) : randomKey());
}

const randomKey = (): Uint8Array => new Uint8Array(randomBytes(32));

function keyOf(path: string, complain: (sentence: string) => void): Uint8Array {
  let why: string;
  try {
    const key = Deno.readFileSync(path);
    if (key.length >= LEAST_BYTES) return key;
    why = `it has fewer than ${LEAST_BYTES} bytes`;
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  complain(`The key "${path}" of trace_privacy can't be used: ${why}; a new one is made up`);
  return randomKey();
}
