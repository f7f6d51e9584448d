/**
 * Logins judged by a checkpassword program: the interface of D. J. Bernstein's checkpassword,
 * called as qmail-popup calls it. The program reads `login NUL password NUL stamp NUL` on
 * descriptor 3, and when that is right it becomes the user and runs the program that was named to
 * it. We name a shell that reports who and where it is.
 *
 * DIFFERS: from qmail-popup in that exit 111 (temporary) and 2 (misused), a crash and the time
 * limit are trouble, not a wrong password: the client is asked to try again and does not throw its
 * password away.
 */
import { toBytes } from "./bytes.ts";
import { GateFullError, makeGate } from "./gate.ts";
import { type ProgramEnd, runProgram } from "./program.ts";
import type { Account, AuthAnswer, Authenticator, SessionEnv } from "./types.ts";

/** Most bytes on descriptor 3, by the interface. */
const MAX_INPUT_BYTES = 512;
const MAX_REPORT_BYTES = 16384;
/** Logins that may wait for a free place. */
const MAX_WAITING = 1000;

export interface CheckpasswordOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly timeoutSeconds: number;
  /** Programs running at one time. */
  readonly atOnce: number;
  /**
   * Environment of the program, below what a session adds; PATH is filled in where it is missing.
   */
  readonly env: SessionEnv;
}

/**
 * Authenticator that can hand over any challenge-response pair as well: APOP's stamp and digest.
 */
export interface CheckpasswordAuthenticator extends Authenticator {
  /** `response` in the password's place, `stamp` in the third. Never rejects. */
  checkResponse(
    login: string,
    response: string,
    stamp: string,
    env?: SessionEnv,
  ): Promise<AuthAnswer>;
}

/**
 * Runs as the user, in the user's home. Each value ends with a NUL; the token in front tells the
 * report from whatever else was printed, the word behind says that it is complete.
 */
const REPORT = 'printf "%s\\0" "$1" "$(id -u)" "$(id -g)" "$USER" "$HOME" "$MAILDIR" end';
const REPORT_FIELDS = 6;

function readReport(login: string, output: string, token: string): Account | null {
  const at = output.indexOf(`${token}\0`);
  if (at < 0) return null;
  const [uid = "", gid = "", user = "", home = "", maildir = "", end] = output
    .slice(at + token.length + 1)
    .split("\0", REPORT_FIELDS);
  if (end !== "end") return null;
  const id = (text: string) => /^\d{1,10}$/.test(text) ? Number(text) : null;
  return {
    login,
    user: user === "" ? null : user,
    uid: id(uid),
    gid: id(gid),
    home: home.startsWith("/") ? home : null,
    maildir: maildir === "" ? null : maildir,
  };
}

function judge(login: string, program: string, end: ProgramEnd, token: string): AuthAnswer {
  if (end.kind === "failed") return { kind: "undecided", reason: end.reason };
  const { code } = end;
  if (code === 0) {
    const nothing = { user: null, uid: null, gid: null, home: null, maildir: null };
    return { kind: "ok", account: readReport(login, end.output, token) ?? { login, ...nothing } };
  }
  if (code === 2 || code === 111) {
    const what = code === 2 ? "says that it was misused" : "could not check the password";
    return { kind: "undecided", reason: `"${program}" ${what} (exit ${code})` };
  }
  return { kind: "refused" };
}

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/** An authenticator that runs `command` for each login. */
export function openCheckpassword(options: CheckpasswordOptions): CheckpasswordAuthenticator {
  const program = options.command[0] ?? "";
  const gate = makeGate(options.atOnce, MAX_WAITING, "logins");
  const check = async (
    login: string,
    secret: string,
    stamp: string,
    env: SessionEnv,
  ): Promise<AuthAnswer> => {
    const input = toBytes(`${login}\0${secret}\0${stamp}\0`);
    const plausible = login !== "" && secret !== "" && input.length <= MAX_INPUT_BYTES &&
      !`${login}${secret}${stamp}`.includes("\0");
    if (!plausible) return { kind: "refused" };
    const token = crypto.randomUUID();
    try {
      const end = await gate(() =>
        runProgram({
          command: [...options.command, "/bin/sh", "-c", REPORT, "report", token],
          env: { PATH: DEFAULT_PATH, ...options.env, ...env },
          input,
          inputFd: 3,
          timeoutSeconds: options.timeoutSeconds,
          maxOutputBytes: MAX_REPORT_BYTES,
          isComplete: (output) => readReport(login, output, token) !== null,
        })
      );
      return judge(login, program, end, token);
    } catch (error) {
      if (error instanceof GateFullError) return { kind: "undecided", reason: error.message };
      throw error;
    } finally {
      input.fill(0);
    }
  };
  return {
    checkPassword: (login, password, env = {}) =>
      check(login, password, `Y${Math.floor(Date.now() / 1000)}`, env),
    checkResponse: (login, response, stamp, env = {}) => check(login, response, stamp, env),
  };
}
