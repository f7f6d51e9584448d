/** A kept message as the checks see it. */
import type { Spool } from "../queue/spool.ts";
import { type Header, hopsOf, readHeader } from "./header.ts";
import type { Message } from "./types.ts";

/** The message, and where its header ends. */
export interface KeptMessage {
  readonly message: Message;
  readonly header: Header;
}

/** Reads the header of a complete message. Rejects with a sentence when the spool can't be read. */
export async function openMessage(spool: Spool): Promise<KeptMessage> {
  const header = await readHeader(spool.read());
  const { fields, isCut } = header;
  const message = {
    fields,
    bytes: spool.bytes,
    hops: hopsOf(fields),
    isHeaderCut: isCut,
    read: () => spool.read(),
  };
  return { message, header };
}
