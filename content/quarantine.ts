/**
 * Copies of suspicious messages, for people to look at: in a Maildir where there is one, else in a
 * plain directory; and a line in its file "index" for each copy, which says why.
 *
 * A copy appears under its name only when it is complete. Nothing is promised to anybody, so nothing
 * is synced; trouble is told and never touches mail. Old copies are the administrator's to remove.
 */
import type { HeaderField } from "./types.ts";
import { bytesOf } from "./binary.ts";
import { writtenField } from "./header.ts";

/** One copy. */
export interface QuarantineCopy {
  readonly nowMs: number;
  readonly session: number;
  readonly ip: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly reason: string;
  /** Our Received field; "" for none. */
  readonly received: string;
  readonly fields: readonly HeaderField[];
  read(): AsyncIterable<Uint8Array>;
}

/** Where copies go. */
export interface Quarantine {
  readonly directory: string;
  /** The name of the copy. Rejects with a sentence when there is none. */
  keep(copy: QuarantineCopy): Promise<string>;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Visible, without separators of the index. */
const shown = (text: string): string => text.replace(/[^ -~]/g, "?").slice(0, 500);

let copies = 0;

/** Opens a directory; it need not be there yet. `host`: our name, for unique file names. */
export function openQuarantine(directory: string, host: string): Quarantine {
  const place = host.replace(/[^A-Za-z0-9.-]/g, "_");
  return {
    directory,
    async keep(copy) {
      const isMaildir = isDirectory(`${directory}/new`) && isDirectory(`${directory}/tmp`);
      const seconds = Math.floor(copy.nowMs / 1000);
      const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
      const name = `${seconds}.P${Deno.pid}Q${++copies}R${random.toString(16)}.${place}`;
      const waiting = isMaildir ? `${directory}/tmp/${name}` : `${directory}/.${name}.tmp`;
      const final = isMaildir ? `new/${name}` : name;
      try {
        await writeCopy(waiting, copy);
        Deno.renameSync(waiting, `${directory}/${final}`);
      } catch (error) {
        removeQuietly(waiting);
        throw error;
      }
      addToIndex(`${directory}/index`, final, copy);
      return final;
    },
  };
}

async function writeCopy(path: string, copy: QuarantineCopy): Promise<void> {
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    const writer = async (bytes: Uint8Array) => {
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    };
    await writer(bytesOf(writtenField(`X-Qfront-Quarantine: ${shown(copy.reason)}`)));
    await writer(bytesOf(writtenField(`X-Qfront-Sender: <${shown(copy.sender)}>`)));
    for (const recipient of copy.recipients.slice(0, 100)) {
      await writer(bytesOf(writtenField(`X-Qfront-Recipient: <${shown(recipient)}>`)));
    }
    await writer(bytesOf(copy.received));
    for await (const piece of copy.read()) await writer(piece);
  } finally {
    file.close();
  }
}

/** One line, one write: several processes may add to it. */
function addToIndex(path: string, name: string, copy: QuarantineCopy): void {
  const subject = copy.fields.find((field) => field.name.toLowerCase() === "subject")?.value ?? "";
  const line = [
    new Date(copy.nowMs).toISOString(),
    name,
    copy.ip,
    `<${shown(copy.sender)}>`,
    String(copy.recipients.length),
    shown(copy.reason),
    shown(subject.trim()),
  ].join("\t");
  Deno.writeTextFileSync(path, `${line}\n`, { append: true, mode: 0o600 });
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was never made.
  }
}
