/**
 * STARTTLS (RFC 3207): from a dialogue in clear to one that begins anew under TLS.
 *
 * Offered only where TLS can be had and is not on yet. The reply is given when the whole of what was read is
 * known: a command behind STARTTLS would be read in clear and carried out under TLS, so it is thrown away and the
 * session ends (CVE-2011-0411). The handshake itself is the driver's.
 */
import { REPLIES, type Reply } from "./replies.ts";
import { endSession, say, type Session } from "./state.ts";

/** Can this client ask for TLS now? */
export function offersTls(session: Session): boolean {
  return session.deps.tls === true && session.tls === null;
}

/** Why STARTTLS is refused; null: nothing speaks against it. */
export function checkStarttls(session: Session, argument: string): Reply | null {
  if (session.tls !== null) return REPLIES.already_secured;
  if (session.deps.tls !== true) return REPLIES.tls_not_offered;
  if (argument !== "") return REPLIES.no_argument;
  return null;
}

/** From here on nothing in clear is read; `answerStarttls` follows. */
export function beginTls(session: Session): void {
  session.wants = "tls";
}

/** Answers STARTTLS; `unread`: more was read in clear. */
export function answerStarttls(session: Session, unread: boolean): void {
  if (unread) return endSession(session, REPLIES.tls_injection, REPLIES.tls_injection.id);
  say(session, REPLIES.ready_for_tls);
}

/** Forgets what was said in clear, who logged in included (RFC 3207, section 4.2). */
export function forgetClear(session: Session): void {
  session.helo = null;
  session.extended = false;
  session.transaction = null;
  session.exchange = null;
  session.login = null;
}
