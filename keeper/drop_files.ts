/**
 * The files of a maildrop as its owner, with what every session asks made cheap: whether new/ and cur/ have changed, and a
 * message that fits into one piece.
 *
 * That a directory is what it was when its owner listed it is seen without taking his identity, which costs more than the
 * question: the answer is a yes or no about what he has seen already. If it is no, he looks himself. Messages are always
 * opened as him.
 */
import { readWholeNow, stampNow } from "../pop3/file_calls.ts";
import type { MaildropFiles } from "../pop3/maildrop_files.ts";
import { asOwner } from "../queue/libc.ts";
import { type Owner, ownerFiles, type RunAs } from "./owner_files.ts";

/** @throws {Error} when the owner would be root. */
export function dropFiles(owner: Owner, runAs: RunAs = asOwner): MaildropFiles {
  const files = ownerFiles(owner, runAs);
  return {
    ...files,
    seen: stampNow,
    readWhole: (path, into) => runAs(owner, () => readWholeNow(path, into)),
  };
}
