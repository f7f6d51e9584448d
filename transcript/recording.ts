/** One session on its way from the trace into a transcript: see record.ts. */
import { mailDataLines } from "./mail_data.ts";
import { clientLine, comment, serverPattern } from "./recorded_lines.ts";

/** What "begun" says, before the texts that may hold anything. */
const BEGUN =
  /^begun: protocol\[(\w+)\] service\[(\w*)\] ip\[([^\]]*)\] port\[\d+\] local_port\[(\d+)\] client\[(\w+)\] tls\[(\w+)\](?: databytes\[([^\]]*)\])?(?: relayclient\[(.*)\])?/s;

/** Lines in place of which the trace shows no secret. */
const SMTP_SECRET = /^(?:AUTH \.\.\.|\(response\)|\.\.\.)$/;
const POP3_SECRET = /^(?:PASS|AUTH|APOP)(?: \.\.\.)$/i;

/** POP3 commands whose good answers end with a dot. */
const LONG_ANSWERS = /^(?:RETR|TOP) |^(?:LIST|UIDL|CAPA|AUTH)\s*$/i;

/** More than any server takes in one command line. */
const TOO_LONG = ["C*200-raw: " + "x".repeat(100), "C:"];

/** Lines of a piece that were never read, and are recorded. */
const MOST_UNREAD = 100;

const SUBMISSION_PORTS = new Set(["587", "465"]);

export class Recording {
  /** The line with its address came: another one begins another session. */
  isAddressed = false;
  #protocol: "smtp" | "submission" | "pop3" | null = null;
  #ip: string | null = null;
  #input = "socket";
  #tls: string | null = null;
  readonly #env: string[] = [];
  readonly #notes: string[] = [];
  readonly #lines: string[] = [];
  /** Client lines of one piece, and what was said to them. */
  #sends: string[] = [];
  #expects: string[] = [];
  /** Client lines of the piece that are still to come. */
  #remaining = 0;
  #lastCommand = "";
  /** A client's line has had no answer yet. */
  #unanswered = false;
  /** Bytes of mail data that stand to be sent; null: none. */
  #mailData: number | null = null;
  #goesAhead = false;
  /** The next answer is a verdict about contents. */
  #isExamined = false;
  /** A secret was sent: the rest is for reading only. */
  #stopped = false;
  #end: string | null = null;

  constructor(readonly session: number, readonly time: string) {}

  /** Of a session whose beginning the trace has. */
  begin(text: string): void {
    const match = BEGUN.exec(text);
    if (match === null) return;
    const [, protocol = "", service = "", ip = "", port = "", client = "", tls = ""] = match;
    this.#protocol = protocol.startsWith("pop3")
      ? "pop3"
      : service === "submission" || (service === "" && SUBMISSION_PORTS.has(port))
      ? "submission"
      : "smtp";
    this.#ip = ip;
    this.#input = client;
    this.#tls = tls;
    if (match[7] !== undefined) this.#env.push(`DATABYTES=${match[7]}`);
    if (match[8] !== undefined) this.#env.push(`RELAYCLIENT=${withoutRemoteIp(match[8], ip)}`);
  }

  from(ip: string): void {
    this.#ip ??= ip;
    this.isAddressed = true;
  }

  /** So many lines of the client came in one piece. */
  together(lines: number): void {
    this.#flush();
    this.#remaining = lines;
  }

