/** What the POP3 tests share: Maildirs in temporary folders, a client's end of an engine, doubles. */
import type { Account, AuthAnswer, Authenticator, SecretSource } from "../../../auth/types.ts";
import type { Engine, Output, Peer } from "../../../net/types.ts";
import type { Pop3Config } from "../../../pop3/config.ts";
import type { Pop3Deps } from "../../../pop3/context.ts";
import { createMaildropCache, type MaildropCache } from "../../../pop3/maildrop_cache.ts";
import { LOCAL_FILES, type MaildropFiles } from "../../../pop3/maildrop_files.ts";
import { latin1 } from "../../../pop3/replies.ts";
import { createPop3Engine } from "../../../pop3/session.ts";
import { type Fields, NO_TRACE, type TraceEvent, type Tracer } from "../../../trace/tracer.ts";

export const CONFIG: Pop3Config = {
  host: "pop.example",
  idleSeconds: 600,
  sessionSeconds: 86400,
  lineBytes: 255,
  maxAuthFailures: 3,
  maxErrors: 20,
  cleartext: "always",
  apop: false,
  authDelaySeconds: 2,
  loginDelaySeconds: 0,
  extraLine: false,
};

export const PEER: Peer = {
  kind: "socket",
  remoteIp: "192.0.2.7",
  remotePort: 4711,
  remoteHost: null,
  remoteInfo: null,
  localIp: "192.0.2.1",
  localPort: 110,
  localHost: null,
  env: {},
  session: Deno.pid,
};

export const JOE: Account = {
  login: "joe",
  user: null,
  uid: null,
  gid: null,
  home: "/home/joe",
  maildir: null,
};

/** Gathers what an engine writes; a client that takes everything at once. */
export class Client implements Output {
  readonly #taken: string[] = [];
  #waiting: string[] = [];
  #pending = 0;
  /** The most bytes that ever waited for the client. */
  mostPending = 0;
  /** Pieces drained before the client goes away; Infinity: it stays. */
  patience = Infinity;

  bytes(bytes: Uint8Array): void {
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    this.text(text);
  }

  text(text: string): void {
    this.#waiting.push(text);
    this.#pending += text.length;
    this.mostPending = Math.max(this.mostPending, this.#pending);
  }

  get pending(): number {
    return this.#pending;
  }

  async drain(): Promise<void> {
    await Promise.resolve();
    if (this.patience-- <= 0) throw new Deno.errors.BrokenPipe("client is gone");
    this.#flush();
  }

  #flush(): void {
    this.#taken.push(...this.#waiting);
    this.#waiting = [];
    this.#pending = 0;
  }

  /** Everything so far, one char a byte. */
  get output(): string {
    this.#flush();
    return this.#taken.join("");
  }

  /** What came since the last call. */
  take(): string {
    const text = this.output;
    this.#taken.length = 0;
    return text;
  }
}

/** A trace that remembers its lines as "id: text". */
export function memoryTrace(level: number): Tracer & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    level,
    lines,
    emit<F extends Fields>(_session: number, event: TraceEvent<F>, fields: F) {
      if (event.level <= level) lines.push(`${event.id}: ${event.text(fields)}`);
    },
  };
}

/** Knows joe with the password "secret" and nobody else. */
export function authDouble(): Authenticator & { readonly asked: [string, string][] } {
  const asked: [string, string][] = [];
  return {
    asked,
    checkPassword(login, password): Promise<AuthAnswer> {
      asked.push([login, password]);
      if (login === "undecided") {
        return Promise.resolve({ kind: "undecided", reason: "user file can't be read" });
      }
      const isRight = login === "joe" && password === "secret";
      return Promise.resolve(isRight ? { kind: "ok", account: JOE } : { kind: "refused" });
    },
  };
}

/**
 * Stored secrets: joe has "secret", in clear or (without `clear`) as a hash that nothing here can use; jane has a hash.
 */
export function secretsDouble(forms: { clear?: boolean; scram?: boolean } = {}): SecretSource {
  const { clear = true, scram = false } = forms;
  return {
    secretOf(login) {
      if (login === "undecided") return { kind: "undecided", reason: "user file can't be read" };
      if (login !== "joe" && login !== "jane") return { kind: "unknown" };
      const account = { ...JOE, login };
      return {
        kind: "secret",
        account,
        clear: clear && login === "joe" ? "secret" : null,
        scram: null,
      };
    },
    forms: () => ({ clear, scram }),
    fakeScram: () => ({ salt: "0123456789abcdef", iterations: 4096 }),
  };
}

export interface Entry {
  readonly path: string;
  readonly type: "file" | "dir" | "symlink";
  readonly content?: string;
  readonly target?: string;
  readonly mtime?: number;
  readonly mtime_now_offset?: number;
  readonly atime_now_offset?: number;
  readonly mode?: string;
}

