/** Certificates and TLS clients for the tests of net/, made by the system's openssl command. */
import { parseListenAddress } from "../../../net/address.ts";
import { CertificateStore } from "../../../net/certificates.ts";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { Listener, type ListenerSetup } from "../../../net/listener.ts";
import { TimerWheel } from "../../../net/timers.ts";
import { TlsFront } from "../../../net/tls_front.ts";
import { socketEnds } from "../../../net/shutdown.ts";
import { Notebook, toText, type ToyOptions, toyProtocol } from "./toy.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
socketEnds(0);

/** False where the openssl command is missing; tests that need it are then skipped, aloud. */
export const HAS_OPENSSL = (() => {
  try {
    return new Deno.Command("openssl", { args: ["version"], stderr: "null" }).outputSync().success;
  } catch {
    console.error("skipped: no openssl command, so no certificates can be made");
    return false;
  }
})();

function openssl(...args: string[]): void {
  const { success, stderr } = new Deno.Command("openssl", { args }).outputSync();
  if (!success) throw new Error(`openssl ${args.join(" ")}: ${toText(stderr)}`);
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority in `dir`: ca.pem and ca.key. */
export function makeAuthority(dir: string): void {
  openssl(
    ...["req", "-x509", ...EC, "-keyout", `${dir}/ca.key`, "-out", `${dir}/ca.pem`],
    ...["-days", "30", "-subj", "/CN=Test authority", "-addext", "keyUsage=keyCertSign"],
  );
}

/** A certificate signed by that authority, chain and key in one file; returns its path. */
export function makeCertificate(dir: string, file: string, names: string[], subject = ""): string {
  const path = `${dir}/${file}`;
  const [key, request, extensions] = [`${path}.key`, `${path}.csr`, `${path}.ext`];
  const subjectName = subject === "" ? `/CN=${names[0]}` : subject;
  openssl("req", ...EC, "-keyout", key, "-out", request, "-subj", subjectName);
  const kindOf = (name: string) => name.includes("@") ? "email" : "DNS";
  const san = names.map((name) => `${/^[\d.]+$/.test(name) ? "IP" : kindOf(name)}:${name}`).join(
    ",",
  );
  Deno.writeTextFileSync(extensions, `subjectAltName=${san}\nbasicConstraints=CA:FALSE\n`);
  openssl(
    ...["x509", "-req", "-in", request, "-CA", `${dir}/ca.pem`, "-CAkey", `${dir}/ca.key`],
    ...["-set_serial", String(Math.floor(Math.random() * 1e9)), "-days", "20"],
    ...["-extfile", extensions, "-out", `${path}.new`],
  );
  const whole = Deno.readTextFileSync(`${path}.new`) + Deno.readTextFileSync(key);
  Deno.writeTextFileSync(`${path}.whole`, whole);
  Deno.renameSync(`${path}.whole`, path);
  return path;
}

/** A toy service with TLS on a free port. */
export interface TlsSite {
  readonly dir: string;
  readonly port: number;
  readonly trace: Notebook;
  readonly front: TlsFront;
  readonly store: CertificateStore;
  readonly limits: SessionLimits;
  readonly protocol: ReturnType<typeof toyProtocol>;
  readonly caCerts: string[];
  end(): Promise<void>;
}

export interface TlsSiteOptions {
  handshakeSeconds?: number;
  maxHandshakes?: number;
  implicitTls?: boolean;
  toy?: ToyOptions;
  sni?: string[];
  change?: Partial<ListenerSetup>;
}

/** Makes certificates for localhost and a.example, and for each of `sni` one of its own. */
export function openTlsSite(options: TlsSiteOptions = {}): TlsSite {
  const dir = Deno.makeTempDirSync({ prefix: "qfront-tls-" });
  makeAuthority(dir);
  const cert = makeCertificate(dir, "servercert.pem", ["localhost", "a.example", "127.0.0.1"]);
  const sni = (options.sni ?? []).map((name) =>
    makeCertificate(dir, `${name.replace("*", "any")}.pem`, [name])
  );
  const trace = new Notebook();
  const wheel = new TimerWheel(5);
  const store = new CertificateStore({ cert, key: "", sni }, trace);
  const front = new TlsFront({
    source: {
      current: () => store.current(0),
      keep: (set, error) => store.keep(set, error),
    },
    wheel,
    trace,
    handshakeSeconds: options.handshakeSeconds ?? 30,
    maxHandshakes: options.maxHandshakes ?? 500,
  });
  const protocol = toyProtocol(options.toy);
  const limits = new SessionLimits(makeSharedLimits(1000, 1), 0, 1000, 1000);
  const listener = new Listener({
    protocol,
    wheel,
    trace,
    limits,
    writeStallSeconds: 60,
    address: parseListenAddress("127.0.0.1:0"),
    upgrade: (conn, peer) => front.upgrade(conn, peer),
    implicitTls: options.implicitTls ?? true,
    ...options.change,
  });
  listener.start();
  return {
    dir,
    port: listener.address.port,
    trace,
    front,
    store,
    limits,
    protocol,
    caCerts: [Deno.readTextFileSync(`${dir}/ca.pem`)],
    async end() {
      await listener.stop(0.2);
      front.close();
      wheel.close();
      Deno.removeSync(dir, { recursive: true });
    },
  };
}

/** Sockets of this process now. */
export function countSockets(): number {
  let count = 0;
  for (const entry of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${entry.name}`).startsWith("socket:")) count++;
    } catch {
      // Closed since the directory was read.
    }
  }
  return count;
}

export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Runs openssl s_client with `input`; returns what it printed on both outputs. */
export async function sClient(port: number, input: string, ...args: string[]): Promise<string> {
  const child = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return toText(stdout) + toText(stderr);
}
