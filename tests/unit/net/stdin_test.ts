import { assertEquals, assertStringIncludes } from "@std/assert";
import { stdinPeer } from "../../../net/stdin.ts";
import { HAS_OPENSSL, makeAuthority, makeCertificate } from "./tls_kit.ts";
import { readAll, readUntil, send, toBytes, toText } from "./toy.ts";

const PROGRAM = new URL("./stdin_program.ts", import.meta.url).pathname;

function program(env: Record<string, string>, stdout: "piped" | "null" = "piped"): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PROGRAM],
    stdin: "piped",
    stdout,
    stderr: "piped",
    env: { ...env, NO_COLOR: "1" },
  });
}

async function converse(input: string, env: Record<string, string> = {}) {
  const child = program(env).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(toBytes(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, output: toText(stdout), peer: JSON.parse(toText(stderr)) };
}

Deno.test("runStdin: a transcript in a pipe is answered and ends with status 0", async () => {
  const { code, output, peer } = await converse("A\nB\n");
  assertEquals([code, output], [0, "220 toy\r\n250 A\r\n250 B\r\n221 eof\r\n"]);
  assertEquals([peer.kind, peer.remoteIp, peer.ended], ["transcript", "unknown", "eof"]);
});

Deno.test("runStdin: the environment of tcpserver names the peer", async () => {
  const { peer } = await converse("QUIT\r\n", {
    TCPREMOTEIP: "192.0.2.9",
    TCPREMOTEHOST: "mx.example.org",
    TCPREMOTEPORT: "4711",
    TCPLOCALIP: "192.0.2.1",
    TCPLOCALPORT: "25",
    TCPLOCALHOST: "mail.example.net",
    RELAYCLIENT: "",
  });
  assertEquals(
    [peer.kind, peer.remoteIp, peer.remoteHost, peer.remotePort, peer.remoteInfo],
    ["transcript", "192.0.2.9", "mx.example.org", 4711, null],
  );
  assertEquals([peer.localIp, peer.localPort, peer.localHost], [
    "192.0.2.1",
    25,
    "mail.example.net",
  ]);
  assertEquals(peer.env, { RELAYCLIENT: "" });
});

Deno.test("runStdin: a silent pipe is ended by the idle limit while a read is pending", async () => {
  const child = program({ TOY_IDLE: "0.01" }).spawn();
  const { code, stdout } = await outputWithOpenInput(child);
  assertEquals([code, toText(stdout)], [0, "220 toy\r\n421 4.4.2 idle\r\n"]);
});

async function outputWithOpenInput(child: Deno.ChildProcess) {
  const writer = child.stdin.getWriter();
  const [status, stdout, stderr] = await Promise.all([
    child.status,
    new Response(child.stdout).bytes(),
    new Response(child.stderr).bytes(),
  ]);
  await writer.close().catch(() => {});
  return { code: status.code, stdout, stderr };
}

Deno.test("runStdin: a reader that went away ends the session quietly", async () => {
  const child = program({}).spawn();
  await child.stdout.cancel();
  const writer = child.stdin.getWriter();
  await writer.write(toBytes("BIG 10000000\r\n"));
  const stderr = await new Response(child.stderr).bytes();
  await writer.close().catch(() => {});
  assertEquals((await child.status).code, 0);
  assertEquals(JSON.parse(toText(stderr)).ended, "io_error");
});

/** The program with a connection to us as its standard input and output, as tcpserver gives it; bash dials. */
async function onSocket(env: Record<string, string>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener.addr as Deno.NetAddr).port;
  const run = `exec "$0" run -A --no-check "$1" <>/dev/tcp/127.0.0.1/${port} 1>&0`;
  const child = new Deno.Command("bash", {
    args: ["-c", run, Deno.execPath(), PROGRAM],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "", ...env },
  }).spawn();
  const conn = await listener.accept();
  listener.close();
  const peer = async () => JSON.parse(toText((await child.output()).stderr));
  return { conn, port, peer };
}

Deno.test("runStdin: a socket on standard input is a client, its address asked of the socket", async () => {
  const { conn, port, peer } = await onSocket({});
  await send(conn, "RCPT a\r\n".repeat(100));
  assertEquals(
    await readAll(conn),
    "220 toy\r\n550 5.1.1 no such user\r\n421 4.7.0 closing\r\n",
  );
  conn.close();
  const { kind, remoteIp, remotePort, offersTls } = await peer();
  assertEquals([kind, remoteIp, remotePort, offersTls], ["socket", "127.0.0.1", port, false]);
});

Deno.test({
  name: "runStdin: STARTTLS under tcpserver",
  ignore: !HAS_OPENSSL,
  async fn() {
    const dir = Deno.makeTempDirSync();
    makeAuthority(dir);
    makeCertificate(dir, "servercert.pem", ["localhost"]);
    const { conn, peer } = await onSocket({ TOY_TLS: dir });
    await readUntil(conn, "\n");
    await send(conn, "TLS\r\n");
    await readUntil(conn, "\n");
    const caCerts = [Deno.readTextFileSync(`${dir}/ca.pem`)];
    const secure = await Deno.startTls(conn, { hostname: "localhost", caCerts });
    await send(secure, "A\r\nQUIT\r\n");
    assertEquals(await readAll(secure), "250 A\r\n221 bye\r\n");
    secure.close();
    const told = await peer();
    assertEquals([told.offersTls, told.secure.version], [true, "TLSv1.3"]);
    Deno.removeSync(dir, { recursive: true });
  },
});

Deno.test("stdinPeer: an empty variable counts as not set; IPv4 in IPv6 is shown as IPv4", () => {
  const peer = stdinPeer({ TCPREMOTEIP: "::ffff:192.0.2.1", TCPREMOTEHOST: "" }, "socket", null);
  assertEquals([peer.remoteIp, peer.remoteHost, peer.localIp], ["192.0.2.1", null, "unknown"]);
  assertStringIncludes(String(peer.session), String(Deno.pid));
});