  tls(): void {
    this.#flush();
    if (this.#lines.length === 0) this.#tls = "implicit";
    else if (this.#tls !== "implicit") this.#note(this.#stopped, "C: <tls>");
  }

  client(protocol: "smtp" | "pop3", shown: string): void {
    this.#protocol ??= protocol;
    const text = withoutRemoteIp(shown, this.#ip);
    const isSecret = (protocol === "smtp" ? SMTP_SECRET : POP3_SECRET).test(text);
    if (isSecret) this.#stop();
    if (this.#stopped) {
      this.#lines.push(comment(`C: ${text}`));
      return;
    }
    const bytes = protocol === "smtp" ? /^\(mail data, (\d+) bytes\)$/.exec(text)?.[1] : undefined;
    if (bytes !== undefined && this.#goesAhead) return this.#data(Number(bytes));
    if (this.#remaining === 0) this.#flush();
    else this.#remaining--;
    this.#lastCommand = text;
    this.#unanswered = true;
    this.#sends.push(clientLine(text));
    if (/\.\.\.\(\d+ more\)$/.test(text)) this.#notes.push("A line was too long for the trace.");
  }

  /** What was in the mail data had a say in the answer to it. */
  examined(): void {
    this.#isExamined = true;
  }

  #data(bytes: number): void {
    if (this.#remaining === 0) this.#flush();
    this.#remaining = 0;
    this.#goesAhead = false;
    this.#mailData = bytes;
  }

  server(protocol: "smtp" | "pop3", shown: string): void {
    this.#protocol ??= protocol;
    const text = withoutRemoteIp(shown, this.#ip);
    if (this.#stopped) {
      this.#lines.push(comment(`S: ${text}`));
      return;
    }
    this.#placeData(text.startsWith("554 5.4.6"));
    if (this.#goesAhead && text.startsWith("451 4.6.0")) {
      this.#flush();
      this.#sends.push("C-raw: a bare line end\\n");
    }
    // The one line of a client that is not traced.
    if (!this.#unanswered && /^500 .*line too long/.test(text)) {
      this.#flush();
      this.#sends.push(...TOO_LONG);
    }
    this.#unanswered = false;
    this.#goesAhead = text.startsWith("354");
    if (this.#isExamined) {
      this.#isExamined = false;
      this.#expects.push(
        comment(`The mail data was looked into, and the answer was: ${text}`),
        "S: *",
      );
      return;
    }
    this.#expects.push(...this.#patterns(protocol, text));
  }

  /** Where data was sent, now that it is known what for. */
  #placeData(hops: boolean): void {
    if (this.#mailData === null) return;
    this.#sends.push(...mailDataLines(this.#mailData, hops));
    this.#mailData = null;
  }

  #patterns(protocol: "smtp" | "pop3", text: string): string[] {
    const isGreeting = this.#lines.length === 0 && this.#sends.length === 0;
    if (protocol === "pop3") {
      const first = serverPattern(text);
      const isLong = text.startsWith("+OK") && LONG_ANSWERS.test(this.#lastCommand);
      return isLong && !isGreeting ? [first, "S: ...", "S: ."] : [first];
    }
    if (!/^EHLO/i.test(this.#lastCommand) || !text.startsWith("250 ")) return [serverPattern(text)];
    const words = text.slice(4).split("; ");
    return words.map((word, i) => serverPattern(`250${i === words.length - 1 ? " " : "-"}${word}`));
  }

  end(why: string): void {
    this.#end = why;
    const last = this.#expects.at(-1) ?? "";
    const farewell = /^S: 421 /.test(last) ? last : null;
    switch (why) {
      case "idle":
        if (farewell !== null) this.#expects.pop();
        this.#flush();
        this.#note(this.#stopped, "C: <silence>", ...(farewell === null ? [] : [farewell]));
        break;
      case "eof":
        this.#flush();
        this.#note(this.#stopped, "C: <eof>");
        break;
      case "shutdown":
      case "session_time":
      case "stalled":
      case "io_error":
        if (farewell !== null) this.#expects.pop();
        this.#flush();
        this.#notes.push(`It ended from the outside (${why}), which can't be played.`);
        return;
      default:
        if (this.#remaining > 0 && !this.#stopped) {
          this.#notes.push("What came with the last command and was never read stands as NOOP.");
          this.#sends.push(
            ...Array<string>(Math.min(this.#remaining, MOST_UNREAD)).fill("C: NOOP"),
          );
        }
        this.#flush();
    }
    this.#note(this.#stopped, "S: <eof>");
  }

  /** The transcript; null: nothing of it can be played. */
  finish(trace: string): string | null {
    this.#flush();
    if (!this.#lines.some((line) => !line.startsWith("#"))) return null;
    if (this.#end === null) this.#notes.push("Its end is not in the trace.");
    const head = [
      `# Recorded from ${trace}: session ${this.session} of ${this.time}` +
      (this.#end === null ? "." : `, which ended with ${this.#end}.`),
      ...this.#notes.map((note) => `# ${note}`),
      `@protocol ${this.#protocol ?? "smtp"}`,
      ...(this.#ip === null ? [] : [`@peer ${this.#ip}`]),
      ...(this.#input === "transcript" ? ["@input transcript"] : []),
      ...(this.#tls === null ? [] : [`@tls ${this.#tls}`]),
      ...this.#env.map((pair) => `@env ${pair}`),
    ];
    return [...head, ...this.#lines, ""].join("\n");
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#flush();
    this.#stopped = true;
    this.#notes.push(
      "A secret was sent, which the trace does not have: from there on the lines are comments.",
      'Put the secret in its place and take the "# " off to play them.',
    );
    if (this.#end === null) this.#lines.push("# (a secret stands here)");
  }

  #note(isComment: boolean, ...lines: string[]): void {
    this.#lines.push(...(isComment ? lines.map((line) => `# ${line}`) : lines));
  }

  #flush(): void {
    this.#placeData(false);
    this.#lines.push(...this.#sends, ...this.#expects);
    this.#sends = [];
    this.#expects = [];
    this.#remaining = 0;
  }
}

/** Without what trace_remoteip puts behind every line. */
function withoutRemoteIp(text: string, ip: string | null): string {
  const suffix = ` (remoteip: ${ip})`;
  return ip !== null && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}