function utf8(binary: string): string {
  return new TextDecoder().decode(latin1(binary));
}

/** Builds a Maildir at `path`; entries as the recorded cases have them. */
export function buildMaildir(path: string, entries: readonly Entry[]): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  const now = Math.floor(Date.now() / 1000);
  for (const entry of entries) {
    const file = `${path}/${utf8(entry.path)}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    if (entry.type === "dir") Deno.mkdirSync(file, { recursive: true, mode: 0o700 });
    else if (entry.type === "symlink") Deno.symlinkSync(entry.target!, file);
    else Deno.writeFileSync(file, latin1(entry.content!), { mode: 0o600 });
    if (entry.type === "symlink") continue;
    const mtime = entry.mtime ?? now + (entry.mtime_now_offset ?? 0);
    const atime = entry.atime_now_offset === undefined ? mtime : now + entry.atime_now_offset;
    if (entry.type === "file" || entry.mtime !== undefined) Deno.utimeSync(file, atime, mtime);
  }
  for (const entry of entries) {
    if (entry.mode !== undefined) {
      Deno.chmodSync(`${path}/${utf8(entry.path)}`, parseInt(entry.mode, 8));
    }
  }
}

/** Messages for `buildMaildir`: name below the Maildir -> content; mtimes count up from 1000000000. */
export function messages(contents: Readonly<Record<string, string>>): Entry[] {
  const dirs: Entry[] = ["tmp", "new", "cur"].map((path) => ({ path, type: "dir" }));
  const files = Object.entries(contents).map(([path, content], i): Entry => (
    { path, type: "file", content, mtime: 1_000_000_000 + i }
  ));
  return [...dirs, ...files];
}

/** Runs `use` with a fresh temporary folder, which is removed afterwards whatever its modes are. */
export async function withFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "qfront-pop3-" });
  try {
    await use(folder);
  } finally {
    openUp(folder);
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Makes everything below `folder` readable again. */
export function openUp(folder: string): void {
  Deno.chmodSync(folder, 0o700);
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) openUp(path);
    else if (entry.isFile) Deno.chmodSync(path, 0o600);
  }
}

export interface SetUp {
  readonly path: string;
  readonly files?: MaildropFiles;
  readonly sizes?: "exact" | "stat";
  readonly cache?: MaildropCache;
  readonly config?: Partial<Pop3Config>;
  readonly tracer?: Tracer;
  readonly auth?: Authenticator;
  /** Begins in TRANSACTION. */
  readonly loggedIn?: boolean;
  readonly clock?: () => number;
  /** More of what a session is made of. */
  readonly deps?: Partial<Pop3Deps>;
  readonly peer?: Partial<Peer>;
  readonly locks?: boolean;
}

export function cacheFor(setUp: Omit<SetUp, "path">): MaildropCache {
  return createMaildropCache({
    files: setUp.files ?? LOCAL_FILES,
    sizes: setUp.sizes ?? "exact",
    maxMessages: 100000,
    locks: setUp.locks ?? false,
    tracer: setUp.tracer ?? NO_TRACE,
    clock: setUp.clock ?? Date.now,
  });
}

/** A session on the Maildir at `path`, and its client. */
export function connect(setUp: SetUp): { engine: Engine; client: Client } {
  const cache = setUp.cache ?? cacheFor(setUp);
  const client = new Client();
  const deps: Pop3Deps = {
    config: { ...CONFIG, ...setUp.config },
    auth: setUp.auth ?? authDouble(),
    openMaildrop: (_account, session) => cache.open(setUp.path, session),
    tracer: setUp.tracer ?? NO_TRACE,
    clock: setUp.clock ?? Date.now,
    ...(setUp.loggedIn === false ? {} : { account: JOE }),
    ...setUp.deps,
  };
  return { engine: createPop3Engine(deps, { ...PEER, ...setUp.peer }, client), client };
}

/** Sends `text` in the given pieces while the session wants input. */
export async function say(engine: Engine, ...pieces: string[]): Promise<void> {
  for (const piece of pieces) {
    if (engine.wants !== "input") return;
    await engine.receive(latin1(piece));
  }
}

/** A whole session: everything it writes to `input`, the end of input included. */
export async function talk(setUp: SetUp, ...pieces: string[]): Promise<string> {
  const { engine, client } = connect(setUp);
  await engine.start();
  await say(engine, ...pieces);
  await engine.end("eof");
  return client.output;
}

/** Files below `path`, sorted, as "dir/name". */
export function tree(path: string): string[] {
  const found: string[] = [];
  for (const dir of ["new", "cur", "tmp"]) {
    for (const entry of Deno.readDirSync(`${path}/${dir}`)) found.push(`${dir}/${entry.name}`);
  }
  return found.sort();
}
