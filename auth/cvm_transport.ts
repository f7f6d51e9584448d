/**
 * Carries one CVM packet to a module and its answer back: `cvm-local:PATH` (a Unix socket),
 * `cvm-udp:HOST:PORT`, `cvm-command:PATH` (a program, packet on standard input, answer on standard
 * output).
 */
import { createSocket } from "node:dgram";
import { toBytes } from "./bytes.ts";
import { CVM_MAX_BYTES } from "./cvm_codec.ts";
import type { Gate } from "./gate.ts";
import { runProgram } from "./program.ts";

/** Where a module is. */
export type CvmAddress =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "command"; readonly path: string };

/** Reads `cvm-local:/path,cvm-udp:host:port,...`; a sentence when it is not that. */
export function readCvmAddresses(text: string): CvmAddress[] | string {
  const addresses: CvmAddress[] = [];
  for (const word of text.split(",").map((w) => w.trim())) {
    const m = /^cvm-(local|udp|command):(.+)$/.exec(word);
    const rest = m?.[2] ?? "";
    const udp = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(rest);
    if (m?.[1] === "local") addresses.push({ kind: "local", path: rest });
    else if (m?.[1] === "command") addresses.push({ kind: "command", path: rest });
    else if (m?.[1] === "udp" && udp !== null && Number(udp[3]) <= 65535) {
      addresses.push({ kind: "udp", host: udp[1] ?? udp[2] ?? "", port: Number(udp[3]) });
    } else {
      return `"${word}" is not cvm-local:PATH, cvm-udp:HOST:PORT or cvm-command:PATH`;
    }
  }
  return addresses;
}

/** An address as it is written. */
export function cvmAddressText(address: CvmAddress): string {
  return address.kind === "udp"
    ? `cvm-udp:${address.host}:${address.port}`
    : `cvm-${address.kind}:${address.path}`;
}

export interface CvmCarriage {
  readonly timeoutSeconds: number;
  /** For cvm-command: programs at one time. */
  readonly gate: Gate;
  readonly env: Readonly<Record<string, string>>;
  /** Does this datagram answer the request? Others are passed over. */
  readonly answers: (bytes: Uint8Array) => boolean;
}

/** The answer's bytes, or a sentence. */
type Answer = Uint8Array | string;

const sentence = (error: unknown) => error instanceof Error ? error.message : String(error);

async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  const bytes = new Uint8Array(CVM_MAX_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const got = await conn.read(bytes.subarray(length));
    if (got === null) break;
    length += got;
  }
  return bytes.subarray(0, length);
}

async function askLocal(path: string, request: Uint8Array, seconds: number): Promise<Answer> {
  let conn: Deno.UnixConn | null = null;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    conn?.close();
  }, seconds * 1000);
  try {
    conn = await Deno.connect({ transport: "unix", path });
    for (let at = 0; at < request.length;) at += await conn.write(request.subarray(at));
    await conn.closeWrite();
    return await readAll(conn);
  } catch (error) {
    return late ? `No answer within ${seconds} seconds` : sentence(error);
  } finally {
    clearTimeout(timer);
    if (!late) conn?.close();
  }
}

/** Datagrams get lost: the request is sent again after 1, 3, 7 ... seconds. */
function askUdp(
  { host, port }: { host: string; port: number },
  request: Uint8Array,
  carriage: CvmCarriage,
): Promise<Answer> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const timers = new Set<number>();
  return new Promise((resolve) => {
    let over = false;
    const settle = (answer: Answer) => {
      if (over) return;
      over = true;
      for (const timer of timers) clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const send = (pause: number) => {
      socket.send(request, (error: Error | null) => {
        if (error !== null) settle(sentence(error));
      });
      timers.add(setTimeout(() => send(pause * 2), pause * 1000));
    };
    const late = `No answer within ${carriage.timeoutSeconds} seconds`;
    timers.add(setTimeout(() => settle(late), carriage.timeoutSeconds * 1000));
    socket.on("error", (error: Error) => settle(sentence(error)));
    socket.on("message", (message: Uint8Array) => {
      if (carriage.answers(message)) settle(message);
    });
    // Connected: datagrams from other addresses never arrive.
    socket.connect(port, host, () => send(1));
  });
}

async function askCommand(
  path: string,
  request: Uint8Array,
  carriage: CvmCarriage,
): Promise<Answer> {
  const end = await carriage.gate(() =>
    runProgram({
      command: [path],
      env: carriage.env,
      input: request,
      inputFd: 0,
      timeoutSeconds: carriage.timeoutSeconds,
      maxOutputBytes: CVM_MAX_BYTES,
    })
  );
  if (end.kind === "failed") return end.reason;
  // A module's exit code is its answer's code; an acceptance that does not end so is none.
  const accepts = end.output.startsWith("\0");
  if (end.output === "" || (end.code !== 0 && accepts)) {
    return `The program ended with exit ${end.code}`;
  }
  return toBytes(end.output);
}

/** Asks one module. Rejects only as the gate does. */
export function askModule(
  address: CvmAddress,
  request: Uint8Array,
  carriage: CvmCarriage,
): Promise<Answer> {
  switch (address.kind) {
    case "local":
      return askLocal(address.path, request, carriage.timeoutSeconds);
    case "udp":
      return askUdp(address, request, carriage);
    case "command":
      return askCommand(address.path, request, carriage);
  }
}
