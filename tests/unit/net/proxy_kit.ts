/** Headers of the PROXY protocol for tests. */

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A header of version 2. `command`, `about`: bytes 13 and 14; `body`: everything behind the length. */
export function binaryHeader(
  command: number,
  about: number,
  body: readonly number[],
): Uint8Array<ArrayBuffer> {
  const signature = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10];
  return Uint8Array.from([
    ...signature,
    command,
    about,
    body.length >> 8,
    body.length & 255,
    ...body,
  ]);
}
