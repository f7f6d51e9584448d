/**
 * A name server on loopback for the tests of dns/: UDP and TCP on one port, answering what the test says; and an
 * encoder of messages that shares no code with dns/wire.ts.
 */

export const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;

export function nameBytes(name: string): number[] {
  const labels = name === "" ? [] : name.split(".");
  return [...labels.flatMap((l) => [l.length, ...[...l].map((c) => c.charCodeAt(0))]), 0];
}

const u16 = (n: number) => [(n >> 8) & 255, n & 255];
const u32 = (n: number) => [...u16(Math.floor(n / 65536)), ...u16(n % 65536)];

/** One resource record. */
export function record(name: string, type: number, ttl: number, data: number[]): number[] {
  return [...nameBytes(name), ...u16(type), ...u16(1), ...u32(ttl), ...u16(data.length), ...data];
}

export const a = (name: string, ttl: number, ip: string) =>
  record(name, TYPE.A, ttl, ip.split(".").map(Number));
export const cname = (name: string, ttl: number, to: string) =>
  record(name, TYPE.CNAME, ttl, nameBytes(to));
export const txt = (name: string, ttl: number, ...texts: string[]) =>
  record(
    name,
    TYPE.TXT,
    ttl,
    texts.flatMap((t) => [t.length, ...[...t].map((c) => c.charCodeAt(0))]),
  );
export const mx = (name: string, ttl: number, preference: number, host: string) =>
  record(name, TYPE.MX, ttl, [...u16(preference), ...nameBytes(host)]);
export const soa = (zone: string, ttl: number, minimum: number) =>
  record(zone, TYPE.SOA, ttl, [
    ...nameBytes(`ns.${zone}`),
    ...nameBytes(`hostmaster.${zone}`),
    ...[1, 3600, 600, 86400, minimum].flatMap(u32),
  ]);

/** A query as the server reads it. */
export interface Asked {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly edns: boolean;
  readonly via: "udp" | "tcp";
  /** The port that the query came from. */
  readonly port: number;
}

export function readQuery(bytes: Uint8Array, via: "udp" | "tcp", port: number): Asked {
  const labels: string[] = [];
  let at = 12;
  for (let n = bytes[at] ?? 0; n > 0; n = bytes[at] ?? 0) {
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + n)));
    at += n + 1;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const edns = view.getUint16(10) === 1;
  return {
    id: view.getUint16(0),
    name: labels.join("."),
    type: view.getUint16(at + 1),
    edns,
    via,
    port,
  };
}

export interface Said {
  readonly rcode?: number;
  readonly answers?: readonly number[][];
  readonly authorities?: readonly number[][];
  readonly truncated?: boolean;
  readonly id?: number;
  readonly name?: string;
  readonly type?: number;
  /** Header flags instead of QR RD RA. */
  readonly flags?: number;
}

/** The message that answers `asked`. */
export function reply(asked: Asked, said: Said): Uint8Array {
  const flags = (said.flags ?? 0x8180) | (said.rcode ?? 0) | (said.truncated ? 0x0200 : 0);
  const answers = said.answers ?? [];
  const authorities = said.authorities ?? [];
  return new Uint8Array([
    ...u16(said.id ?? asked.id),
    ...u16(flags),
    ...u16(1),
    ...u16(answers.length),
    ...u16(authorities.length),
    ...u16(0),
    ...nameBytes(said.name ?? asked.name),
    ...u16(said.type ?? asked.type),
    ...u16(1),
    ...answers.flat(),
    ...authorities.flat(),
  ]);
}

/** Datagrams or TCP messages that answer a query; null: silence. */
export type Answering = (asked: Asked) => Uint8Array | readonly Uint8Array[] | null;

export interface NameServer {
  readonly server: { readonly ip: string; readonly port: number };
  /** Every query that came in. */
  readonly asked: readonly Asked[];
  /** Sends a datagram from another socket, that is another port. */
  forge(bytes: Uint8Array, port: number): Promise<void>;
  close(): Promise<void>;
}

async function serveTcp(conn: Deno.TcpConn, answer: (asked: Asked) => Uint8Array[]) {
  try {
    const bytes = new Uint8Array(4096);
    const n = await conn.read(bytes) ?? 0;
    const port = (conn.remoteAddr as Deno.NetAddr).port;
    for (const message of answer(readQuery(bytes.subarray(2, n), "tcp", port))) {
      await conn.write(new Uint8Array([...u16(message.length), ...message]));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  } finally {
    conn.close();
  }
}

function bindBoth(): [Deno.DatagramConn, Deno.TcpListener] {
  for (;;) {
    const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = tcp.addr;
    try {
      return [Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }), tcp];
    } catch (error) {
      tcp.close();
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Starts a name server; `answering` may be changed by replacing what it closes over. */
export function startNameServer(answering: Answering): NameServer {
  const [udp, tcp] = bindBoth();
  const other = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const asked: Asked[] = [];
  const answer = (query: Asked): Uint8Array[] => {
    asked.push(query);
    const said = answering(query);
    return said === null ? [] : said instanceof Uint8Array ? [said] : [...said];
  };
  const datagrams = (async () => {
    for await (const [bytes, from] of udp) {
      const port = (from as Deno.NetAddr).port;
      for (const message of answer(readQuery(bytes, "udp", port))) await udp.send(message, from);
    }
  })();
  const streams = (async () => {
    for await (const conn of tcp) await serveTcp(conn, answer);
  })();
  return {
    server: { ip: "127.0.0.1", port: tcp.addr.port },
    asked,
    async forge(bytes, port) {
      await other.send(bytes, { transport: "udp", hostname: "127.0.0.1", port });
    },
    async close() {
      udp.close();
      tcp.close();
      other.close();
      await Promise.all([datagrams, streams]);
    },
  };
}
