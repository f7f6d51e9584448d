/**
 * The delivery instructions of an address: which they are, whether they may be followed, and where
 * their Maildirs lie.
 *
 * Mirrors main() of qmail-local.c from the dot-qmail file on: default delivery in place of an empty
 * file, the sender that forwards get. It reads and never delivers.
 */
import type { Assignment } from "./assign.ts";
import { type DotQmail, enterHome, findDotQmail, hasOwnerFile } from "./dotqmail.ts";
import { needsNoPrograms, parseInstructions } from "./instructions.ts";
import { failureWords, LookupTrouble } from "./trouble.ts";
import type { Instruction, Instructions, LookupResult, MailPlaces } from "./types.ts";
import { homeContext, noMailbox, troubleOf, type Walk } from "./walk.ts";

function readText(walk: Walk, file: DotQmail): string {
  const text = walk.files.text(file.found);
  if (typeof text === "string") return text;
  throw new LookupTrouble(`The file ${file.found.path} can't be read: ${failureWords(text)}`);
}

/** Instructions that may be followed. */
export interface Followed {
  readonly instructions: readonly Instruction[];
  readonly isDefault: boolean;
}

/**
 * The lines of a dot-qmail file; those of the default delivery where it is empty or there is none.
 * @throws {LookupTrouble} where they may not be followed.
 */
export function instructionsFor(walk: Walk, home: string, file: DotQmail | null): Followed {
  if (file !== null && file.trouble !== null) throw new LookupTrouble(file.trouble);
  const text = file === null ? "" : readText(walk, file);
  const { instructions, trouble } = file === null || text === ""
    ? parseInstructions(defaultDelivery(walk), "the default delivery", false)
    : parseInstructions(text, `${home}/${file.name}`, file.forwardOnly);
  if (trouble !== null) throw new LookupTrouble(trouble);
  return { instructions, isDefault: text === "" };
}

/**
 * What qmail-start was given: the option, else control/defaultdelivery as a shell's $(cat) takes
 * it, else ./Maildir/.
 */
function defaultDelivery(walk: Walk): string {
  const given = walk.site.defaultDelivery;
  if (given !== null) return given;
  const text = walk.control.text("defaultdelivery");
  return text === null ? "./Maildir/" : text.replace(/\n+$/, "").replaceAll("\0", "");
}

const NOTHING = {
  instructions: [],
  withoutPrograms: true,
  forwardSender: (sender: string) => sender,
} as const;

/** The instructions that would be followed for a result, read now. */
export function readInstructions(walk: Walk, result: LookupResult): Instructions {
  if (result.verdict !== "deliverable") {
    return { ...NOTHING, trouble: result.verdict === "discarded" ? null : result.reason };
  }
  walk.files.begin();
  try {
    return followed(walk, result);
  } catch (error) {
    return { ...NOTHING, trouble: troubleOf(error) };
  }
}

function assignmentOf(result: LookupResult): Assignment | null {
  const { user, uid, gid, home, dash, ext } = result;
  if (user === undefined || uid === undefined || gid === undefined) return null;
  if (home === undefined || dash === undefined || ext === undefined) return null;
  return { user, uid, gid, home, dash, ext };
}

function followed(walk: Walk, result: LookupResult): Instructions {
  const assigned = assignmentOf(result);
  if (assigned === null) throw new LookupTrouble("The look-up names no user");
  const context = homeContext(walk, assigned);
  const home = enterHome(assigned.home, context, null);
  const file = findDotQmail(assigned, home, context, null);
  if (file === null && assigned.dash !== "") throw new LookupTrouble(noMailbox(assigned));
  const { instructions } = instructionsFor(walk, assigned.home, file);
  return {
    trouble: null,
    instructions,
    withoutPrograms: needsNoPrograms(instructions),
    forwardSender: (sender) => {
      walk.files.begin();
      const has = (suffix: string) => hasOwnerFile(assigned, home, suffix, context);
      if (sender === "" || sender === "#@[]" || !has("-owner")) return sender;
      const address = result.rewritten ?? "";
      const at = address.lastIndexOf("@");
      const [local, domain] = [address.slice(0, at), address.slice(at)];
      return has("-owner-default") ? `${local}-owner-${domain}-@[]` : `${local}-owner${domain}`;
    },
  };
}

/** Home and Maildirs of a result on this system; null where there is no home. */
export function maildirsOf(walk: Walk, result: LookupResult): MailPlaces | null {
  const assigned = assignmentOf(result);
  if (assigned === null || !assigned.home.startsWith("/")) return null;
  const { instructions } = readInstructions(walk, result);
  const texts = instructions.filter((i) => i.kind === "maildir").map((i) => i.text);
  return {
    home: walk.files.onDisk(assigned.home),
    maildirs: texts.map((text) => {
      const path = text.startsWith("/") ? text : `${assigned.home}/${text}`;
      return walk.files.onDisk(path.replace(/\/\.?(?=\/)/g, "").replace(/\/+$/, "")) || "/";
    }),
  };
}
