/**
 * Asks for a password at the terminal, without echo.
 *
 * The terminal is told before the prompt is there, so that nothing typed early is shown, and it gets its echo back on
 * every way out: keys that would end the process (^C, ^D) are read as keys here.
 */

/** Thrown when ^C, ^D or the end of the terminal comes instead of a password. */
export class SecretAborted extends Error {
  override name = "SecretAborted";
}

const [CTRL_C, CTRL_D, BACKSPACE, LF, CR, CTRL_U, DELETE] = [3, 4, 8, 10, 13, 21, 127];

/** The line that `next` gives byte by byte (null: the end), edited as a terminal would. Binary. @throws {SecretAborted} */
export function readSecret(next: () => number | null): string {
  let bytes: number[] = [];
  for (let byte = next(); byte !== LF && byte !== CR; byte = next()) {
    switch (byte) {
      case null:
      case CTRL_C:
      case CTRL_D:
        throw new SecretAborted("No password was given");
      case CTRL_U:
        bytes = [];
        break;
      case BACKSPACE:
      case DELETE:
        eraseLast(bytes);
        break;
      default:
        bytes.push(byte);
    }
  }
  return String.fromCharCode(...bytes);
}

/** Takes away the last character of UTF-8, or the last byte of what is none. */
function eraseLast(bytes: number[]): void {
  let byte = bytes.pop();
  while (byte !== undefined && (byte & 0xc0) === 0x80) byte = bytes.pop();
}

/** Asks at the terminal; null when standard input is none. @throws {SecretAborted} */
export function askSecret(prompt: string): string | null {
  if (!Deno.stdin.isTerminal()) return null;
  const one = new Uint8Array(1);
  const say = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  Deno.stdin.setRaw(true);
  try {
    say(`${prompt} `);
    return readSecret(() => Deno.stdin.readSync(one) === null ? null : one[0] ?? null);
  } finally {
    Deno.stdin.setRaw(false);
    say("\n");
  }
}
