/**
 * crypt(3) of the system's library, by FFI and off the event loop: libxcrypt's crypt_rn, or crypt_r
 * of an older glibc. The library is opened at the first use and stays open.
 *
 * Does not judge formats: what the library does not know is null.
 */
import { fromBytes, toBytes } from "./bytes.ts";

/** libxcrypt's struct crypt_data is 32768 bytes; that of glibc's own crypt_r 131232. */
const XCRYPT_DATA_BYTES = 32768;
const GLIBC_DATA_BYTES = 131232;
/** CRYPT_GENSALT_OUTPUT_SIZE. */
const SETTING_BYTES = 192;

const SYMBOLS = {
  crypt_rn: {
    parameters: ["buffer", "buffer", "buffer", "i32"],
    result: "pointer",
    nonblocking: true,
    optional: true,
  },
  /** The same on the event loop. */
  crypt_rn_now: {
    name: "crypt_rn",
    parameters: ["buffer", "buffer", "buffer", "i32"],
    result: "pointer",
    optional: true,
  },
  crypt_r: {
    parameters: ["buffer", "buffer", "buffer"],
    result: "pointer",
    nonblocking: true,
    optional: true,
  },
  crypt_gensalt_rn: {
    parameters: ["buffer", "usize", "buffer", "i32", "buffer", "i32"],
    result: "pointer",
    optional: true,
  },
  crypt_checksalt: { parameters: ["buffer"], result: "i32", optional: true },
} as const;

/**
 * What crypt_checksalt says of a setting that can't be used: CRYPT_SALT_INVALID,
 * CRYPT_SALT_METHOD_DISABLED.
 */
const UNUSABLE_SALTS = [1, 2];

/** The library, as far as it is used. Arguments are binary strings without NUL. */
export interface CryptLibrary {
  /** "libcrypt.so.1" */
  readonly name: string;
  /**
   * The hash of `password` with `setting` (a hash will do); null when the library can't compute it.
   */
  crypt(password: string, setting: string): Promise<string | null>;
  /**
   * The same at once, for hashes that take less time than another thread takes to be asked. Absent: not with this library,
   * whose first hash of a kind takes long.
   */
  readonly cryptNow?: ((password: string, setting: string) => string | null) | undefined;
  /** Does the library know what to do with this setting? null: it can't tell. */
  knows(setting: string): boolean | null;
  /** A new setting; `cost` 0: as the library likes it. Null when it has no such format. */
  makeSetting(prefix: string, cost: number, random: Uint8Array<ArrayBuffer>): string | null;
}

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const cString = (text: string) => toBytes(text + "\0");

async function callCrypt(symbols: Symbols, password: string, setting: string) {
  const { crypt_rn, crypt_r } = symbols;
  const key = cString(password);
  const salt = cString(setting);
  const data = new Uint8Array(crypt_rn === null ? GLIBC_DATA_BYTES : XCRYPT_DATA_BYTES);
  const pointer = crypt_rn !== null
    ? await crypt_rn(key, salt, data, data.length)
    : await crypt_r?.(key, salt, data) ?? null;
  const hash = pointer === null ? null : new Deno.UnsafePointerView(pointer).getCString();
  // The buffers must live until the other thread is done, and keep no password after that.
  key.fill(0);
  salt.fill(0);
  data.fill(0);
  return hash === null || hash.startsWith("*") ? null : hash;
}

function makeCryptNow({ crypt_rn_now }: Symbols): CryptLibrary["cryptNow"] {
  if (crypt_rn_now === null) return undefined;
  const data = new Uint8Array(XCRYPT_DATA_BYTES);
  return (password, setting) => {
    const key = cString(password);
    const pointer = crypt_rn_now(key, cString(setting), data, data.length);
    // What comes back points to the beginning of `data`.
    const hash = pointer === null ? "*" : fromBytes(data.subarray(0, data.indexOf(0)));
    key.fill(0);
    data.fill(0);
    return hash.startsWith("*") ? null : hash;
  };
}

function wrap(name: string, symbols: Symbols): CryptLibrary {
  return {
    name,
    crypt: (password, setting) => callCrypt(symbols, password, setting),
    cryptNow: makeCryptNow(symbols),
    knows(setting) {
      const answer = symbols.crypt_checksalt?.(cString(setting));
      return answer === undefined ? null : !UNUSABLE_SALTS.includes(answer);
    },
    makeSetting(prefix, cost, random) {
      const out = new Uint8Array(SETTING_BYTES);
      const made = symbols.crypt_gensalt_rn?.(
        cString(prefix),
        BigInt(cost),
        random,
        random.length,
        out,
        out.length,
      ) ?? null;
      return made === null ? null : new Deno.UnsafePointerView(made).getCString();
    },
  };
}

/** Opens the first of `names` that is there; a sentence when none is. */
export function openLibcrypt(
  names: readonly string[] = ["libcrypt.so.1", "libcrypt.so.2"],
): CryptLibrary | string {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      const { symbols } = Deno.dlopen(name, SYMBOLS);
      if (symbols.crypt_rn !== null || symbols.crypt_r !== null) return wrap(name, symbols);
      reasons.push(`${name} has no crypt_rn`);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  return `The system's crypt library can't be used (${reasons.join("; ")})`;
}

let system: CryptLibrary | string | null = null;

/** The system's library, opened at the first call and kept; a sentence when it can't be used. */
export function systemLibcrypt(): CryptLibrary | string {
  return system ??= openLibcrypt();
}
