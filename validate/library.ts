/**
 * The C library's calls that the look-up makes: file names as bytes, errors as numbers, users as
 * NSS answers.
 *
 * Opened once for the life of the isolate; null where there is no such library, and everybody has
 * another way.
 */

const SYMBOLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  faccessat: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  getpwnam_r: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

export type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

function open(): Library | null {
  if (Deno.build.os !== "linux") return null;
  try {
    return Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    return null;
  }
}

export const LIBRARY: Library | null = open();
