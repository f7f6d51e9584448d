/** What playing a transcript comes to when the server says something else. */

/** Where a dialogue first went another way. */
export interface Difference {
  /** Line of the transcript. */
  readonly line: number;
  /** What it wants there. */
  readonly expected: string;
  /** What came instead. */
  readonly got: string;
  /** Whether that is a line, no line within the time limit, the end of the session, or something else. */
  readonly came: "line" | "nothing" | "end" | "other";
  /** The dialogue up to there, its last lines, as C: and S: lines. */
  readonly before: readonly string[];
}
