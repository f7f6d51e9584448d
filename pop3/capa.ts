/**
 * CAPA (RFC 2449): what this server can do now. Each capability says itself when it is true.
 *
 * What is announced before the login stays announced behind it (section 5), but for STLS, which is over then; only
 * IMPLEMENTATION waits for the login, so that a stranger does not learn what runs here. USER and the SASL mechanisms that
 * send a password are there only where a password may be sent. "UTF8" has no "USER" behind it: a login is
 * compared byte by byte.
 */
import { mayUseClearText } from "./clear_text.ts";
import type { Pop3Context } from "./context.ts";
import { END, REPLIES } from "./replies.ts";
import { mechanisms } from "./sasl.ts";
import { offersStls } from "./stls.ts";

/** A capability's line; null: it is not true now. */
type Capability = (context: Pop3Context) => string | null;

const always = (line: string): Capability => () => line;
const when = (line: string, isTrue: (context: Pop3Context) => boolean): Capability => (context) =>
  isTrue(context) ? line : null;

const CAPABILITIES: readonly Capability[] = [
  always("TOP"),
  always("UIDL"),
  when("USER", mayUseClearText),
  sasl,
  when("STLS", offersStls),
  always("RESP-CODES"),
  always("AUTH-RESP-CODE"),
  always("PIPELINING"),
  always("EXPIRE NEVER"),
  loginDelay,
  always("UTF8"),
  when("IMPLEMENTATION qfront", (context) => context.state === "transaction"),
];

function sasl(context: Pop3Context): string | null {
  const names = mechanisms(context);
  return names.length === 0 ? null : `SASL ${names.join(" ")}`;
}

function loginDelay({ deps: { config, loginTimes } }: Pop3Context): string | null {
  const seconds = loginTimes === undefined ? 0 : config.loginDelaySeconds;
  return seconds === 0 ? null : `LOGIN-DELAY ${seconds}`;
}

/** The list as it is true for this session, in this state. */
export function capa(context: Pop3Context): void {
  context.reply(REPLIES.ok);
  for (const capability of CAPABILITIES) {
    const line = capability(context);
    if (line !== null) context.output.text(`${line}\r\n`);
  }
  context.output.bytes(END);
}
