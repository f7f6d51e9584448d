/**
 * The control socket of a running service: a Unix socket that only its owner may use.
 *
 * One request a line, one answer a line, in order; "watch" is answered with lines until the client
 * goes. What a client sends is bounded, and so are the clients. The socket's name goes with the
 * service; one that a dead service left is replaced.
 */
import { answerRequest, readRequest, RequestError } from "./requests.ts";
import type { Answer, Request, ServiceDesk } from "./types.ts";
import { WatchBuffer } from "./watchers.ts";

/** The socket can't be had: one sentence. */
export class ControlSocketError extends Error {
  override name = "ControlSocketError";
}

const MAX_CLIENTS = 16;
const MAX_LINE = 64 * 1024;
/** After an accept that failed, for want of descriptors for example. */
const ACCEPT_PAUSE_MS = 100;

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\(os error \d+\).*$/, "");

/** True: somebody listens there. */
async function isAlive(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}

/** Makes a name free for a socket: removes that of a service that is gone. @throws {ControlSocketError} */
export async function freeName(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new ControlSocketError(`Cannot use "${path}": ${reasonOf(error)}`);
  }
  if (info.isSocket !== true) throw new ControlSocketError(`"${path}" is there and is no socket`);
  if (await isAlive(path)) {
    throw new ControlSocketError(`Somebody listens on "${path}": another service runs`);
  }
  Deno.removeSync(path);
}

/** Binds a Unix socket of mode 0600. @throws {ControlSocketError} */
export async function bindOwnSocket(path: string): Promise<Deno.UnixListener> {
  await freeName(path);
  const mask = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw new ControlSocketError(`Cannot listen on "${path}": ${reasonOf(error)}`);
  } finally {
    Deno.umask(mask);
  }
}

/** The lines of a client. A line that is too long ends them. */
export async function* linesOf(
  conn: Deno.Conn,
  maxLine = MAX_LINE,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
    if (text.length > maxLine) return;
  }
}

async function send(conn: Deno.Conn, values: readonly unknown[]): Promise<void> {
  const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** The socket's life. */
export class ControlServer {
  readonly #desk: ServiceDesk;
  readonly #socket: Deno.UnixListener;
  readonly #path: string;
  readonly #clients = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  #isClosing = false;

  /** `socket` was bound by bindOwnSocket. */
  constructor(desk: ServiceDesk, socket: Deno.UnixListener, path: string) {
    this.#desk = desk;
    this.#socket = socket;
    this.#path = path;
    this.#serving = this.#accept();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Gone already, or in a directory that this user may not change: the next start replaces it.
    }
    this.#socket.close();
    for (const client of [...this.#clients]) closeQuietly(client);
    await this.#serving;
  }

  async #accept(): Promise<void> {
    const running = new Set<Promise<void>>();
    while (!this.#isClosing) {
      let conn: Deno.Conn;
      try {
        conn = await this.#socket.accept();
      } catch {
        if (!this.#isClosing) await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      const life = this.#serve(conn).catch(() => {}).finally(() => {
        this.#clients.delete(conn);
        running.delete(life);
        closeQuietly(conn);
      });
      running.add(life);
    }
    await Promise.all(running);
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    if (this.#clients.size >= MAX_CLIENTS) {
      const error = `${MAX_CLIENTS} clients use the control socket already`;
      return await send(conn, [{ ok: false, error }]);
    }
    this.#clients.add(conn);
    for await (const line of linesOf(conn)) {
      if (line.trim() === "") continue;
      const request = understand(line);
      if ("error" in request) await send(conn, [request]);
      else if (request.ask === "watch") return await this.#watch(conn);
      else await send(conn, [await this.#answer(request)]);
    }
  }

  async #answer(request: Exclude<Request, { readonly ask: "watch" }>): Promise<Answer> {
    try {
      return await answerRequest(this.#desk, request);
    } catch (error) {
      return { ok: false, error: `Internal error: ${reasonOf(error)}` };
    }
  }

  /** Until the client goes: what it still sends is not read, its end is. */
  async #watch(conn: Deno.Conn): Promise<void> {
    const buffer = new WatchBuffer();
    const stop = this.#desk.watch((event, lost) => buffer.put(event, lost));
    void (async () => {
      for await (const _ of linesOf(conn));
      buffer.close();
    })();
    try {
      await send(conn, [{ ok: true, result: "watching" }]);
      for (let lines = await buffer.take(); lines !== null; lines = await buffer.take()) {
        await send(conn, lines);
      }
    } finally {
      stop();
    }
  }
}

function understand(line: string): Request | Extract<Answer, { readonly ok: false }> {
  try {
    return readRequest(line);
  } catch (error) {
    if (error instanceof RequestError) return { ok: false, error: error.message };
    throw error;
  }
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
