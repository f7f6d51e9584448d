/** What a killed delivery may leave behind, and what not. */

const USERS = ["a", "b"] as const;

/** The message with this id: its size follows from the id, some are longer than what waits in memory. */
export function bodyOf(id: string): Uint8Array {
  const number = Number(id.split("-")[1]);
  const size = number % 16 === 7 ? 150_000 : 100 + (number * 37) % 5000;
  const line = `${id} ${"x".repeat(60)}\n`;
  const text = `Id: ${id}\n\n${line.repeat(Math.ceil(size / line.length))}End: ${id}\n`;
  return new TextEncoder().encode(text);
}

export function makeMaildirs(dir: string): void {
  for (const user of USERS) {
    for (const part of ["tmp", "new", "cur"]) {
      Deno.mkdirSync(`${dir}/${user}/${part}`, { recursive: true });
    }
  }
}

/** One message in a Maildir: "ID USER". */
const inMaildir = (id: string, user: string): string => `${id} ${user}`;

/** The id in a message's text; "" when it has none. */
const idOf = (text: string): string => /^Id: (\S+)$/m.exec(text)?.[1] ?? "";

/** Every message that the driver's lines promise, once for each Maildir. */
function promisedIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [id = "", ...users] = line.split(" ");
    return users.map((user) => inMaildir(id, user));
  });
}

/** Takes every third promised message away, as its owner may at any time; gives what was taken: it must not come back. */
export function takeSome(dir: string, promised: readonly string[]): Set<string> {
  const wanted = new Set(promisedIn(promised).filter((_, i) => i % 3 === 0));
  const taken = new Set<string>();
  for (const user of USERS) {
    for (const { name } of Deno.readDirSync(`${dir}/${user}/new`)) {
      const path = `${dir}/${user}/new/${name}`;
      const one = inMaildir(idOf(Deno.readTextFileSync(path)), user);
      if (!wanted.has(one)) continue;
      Deno.removeSync(path);
      taken.add(one);
    }
  }
  return taken;
}

/**
 * Looks at everything below new/: complete? once? and every promised message there? Changes nothing.
 * `promised`: lines of the driver; `taken`: what must not be there. Gives sentences about what is wrong.
 */
export function faultsOf(
  dir: string,
  promised: readonly string[],
  taken: ReadonlySet<string> = new Set(),
): string[] {
  const faults: string[] = [];
  const found = new Map<string, number>();
  for (const user of USERS) {
    const head = `Return-Path: <>\nDelivered-To: ${user}\n`;
    for (const { name } of Deno.readDirSync(`${dir}/${user}/new`)) {
      const path = `${dir}/${user}/new/${name}`;
      const text = Deno.readTextFileSync(path);
      const id = idOf(text);
      const whole = head + new TextDecoder().decode(bodyOf(id));
      if (id === "" || text !== whole) faults.push(`${path} is not complete`);
      const one = inMaildir(id, user);
      found.set(one, (found.get(one) ?? 0) + 1);
    }
  }
  for (const [one, times] of found) {
    const [id, user] = one.split(" ");
    if (times > 1) faults.push(`message ${id} is ${times} times in ${user}`);
    if (taken.has(one)) faults.push(`message ${id} was taken away and is in ${user} again`);
  }
  for (const one of promisedIn(promised)) {
    const [id, user] = one.split(" ");
    if (!found.has(one) && !taken.has(one)) {
      faults.push(`message ${id} was promised and is not in ${user}`);
    }
  }
  return faults;
}

function emptyMaildirs(dir: string): void {
  for (const user of USERS) {
    for (const part of ["tmp", "new"]) {
      for (const { name } of Deno.readDirSync(`${dir}/${user}/${part}`)) {
        Deno.removeSync(`${dir}/${user}/${part}/${name}`);
      }
    }
  }
}

/** The same, and then empties the Maildirs. */
export function checkAndEmpty(
  dir: string,
  promised: readonly string[],
  taken: ReadonlySet<string> = new Set(),
): string[] {
  const faults = faultsOf(dir, promised, taken);
  emptyMaildirs(dir);
  return faults;
}
