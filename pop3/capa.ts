/**
 * CAPA (RFC 2449): what this server can do now. Each capability says itself when it is true.
 *
 * What is announced before the login stays announced behind it (section 5); only IMPLEMENTATION waits for the
 * login, so that a stranger does not learn what runs here.
 */
import type { Pop3Context } from "./context.ts";
import { END, REPLIES } from "./replies.ts";

interface Capability {
  readonly line: string;
  readonly isTrue: (context: Pop3Context) => boolean;
}

const always = () => true;

const CAPABILITIES: readonly Capability[] = [
  { line: "TOP", isTrue: always },
  { line: "UIDL", isTrue: always },
  { line: "USER", isTrue: always },
  { line: "RESP-CODES", isTrue: always },
  { line: "AUTH-RESP-CODE", isTrue: always },
  { line: "PIPELINING", isTrue: always },
  { line: "EXPIRE NEVER", isTrue: always },
  { line: "IMPLEMENTATION qfront", isTrue: (context) => context.state === "transaction" },
];

/** The list as it is true for this session, in this state. */
export function capa(context: Pop3Context): void {
  context.reply(REPLIES.ok);
  for (const { line, isTrue } of CAPABILITIES) {
    if (isTrue(context)) context.output.text(`${line}\r\n`);
  }
  context.output.bytes(END);
}
