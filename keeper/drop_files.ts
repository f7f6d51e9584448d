/**
 * The files of a maildrop as its owner, with what every session asks made cheap: whether new/ and cur/ have changed, and a
 * message that fits into one piece.
 *
 * That a directory is what it was when its owner listed it is seen without taking his identity, which costs more than the
 * question: the answer is a yes or no about what he has seen already. If it is no, he looks himself. Messages are always
 * opened as him. Work of many calls takes his identity once for each of its slices.
 */
import { readWholeNow, stampNow } from "../pop3/file_calls.ts";
import type { MaildropFiles } from "../pop3/maildrop_files.ts";
import { asOwner } from "../queue/libc.ts";
import { type Owner, ownerFiles, type RunAs } from "./owner_files.ts";

/** @throws {Error} when the owner would be root. */
export function dropFiles(owner: Owner, runAs: RunAs = asOwner): MaildropFiles {
  let isOwner = false;
  /** Within a slice the identity is there. */
  const asHim: RunAs = (him, action) => isOwner ? action() : runAs(him, action);
  const files = ownerFiles(owner, asHim);

  function slice<T>(work: () => T): T {
    if (isOwner) return work();
    return runAs(owner, () => {
      isOwner = true;
      try {
        return work();
      } finally {
        isOwner = false;
      }
    });
  }

  return {
    ...files,
    seen: stampNow,
    readWhole: (path, into) => asHim(owner, () => readWholeNow(path, into)),
    slice,
  };
}
