/**
 * The look-up's answers, and the one interface the rest of the house asks them through.
 *
 * Addresses, file contents and user names are binary strings: one char U+0000..U+00FF a byte. The
 * words for routes, selectors and verdicts are those of the recorded qmail cases.
 */

export type Route = "local" | "virtual" | "remote" | "error";
export type Selector = "users/cdb" | "getpw" | "none";

/** The outcome of everything short of running the delivery instructions. */
export type Outcome =
  | "deliverable"
  | "deferred"
  | "no-mailbox"
  | "bounced"
  | "discarded"
  | "remote";

/** One step of the walk, as data: `explain` prints it, trace level 3 writes it. */
export interface LookupStep {
  /**
   * Stable name of the step, such as "locals", "virtualdomains", "users-cdb", "getpw", "home",
   * "dot-qmail".
   */
  readonly step: string;
  /** File that was asked, "" where none was. */
  readonly file: string;
  /** Key or name that was looked for. */
  readonly key: string;
  /** What came back, in words. */
  readonly found: string;
}

/**
 * What qmail would do with an envelope recipient. A key is absent where its step was not reached.
 */
export interface LookupResult {
  readonly address: string;
  readonly route: Route;
  readonly rewritten?: string;
  readonly verdict: Outcome;
  readonly selector?: Selector;
  readonly user?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly home?: string;
  readonly dash?: string;
  readonly ext?: string;
  /** Name below home of the dot-qmail file that decides; null when none was found. */
  readonly qmailfile?: string | null;
  /** One sentence: why this verdict, and what to do about it where something is wrong. */
  readonly reason: string;
  /** The walk; only there when it was asked for. */
  readonly steps?: readonly LookupStep[];
}

/** Three answers, never two. */
export type Answer = "deliverable" | "undeliverable" | "undecided";

/**
 * Folds a result into the three answers; remote mail is for rcpthosts and relaying to judge, so
 * deliverable here.
 */
export function answerOf(result: LookupResult): Answer {
  switch (result.verdict) {
    case "deliverable":
    case "discarded":
    case "remote":
      return "deliverable";
    case "no-mailbox":
    case "bounced":
      return "undeliverable";
    case "deferred":
      return "undecided";
  }
}

/**
 * Does rcpthosts allow this recipient? "missing": there is no rcpthosts file, which never opens a
 * relay.
 */
export type RcptHostsAnswer = "allowed" | "refused" | "missing" | "undecided";

/**
 * The one look-up behind SMTP and POP3, whoever answers it (this process, or the keeper through a
 * pipe). An answer that is known at once comes as a value, not a promise: the fast path relies on
 * it.
 */
export interface LookupService {
  /**
   * What would qmail do with this envelope recipient? Never throws: trouble is verdict "deferred".
   * With `explain` the result has its steps.
   */
  lookup(address: string, explain?: boolean): LookupResult | Promise<LookupResult>;
  /** rcpthosts and morercpthosts.cdb, as qmail-smtpd reads them. Never throws. */
  rcptHosts(address: string): RcptHostsAnswer;
}

/** A control file that is there but can't be read. `message` is a sentence with the path. */
export class ControlError extends Error {
  override name = "ControlError";
}

/** Control files as qmail reads them, re-read when they change. A missing file is null. */
export interface ControlFiles {
  /**
   * control_readline: the first line, trailing space, tab and LF stripped. @throws {ControlError}
   */
  line(name: string): string | null;
  /** control_readfile: the entries, without comments and empty ones. @throws {ControlError} */
  lines(name: string): readonly string[] | null;
  /** control_readint: digits at the beginning of the first line. @throws {ControlError} */
  integer(name: string): number | null;
}

/** Control files, and their texts as they are. */
export interface ControlTexts extends ControlFiles {
  /** The whole file, null where it is missing; `name` may be absolute. @throws {ControlError} */
  text(name: string): string | null;
}

/**
 * One delivery instruction of a dot-qmail file or of the default delivery, as dot-qmail(5) names
 * them.
 */
export interface Instruction {
  readonly kind: "maildir" | "mbox" | "program" | "forward";
  /** File name, program or address; binary. */
  readonly text: string;
  /** Where it stands, such as `line 2 of /home/joe/.qmail`. */
  readonly where: string;
}

/** What qmail-local would do with a message, short of doing it. */
export interface Instructions {
  /** null, or a sentence: why the instructions can't be had now. Then the list is empty. */
  readonly trouble: string | null;
  readonly instructions: readonly Instruction[];
  /** Every instruction is a Maildir or a forward: no program runs and no mbox is written. */
  readonly withoutPrograms: boolean;
  /**
   * The sender that forwards get: `sender`, or the list's owner where qmail-local finds -owner
   * files.
   */
  forwardSender(sender: string): string;
}

/**
 * Where a local address keeps its mail: absolute names on this system (below --root), binary
 * strings.
 */
export interface MailPlaces {
  readonly home: string;
  /** The Maildirs of its instructions, without "/" at the end. */
  readonly maildirs: readonly string[];
}

/** The look-up in this process: every answer at once, and the site's files with it. */
export interface SiteLookup extends LookupService {
  readonly control: ControlTexts;
  lookup(address: string, explain?: boolean): LookupResult;
  /**
   * The instructions that would be followed for this result, read now. Empty for one that is not
   * deliverable.
   */
  readInstructions(result: LookupResult): Instructions;
  /** Home and Maildirs of a result; null where there is no home. */
  maildirsOf(result: LookupResult): MailPlaces | null;
}
