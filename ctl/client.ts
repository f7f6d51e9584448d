/** A client of the control socket: asks, and watches. */
import { linesOf } from "./server.ts";
import type { Request, WatchLine } from "./types.ts";

/** What the service said is no: one sentence. */
export class ControlRefusal extends Error {
  override name = "ControlRefusal";
}

/** @throws {ControlRefusal} when it takes longer: the service stands still, or is none. */
async function within<T>(work: Promise<T>, seconds: number): Promise<T> {
  let timer = 0;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ControlRefusal(`The service did not answer in ${seconds} seconds`)),
      seconds * 1000,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws {ControlRefusal} when it is no JSON: something else listens there. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ControlRefusal("What listens at the socket is no qfront");
  }
}

/** A connection to a running service. */
export class ControlClient {
  readonly #conn: Deno.Conn;
  readonly #lines: AsyncGenerator<string>;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#lines = linesOf(conn, Number.MAX_SAFE_INTEGER);
  }

  /** Null: nobody listens there. @throws what Deno throws when it may not be asked. */
  static async open(path: string): Promise<ControlClient | null> {
    try {
      return new ControlClient(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      const isAbsent = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.ConnectionRefused;
      if (isAbsent) return null;
      throw error;
    }
  }

  /** The result of a request, within `seconds`. @throws {ControlRefusal} */
  async ask(request: Request, seconds = 15): Promise<unknown> {
    const bytes = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
    const { value, done } = await within(this.#exchange(bytes), seconds);
    if (done === true) throw new ControlRefusal("The service ended before it answered");
    const answer = parsed(value);
    if (typeof answer !== "object" || answer === null) throw new ControlRefusal(value);
    if ("ok" in answer && answer.ok === true && "result" in answer) return answer.result;
    throw new ControlRefusal("error" in answer ? String(answer.error) : value);
  }

  async #exchange(request: Uint8Array): Promise<IteratorResult<string>> {
    for (let at = 0; at < request.length;) at += await this.#conn.write(request.subarray(at));
    return await this.#lines.next();
  }

  /** Events, until the service ends or this is closed. */
  async *watch(): AsyncGenerator<WatchLine> {
    await this.ask({ ask: "watch" });
    for await (const line of this.#lines) yield JSON.parse(line) as WatchLine;
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}
