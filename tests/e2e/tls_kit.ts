/** For the end-to-end tests of TLS: sites with a certificate, and a client that can go over to TLS. */
import { assertEquals } from "@std/assert";
import { makeSelfSigned } from "../../tools/self_signed.ts";
import { type Front, makeSite, qfrontCommand, removeSite, runQfront, startFront } from "./front.ts";

const control = (root: string, name: string): string => `${root}/var/qmail/control/${name}`;

/** The site's certificate file. */
export const certFile = (root: string): string => control(root, "servercert.pem");

/** Puts a new certificate for `names` into the site, by renaming; returns it without the key. */
export async function putCertificate(
  root: string,
  names: readonly string[] = ["localhost", "127.0.0.1"],
  file = certFile(root),
): Promise<string> {
  const pem = await makeSelfSigned(names, 30);
  Deno.writeTextFileSync(`${file}.new`, pem);
  Deno.renameSync(`${file}.new`, file);
  return certificateOf(pem);
}

export const certificateOf = (pem: string): string => pem.slice(0, pem.indexOf("-----BEGIN PRIV"));

export interface TlsSite {
  readonly root: string;
  /** The certificate that the front began with. */
  readonly ca: string;
  readonly front: Front;
}

const ALL = [
  ...["--submission", "127.0.0.1:0"],
  ...["--smtps", "127.0.0.1:0"],
  ...["--pop3s", "127.0.0.1:0"],
];

/** `settings` as trace.cfg is to have them in place of what the sample site says. */
export function setSettings(root: string, settings: Readonly<Record<string, string>>): void {
  const path = control(root, "trace.cfg");
  const kept = Deno.readTextFileSync(path).split("\n")
    .filter((line) => !Object.keys(settings).some((name) => line.startsWith(`${name}=`)));
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  Deno.writeTextFileSync(path, [...kept, ...lines, ""].join("\n"));
}

/** Runs `work` on a front with every listener and a certificate; it must end with code 0 and say nothing but `said`. */
export async function withTls(
  settings: Readonly<Record<string, string>>,
  work: (site: TlsSite) => Promise<void>,
  prepare: (root: string) => void | Promise<void> = () => {},
): Promise<void> {
  const root = await makeSite();
  const ca = await putCertificate(root);
  setSettings(root, { trace_level: "3", auth_delay_seconds: "0", ...settings });
  await prepare(root);
  const front = await startFront(root, ALL);
  try {
    await work({ root, ca, front });
  } finally {
    const ended = await front.stop();
    await removeSite(root);
    assertEquals(ended, { code: 0, stderr: "" });
  }
}

/** joe@example.org with a secret that every mechanism can use. */
export async function storeClearSecret(root: string): Promise<void> {
  const users = `${root}/var/qmail/users/poppasswd`;
  Deno.writeTextFileSync(users, "joe@example.org:{PLAIN}sesame\n");
  const { code, stderr } = await runQfront(["newpop", "--root", root]);
  if (code !== 0) throw new Error(stderr);
}

/** A client that reads line by line. */
export class Client {
  #conn: Deno.TcpConn | Deno.TlsConn;
  #text = "";

  constructor(conn: Deno.TcpConn | Deno.TlsConn) {
    this.#conn = conn;
  }

  static async dial(port: number): Promise<Client> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    // A handshake would wait 40 ms for itself.
    conn.setNoDelay(true);
    return new Client(conn);
  }

  static async dialTls(port: number, ...caCerts: string[]): Promise<Client> {
    const client = await Client.dial(port);
    await client.startTls(...caCerts);
    return client;
  }

  send(text: string): Promise<void> {
    return this.sendBytes(new TextEncoder().encode(text));
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** The next line without its end; null at the end of input, however that comes. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      const buffer = new Uint8Array(4096);
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) return null;
      this.#text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  }

  /** Sends a command and returns the lines of its reply, as SMTP ends them. */
  async smtp(command: string | null): Promise<string[]> {
    if (command !== null) await this.send(`${command}\r\n`);
    const lines: string[] = [];
    for (let line = await this.line(); line !== null; line = await this.line()) {
      lines.push(line);
      if (line[3] !== "-") break;
    }
    return lines;
  }

  /** Sends a command and returns its one line. */
  async ask(command: string): Promise<string> {
    await this.send(`${command}\r\n`);
    return await this.line() ?? "";
  }

  /** The lines up to ".". */
  async list(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== null && line !== "."; line = await this.line()) {
      lines.push(line);
    }
    return lines;
  }

  async startTls(...caCerts: string[]): Promise<void> {
    const options = { hostname: "localhost", caCerts };
    this.#conn = await Deno.startTls(this.#conn as Deno.TcpConn, options);
  }

  /** Everything until the server closes. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== null; line = await this.line()) lines.push(line);
    return lines;
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}

/** True where a program can be run; its tests are skipped otherwise, aloud. */
export function hasProgram(name: string, flag: string): boolean {
  try {
    const command = new Deno.Command(name, { args: [flag], stdout: "null", stderr: "null" });
    if (command.outputSync().success) return true;
  } catch {
    // Not installed.
  }
  console.log(`tls e2e: ${name} is not installed, its tests are skipped`);
  return false;
}

/** Runs a program with `input`; both of its outputs. */
export async function runProgram(name: string, args: string[], input = ""): Promise<string> {
  const child = new Deno.Command(name, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const sent = writer.write(new TextEncoder().encode(input)).then(() => writer.close())
    .catch(() => {}); // It went before it read all.
  const { stdout, stderr } = await child.output();
  await sent;
  const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
  return text(stdout) + text(stderr);
}

/** Waits until `what` is true. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** RFC 5802 and 7677, the client's side, without channel binding. */
export async function scramProof(secret: string, clientFirst: string, serverFirst: string) {
  const facts = Object.fromEntries(serverFirst.split(",").map((f) => [f[0]!, f.slice(2)]));
  const bytes = (text: string) => new TextEncoder().encode(text);
  const salt = Uint8Array.from(atob(facts["s"]!), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes(secret), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: Number(facts["i"]) };
  const salted = new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
  const hmac = async (raw: Uint8Array<ArrayBuffer>, text: string) => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const k = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", k, bytes(text)));
  };
  const bare = `c=biws,r=${facts["r"]}`;
  const said = `${clientFirst},${serverFirst},${bare}`;
  const clientKey = await hmac(salted, "Client Key");
  const stored = new Uint8Array(await crypto.subtle.digest("SHA-256", clientKey));
  const signature = await hmac(stored, said);
  const proof = btoa(String.fromCharCode(...clientKey.map((b, i) => b ^ signature[i]!)));
  const server = await hmac(await hmac(salted, "Server Key"), said);
  return { final: `${bare},p=${proof}`, server: btoa(String.fromCharCode(...server)) };
}

/** One session of `qfront NAME` whose standard input is a connection to us, as under tcpserver; bash dials. */
export async function onSocket(name: string, root: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  const child = new Deno.Command("bash", {
    args: [
      "-c",
      `exec "$@" <>/dev/tcp/127.0.0.1/${port} 1>&0`,
      "bash",
      ...qfrontCommand(),
      ...[name, "--root", root],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const conn = await listener.accept();
  listener.close();
  const ended = async () => {
    const { code, stderr } = await child.output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  return { conn, pid: child.pid, ended };
}
