/** The form of an entry of the reply catalogue, shared by the files of its services. */

/** What is said about one reply. Sentences without final period; "" where there is nothing to say. */
export interface ReplyEntry {
  /** When it is given. */
  readonly meaning: string;
  /** Settings, control files or limits that make it. */
  readonly made: string;
  /** How to get rid of it, or how to be less strict. */
  readonly relax: string;
}

export const entry = (meaning: string, made = "", relax = ""): ReplyEntry => ({
  meaning,
  made,
  relax,
});
