/**
 * Transcripts made of a trace of level 4: one a session, to be played against the same site.
 *
 * Secrets are not in the trace, so a recording goes as far as the first of them; what followed stands in it as comments. Of
 * mail data the trace has the size: as many bytes of nothing stand for it. What differs each time - queue ids, times - is
 * made a pattern.
 */
import { readTraceLine, type TraceLine, unescapeTrace } from "../trace/read.ts";
import { Recording } from "./recording.ts";

/** A finished recording. */
export interface Recorded {
  readonly session: number;
  /** When the session began, as its first line says. */
  readonly time: string;
  /** The transcript, one char a byte. */
  readonly text: string;
}

/** Takes a trace line by line. */
export interface Recorder {
  /** One line without its line end, as text. */
  take(line: string): void;
  /** There are no more lines: what has not ended is recorded as far as it goes. */
  end(): void;
}

/** Which lines say who came, and how a session ended. */
type Said =
  | { readonly kind: "begun"; readonly text: string }
  | { readonly kind: "remoteip"; readonly ip: string }
  | { readonly kind: "piece"; readonly lines: number }
  | { readonly kind: "tls" }
  /** The mail data was looked into. */
  | { readonly kind: "examined" }
  | {
    readonly kind: "client" | "server";
    readonly protocol: "smtp" | "pop3";
    readonly text: string;
  }
  | { readonly kind: "end"; readonly why: string };

/** What a trace line says of the dialogue; null: nothing. */
function saidBy({ fn, text }: TraceLine): Said | null {
  switch (fn) {
    case "setup":
      if (text.startsWith("remoteip: ")) return { kind: "remoteip", ip: text.slice(10) };
      return text.startsWith("tls: ") ? { kind: "tls" } : null;
    case "session": {
      if (text.startsWith("begun: ")) return { kind: "begun", text: unescapeTrace(text) };
      const lines = /^came together: (\d+) lines/.exec(text)?.[1];
      return lines === undefined ? null : { kind: "piece", lines: Number(lines) };
    }
    case "content":
      return text.startsWith("decision ") ? { kind: "examined" } : null;
    case "pop3_tls":
      return text.startsWith("ip[") ? { kind: "tls" } : null;
    case "smtp_io":
    case "pop3_dialogue": {
      const match = /^(C: |S: |<- |-> )(.*)$/s.exec(text);
      if (match === null) return null;
      const kind = match[1] === "C: " || match[1] === "<- " ? "client" : "server";
      const protocol = fn === "smtp_io" ? "smtp" : "pop3";
      return { kind, protocol, text: unescapeTrace(match[2] ?? "") };
    }
    case "smtp_end":
    case "pop3_session": {
      const why = /(?:^ip[=[].*[ ,])end=(\w+)/.exec(text)?.[1];
      return why === undefined ? null : { kind: "end", why };
    }
  }
  return null;
}

/** Recordings of all sessions, or of `session` alone; `name` of the trace stands in them. */
export function createRecorder(
  name: string,
  done: (recorded: Recorded) => void,
  session: number | null = null,
): Recorder {
  const open = new Map<number, Recording>();
  const finish = (recording: Recording) => {
    open.delete(recording.session);
    const text = recording.finish(name);
    if (text !== null) done({ session: recording.session, time: recording.time, text });
  };
  return {
    take(words) {
      const line = readTraceLine(words);
      if (line === null || line.session === 0) return;
      if (session !== null && line.session !== session) return;
      const said = saidBy(line);
      if (said === null) return;
      let recording = open.get(line.session);
      const begins = said.kind === "begun" || (said.kind === "remoteip" && recording?.isAddressed);
      if (recording !== undefined && begins) {
        finish(recording);
        recording = undefined;
      }
      if (recording === undefined) {
        if (said.kind === "end" || said.kind === "examined") return;
        open.set(line.session, recording = new Recording(line.session, line.time));
      }
      tell(recording, said);
      if (said.kind === "end" && said.why !== "xclient") finish(recording);
    },
    end() {
      for (const recording of [...open.values()]) finish(recording);
    },
  };
}

function tell(recording: Recording, said: Said): void {
  switch (said.kind) {
    case "begun":
      return recording.begin(said.text);
    case "remoteip":
      return recording.from(said.ip);
    case "piece":
      return recording.together(said.lines);
    case "tls":
      return recording.tls();
    case "examined":
      return recording.examined();
    case "client":
      return recording.client(said.protocol, said.text);
    case "server":
      return recording.server(said.protocol, said.text);
    case "end":
      // The same connection goes on, for the client that a proxy names.
      if (said.why === "xclient") recording.isAddressed = false;
      else recording.end(said.why);
  }
}
