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
  /** Could not be decided (file unreadable, program failed): temporary. `reason`: a sentence without final period. */
  | { readonly kind: "undecided"; readonly reason: string };

export interface Authenticator {
  /** Checks a clear-text password. Never rejects. */
  checkPassword(login: string, password: string): Promise<AuthAnswer>;
}
