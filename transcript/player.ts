/**
 * Plays a transcript against a partner and stops at the first difference.
 *
 * Client lines that follow each other leave together, in one piece: that is what pipelining is. Lines that the server
 * says and nobody expects are a difference too, seen before the next client line and at the end.
 */
import type { Step, Transcript } from "./format.ts";
import type { Difference } from "./difference.ts";
import type { Partner } from "./partner.ts";

const KEPT_LINES = 6;

/** Plays all steps. Resolves to null when the server said what it should, and closes the partner either way. */
export async function playTranscript(
  transcript: Transcript,
  partner: Partner,
): Promise<Difference | null> {
  try {
    return await new Play(transcript.steps, partner).run();
  } finally {
    await partner.close();
  }
}

/** One line of the server without its CRLF, or why there is none. */
type Heard =
  | { readonly text: string }
  | { readonly none: string; readonly came: "nothing" | "end" | "other" };

class Play {
  #heard = "";
  #peeked: Heard | null = null;
  readonly #log: string[] = [];

  constructor(readonly steps: readonly Step[], readonly partner: Partner) {}

  async run(): Promise<Difference | null> {
    for (let at = 0; at < this.steps.length;) {
      const step = this.steps[at];
      if (step === undefined) break;
      const count = step.kind === "send" ? this.#sends(at) : 1;
      const difference = step.kind === "send"
        ? await this.#send(this.steps.slice(at, at + count))
        : await this.#step(step, this.steps[at + 1]);
      if (difference !== null) return difference;
      at += count;
    }
    return this.#unexpected(this.steps.at(-1)?.line ?? 0, "nothing more");
  }

  /** How many client lines follow each other from `at` on. */
  #sends(at: number): number {
    let end = at;
    while (this.steps[end]?.kind === "send") end++;
    return end - at;
  }

  async #send(group: readonly Step[]): Promise<Difference | null> {
    const unexpected = this.#unexpected(group[0]?.line ?? 0, "nothing before this line is sent");
    if (unexpected !== null) return unexpected;
    let text = "";
    for (const step of group) {
      if (step.kind !== "send") continue;
      text += step.bytes;
      this.#note(`C: ${step.shown}`);
    }
    await this.partner.send(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    return null;
  }

  async #step(step: Step, next: Step | undefined): Promise<Difference | null> {
    switch (step.kind) {
      case "send":
        return null;
      case "end_input":
      case "silence": {
        const word = step.kind === "silence" ? "<silence>" : "<eof>";
        const unexpected = this.#unexpected(step.line, `nothing before ${word}`);
        if (unexpected !== null) return unexpected;
        this.#note(`C: ${word}`);
        await (step.kind === "silence" ? this.partner.silence() : this.partner.endInput());
        return null;
      }
      case "wait":
        this.#note(`C: <wait ${step.seconds}>`);
        await new Promise((done) => setTimeout(done, step.seconds * 1000));
        return null;
      case "tls":
        return this.#unexpected(step.line, "nothing before <tls>") ?? await this.#tls(step.line);
      case "expect": {
        const heard = await this.#line();
        if ("text" in heard && step.pattern.test(heard.text)) return this.#agree(heard.text);
        return this.#differ(step.line, step.shown, heard);
      }
      case "skip":
        return await this.#skip(next);
      case "expect_end": {
        const heard = await this.#line();
        return heard === ENDED ? null : this.#differ(step.line, "the end of the session", heard);
      }
    }
  }

  async #tls(line: number): Promise<Difference | null> {
    this.#note("C: <tls>");
    const instead = await this.partner.startTls();
    return instead === null ? null : this.#differ(line, "a TLS handshake", other(instead));
  }

  /** Hears lines until `next` would be content, and leaves that one. */
  async #skip(next: Step | undefined): Promise<Difference | null> {
    for (;;) {
      const heard = await this.#peek();
      if ("none" in heard) {
        const wanted = next?.kind === "expect" ? next.shown : "the end of the session";
        if (next?.kind === "expect_end" && heard === ENDED) return null;
        return this.#differ(next?.line ?? 0, `(some lines, then) ${wanted}`, heard);
      }
      if (next?.kind === "expect" && next.pattern.test(heard.text)) return null;
      this.#peeked = null;
      this.#agree(heard.text);
    }
  }

  async #line(): Promise<Heard> {
    const heard = await this.#peek();
    this.#peeked = null;
    return heard;
  }

  /** The next line of the server; it stays the next one. */
  async #peek(): Promise<Heard> {
    return this.#peeked ??= await this.#hear();
  }

  async #hear(): Promise<Heard> {
    for (;;) {
      this.#heard += this.partner.take();
      const end = this.#heard.indexOf("\n");
      if (end >= 0) {
        const text = this.#heard.slice(0, end + 1);
        this.#heard = this.#heard.slice(end + 1);
        return text.endsWith("\r\n")
          ? { text: text.slice(0, -2) }
          : other(`a line that ends in LF alone: ${text.slice(0, -1)}`);
      }
      if (this.partner.ended) {
        // What arrived between take and ended.
        this.#heard += this.partner.take();
        if (this.#heard.includes("\n")) continue;
        return this.#heard === "" ? ENDED : other(`half a line: ${this.#heard}`);
      }
      if (!await this.partner.wait()) {
        return this.#heard === "" ? NOTHING : other(`half a line: ${this.#heard}`);
      }
    }
  }

  #unexpected(line: number, expected: string): Difference | null {
    this.#heard += this.partner.take();
    if (this.#heard === "") return null;
    const text = this.#heard.split("\r\n")[0] ?? "";
    return this.#differ(line, expected, { text });
  }

  #agree(text: string): null {
    this.#note(`S: ${text}`);
    return null;
  }

  #differ(line: number, expected: string, heard: Heard): Difference {
    const before = this.#log;
    return "text" in heard
      ? { line, expected, got: heard.text, came: "line", before }
      : { line, expected, got: heard.none, came: heard.came, before };
  }

  #note(text: string): void {
    this.#log.push(text);
    if (this.#log.length > KEPT_LINES) this.#log.shift();
  }
}

const ENDED: Heard = { none: "the end of the session", came: "end" };
const NOTHING: Heard = { none: "nothing", came: "nothing" };
const other = (none: string): Heard => ({ none, came: "other" });
