/**
 * getpwnam_r(3) of the C library: users as NSS answers (LDAP, sss, systemd ...).
 *
 * DIFFERS: where the call fails (a directory server that is down), qmail-getpw takes the user for
 * absent and the mail bounces; here the look-up is undecided, because the sender can try again.
 */
import { fromLatin1, latin1 } from "../cdb/mod.ts";
import { LIBRARY } from "./library.ts";
import { LookupTrouble } from "./trouble.ts";

/** A user, binary strings. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Offsets in glibc's struct passwd on 64-bit systems. */
const NAME = 0;
const UID = 16;
const GID = 20;
const HOME = 32;

const ERANGE = 34;
const LARGEST = 1024 * 1024;
/** glibc: "the given name was not found" in its various spellings: 0, ENOENT, ESRCH. */
const ABSENT = new Set([0, 2, 3]);

function textAt(record: DataView, offset: number): string {
  const pointer = Deno.UnsafePointer.create(record.getBigUint64(offset, true));
  if (pointer === null) return "";
  const view = new Deno.UnsafePointerView(pointer);
  const bytes: number[] = [];
  for (let i = 0, byte = view.getUint8(0); byte !== 0; byte = view.getUint8(++i)) bytes.push(byte);
  return latin1(Uint8Array.from(bytes));
}

/**
 * A function that asks the C library, or null where there is none. The function throws
 * LookupTrouble.
 */
export function findThroughLibrary(): ((name: string) => User | null) | null {
  const call = LIBRARY;
  if (call === null) return null;
  const record = new DataView(new ArrayBuffer(128));
  const result = new BigUint64Array(16);
  let strings = new Uint8Array(16384);
  return (name) => {
    const asked = fromLatin1(`${name}\0`);
    for (;;) {
      result[0] = 0n;
      const code = call.getpwnam_r(
        asked,
        record.buffer,
        strings,
        BigInt(strings.length),
        result.buffer,
      );
      if (code === ERANGE && strings.length < LARGEST) {
        strings = new Uint8Array(strings.length * 4);
        continue;
      }
      if (result[0] !== 0n) {
        return {
          name: textAt(record, NAME),
          uid: record.getUint32(UID, true),
          gid: record.getUint32(GID, true),
          home: textAt(record, HOME),
        };
      }
      if (ABSENT.has(code)) return null;
      throw new LookupTrouble(
        `The system's user database could not be asked for "${name}": errno ${code} (is its directory service running?)`,
      );
    }
  };
}
