/** What a killed delivery may leave behind, and what not. */

/** The message with this id: its size follows from the id, some are longer than what waits in memory. */
export function bodyOf(id: string): Uint8Array {
  const number = Number(id.split("-")[1]);
  const size = number % 16 === 7 ? 150_000 : 100 + (number * 37) % 5000;
  const line = `${id} ${"x".repeat(60)}\n`;
  const text = `Id: ${id}\n\n${line.repeat(Math.ceil(size / line.length))}End: ${id}\n`;
  return new TextEncoder().encode(text);
}

export function makeMaildirs(dir: string): void {
  for (const user of ["a", "b"]) {
    for (const part of ["tmp", "new", "cur"]) {
      Deno.mkdirSync(`${dir}/${user}/${part}`, { recursive: true });
    }
  }
}

/**
 * Looks at everything below new/: complete? once? and every promised message there? Then empties the Maildirs. `promised`: lines of the driver.
 * Gives sentences about what is wrong.
 */
export function checkAndEmpty(dir: string, promised: readonly string[]): string[] {
  const faults: string[] = [];
  const found = { a: new Map<string, number>(), b: new Map<string, number>() };
  for (const user of ["a", "b"] as const) {
    for (const entry of Deno.readDirSync(`${dir}/${user}/new`)) {
      const path = `${dir}/${user}/new/${entry.name}`;
      const text = Deno.readTextFileSync(path);
      const head = `Return-Path: <>\nDelivered-To: ${user}\n`;
      const id = /^Id: (\S+)$/m.exec(text)?.[1] ?? "";
      const whole = head + new TextDecoder().decode(bodyOf(id));
      if (id === "" || text !== whole) faults.push(`${path} is not complete`);
      found[user].set(id, (found[user].get(id) ?? 0) + 1);
      Deno.removeSync(path);
    }
    for (const entry of Deno.readDirSync(`${dir}/${user}/tmp`)) {
      Deno.removeSync(`${dir}/${user}/tmp/${entry.name}`);
    }
    for (const [id, times] of found[user]) {
      if (times > 1) faults.push(`message ${id} is ${times} times in ${user}`);
    }
  }
  for (const line of promised) {
    const [id = "", ...users] = line.split(" ");
    for (const user of users) {
      if (!found[user === "a" ? "a" : "b"].has(id)) {
        faults.push(`message ${id} was promised and is not in ${user}`);
      }
    }
  }
  return faults;
}
