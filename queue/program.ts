/**
 * A qmail-queue program that runs: message on fd 0, envelope on fd 1, its own words on fd 6.
 *
 * What qmail.c's qmail_open does with fork. Two ways behind one interface: posix_spawn by FFI (spawn_ffi.ts, cheap) and
 * node:child_process with a shell that turns fd 3 into fd 1 (spawn_shell.ts, where the C library can't be opened).
 */
/** How a program ended: exit code, or the number of the signal that killed it. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: number | null;
}

/** One pipe into a program. */
export interface ProgramPipe {
  /**
   * Takes bytes, which are the caller's again when the call returns; a promise: wait for it before the next. Never rejects; a program that stopped reading makes `broken` true.
   */
  write(bytes: Uint8Array): void | Promise<void>;
  /** End of file for the program, after everything was taken; a promise resolves when nothing is left with us. Never rejects. */
  end(): void | Promise<void>;
  /** The program no longer reads. Not an error by itself: its exit code says what happened. */
  readonly broken: boolean;
}

/** A running program. */
export interface Program {
  readonly pid: number;
  readonly message: ProgramPipe;
  readonly envelope: ProgramPipe;
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<ProgramEnd>;
  /** What it wrote to fd 6, as a binary string of at most `ERROR_TEXT_BYTES`; complete once `ended` resolved. */
  errorText(): string;
  /** Ends it and everything it started (SIGKILL to its process group). */
  kill(): void;
}

/** Bytes of fd 6 that are read. */
export const ERROR_TEXT_BYTES = 1000;

/**
 * Starts `path` with `directory` as its working directory (null: that of this process). Rejects with a sentence when it can't
 * be started.
 */
export type StartProgram = (
  path: string,
  env: Readonly<Record<string, string>>,
  directory: string | null,
) => Promise<Program>;
