/** Who may log in: the one interface that POP3 and SMTP AUTH ask, whoever answers it. */

/** A login that was proven, and where its mail is. Binary strings, one char a byte. */
export interface Account {
  readonly login: string;
  /** System user that owns the maildrop; null where the file names none. */
  readonly user: string | null;
  readonly uid: number | null;
  readonly gid: number | null;
  /** Home directory as the user file gives it; null: ask the look-up for the login's address. */
  readonly home: string | null;
  /** Maildir, relative to home or absolute; null: "Maildir". */
  readonly maildir: string | null;
}

export type AuthAnswer =
  | { readonly kind: "ok"; readonly account: Account }
  /** Wrong password or unknown login: the two look and cost the same. */
  | { readonly kind: "refused" }
  /**
   * Could not be decided (file unreadable, program failed): temporary. `reason`: a sentence without
   * final period.
   */
  | { readonly kind: "undecided"; readonly reason: string };

/** Environment of a session (TCPREMOTEIP ...), for external programs that log or judge by it. */
export type SessionEnv = Readonly<Record<string, string>>;

export interface Authenticator {
  /** False: no external program judges, and nobody looks at the environment. */
  readonly wantsEnv?: boolean;
  /**
   * Checks a clear-text password. Never throws, never rejects; a promise only where the answer has to be waited for. `opensFor`: the session that opens the login's maildrop next, so that who judges
   * in another process can do both with one question; others pay no heed to it.
   */
  checkPassword(
    login: string,
    password: string,
    env?: SessionEnv,
    opensFor?: number,
  ): AuthAnswer | Promise<AuthAnswer>;
}

/**
 * The keys RFC 5802 derives from a password for SCRAM-SHA-256; all but `iterations` are binary
 * strings.
 */
export interface ScramKeys {
  readonly iterations: number;
  readonly salt: string;
  readonly storedKey: string;
  readonly serverKey: string;
}

/** What is stored for a login, as far as challenge-response mechanisms can use it. */
export type SecretAnswer =
  | {
    readonly kind: "secret";
    readonly account: Account;
    /** The clear secret (APOP, CRAM-MD5, SCRAM); null where only a hash is stored. */
    readonly clear: string | null;
    readonly scram: ScramKeys | null;
  }
  | { readonly kind: "unknown" }
  | { readonly kind: "undecided"; readonly reason: string };

/** Stored secrets, for mechanisms in which the client sends no password. */
export interface SecretSource {
  /** Never rejects. Where secrets stay elsewhere, none come along: it tells whether there is such a login. */
  secretOf(login: string): SecretAnswer | Promise<SecretAnswer>;
  /** False: there is no users file at all, and a certificate alone proves its login. Absent: there is one. */
  isThere?(): boolean;
  /** Which stored forms there are at all: mechanisms that nobody could use are not offered. */
  forms(): { readonly clear: boolean; readonly scram: boolean };
  /**
   * Salt and iterations that an unknown login is answered with in SCRAM: the same for one login
   * every time, and as long and as many as those of real ones.
   */
  fakeScram(login: string): { readonly salt: string; readonly iterations: number };
}
