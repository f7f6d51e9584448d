/** A spamd on loopback that says what it is told to. */
import { binaryOf, bytesOf } from "../../../content/binary.ts";

export interface FakeSpamd {
  readonly address: string;
  /** What clients sent. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export const answerOf = (score: number, symbols: string, required = 5): string =>
  `SPAMD/1.1 0 EX_OK\r\nContent-length: ${symbols.length}\r\n` +
  `Spam: ${score >= required ? "True" : "False"} ; ${score} / ${required}\r\n\r\n${symbols}`;

/**
 * `answer`: said when the client has sent everything; null: never. `readsNothing`: the client's
 * bytes are left where they are. `path`: a Unix socket.
 */
export function startSpamd(
  answer: string | null,
  options: { readonly readsNothing?: boolean; readonly path?: string } = {},
): FakeSpamd {
  const { path, readsNothing = false } = options;
  const listener: Deno.Listener = path === undefined
    ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
    : Deno.listen({ transport: "unix", path }) as unknown as Deno.Listener;
  const asked: string[] = [];
  const conns: Deno.Conn[] = [];
  const work: Promise<void>[] = [];
  const serve = async (conn: Deno.Conn) => {
    if (readsNothing) return;
    const buffer = new Uint8Array(65536);
    let text = "";
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text += binaryOf(buffer.subarray(0, n));
    }
    asked.push(text);
    if (answer === null) return;
    if (answer !== "") await conn.write(bytesOf(answer));
    await conn.closeWrite();
  };
  const accepting = (async () => {
    for (;;) {
      const conn = await listener.accept().catch(() => null);
      if (conn === null) return;
      conns.push(conn);
      work.push(serve(conn).catch(() => {}));
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    address: path ?? `127.0.0.1:${port}`,
    asked,
    async close() {
      listener.close();
      await accepting;
      for (const conn of conns) conn.close();
      await Promise.all(work);
    },
  };
}
