/**
 * Real name servers on loopback, each a process of its own: rbldnsd for block lists, nsd for zones of
 * mail domains. Found in PATH, where run.ts puts the unpacked packages; who uses them skips aloud
 * where there are none.
 */
import { assert } from "@std/assert";
import { createStubResolver } from "../../dns/resolver.ts";
import { NO_TRACE } from "../../trace/tracer.ts";

/** The path of a name server that runs here; null, and a word about it, without one. */
export function findServer(name: string): string | null {
  for (const directory of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"]) {
    try {
      if (!Deno.statSync(`${directory}/${name}`).isFile) continue;
    } catch {
      continue;
    }
    const { code, stderr } = new Deno.Command(`${directory}/${name}`, {
      args: ["-h"],
      stdin: "null",
      stdout: "null",
    }).outputSync();
    // 127: the loader misses a library.
    if (code !== 127) return `${directory}/${name}`;
    console.log(`skipped: ${name} does not run: ${new TextDecoder().decode(stderr).trim()}`);
    return null;
  }
  console.log(`skipped: no ${name}`);
  return null;
}

/** A port that is free for datagrams and for connections. */
function freePort(): number {
  for (;;) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    try {
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    } finally {
      listener.close();
    }
  }
}

/** A name server at work. */
export interface NameServer extends AsyncDisposable {
  /** As `dns_servers` wants it. */
  readonly address: string;
  readonly port: number;
  /** Lets it stay silent with its sockets open. */
  stop(): void;
  /** Lets it go on. */
  go(): void;
}

/** Asks `name` until the server answers; it has to within 20 seconds. */
async function ready(port: number, name: string): Promise<void> {
  const servers = [{ ip: "127.0.0.1", port }];
  const conf = { servers, timeoutSeconds: 1, attempts: 1, rotate: false, tcp: false };
  const resolver = createStubResolver({
    conf: () => conf,
    limitMs: 1000,
    maxQueries: 1,
    cacheEntries: 0,
    tracer: NO_TRACE,
  });
  for (let i = 0; i < 200; i++) {
    const { status } = await resolver.query(name, "A");
    if (status === "ok") return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`The name server on port ${port} does not answer`);
}

async function start(
  program: string,
  args: readonly string[],
  at: { readonly port: number; readonly dir: string; readonly first: string },
): Promise<NameServer> {
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const child = new Deno.Command(program, { args: [...args], ...quiet }).spawn();
  const end = async () => {
    try {
      child.kill("SIGCONT");
      child.kill("SIGTERM");
    } catch {
      // It has ended already: it could not begin.
    }
    await child.status;
    Deno.removeSync(at.dir, { recursive: true });
  };
  try {
    await ready(at.port, at.first);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    address: `127.0.0.1:${at.port}`,
    port: at.port,
    stop: () => child.kill("SIGSTOP"),
    go: () => child.kill("SIGCONT"),
    [Symbol.asyncDispose]: end,
  };
}

/** A folder that the server's own user can read. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const dir = Deno.makeTempDirSync({ prefix: "qfront-dns-" });
  Deno.chmodSync(dir, 0o755);
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${dir}/${name}`, text);
  return dir;
}

/**
 * rbldnsd with a zone for each of `lists`: entries of IPv4 and of IPv6 (ip4trie, ip6trie), "" for
 * none. The first zone must list 127.0.0.2.
 */
export async function startRbldnsd(
  program: string | null,
  lists: Readonly<Record<string, { readonly ip4: string; readonly ip6: string }>>,
): Promise<NameServer> {
  assert(program !== null);
  const files = Object.entries(lists).flatMap(([zone, { ip4, ip6 }]) => [
    [`${zone}.4`, ip4],
    [`${zone}.6`, ip6],
  ]);
  const dir = folderOf(Object.fromEntries(files));
  const port = freePort();
  const zones = Object.keys(lists).flatMap((zone) => [
    `${zone}:ip4trie:${zone}.4`,
    `${zone}:ip6trie:${zone}.6`,
  ]);
  // rbldnsd wants a user that is not root; started by another it stays who it is.
  const user = Deno.uid() === 0 ? ["-u", "nobody"] : [];
  const args = ["-n", ...user, "-b", `127.0.0.1/${port}`, "-w", dir, ...zones];
  return await start(program, args, { port, dir, first: `2.0.0.127.${Object.keys(lists)[0]}` });
}

/**
 * nsd with `zones`: records below an SOA and an NS that are added; null: the zone's file is missing,
 * and nsd answers SERVFAIL. `first` is a name with an A.
 */
export async function startNsd(
  program: string | null,
  zones: Readonly<Record<string, string | null>>,
  first: string,
): Promise<NameServer> {
  assert(program !== null);
  const head = "$TTL 300\n@ SOA ns.invalid. root.invalid. 1 3600 600 86400 60\n@ NS ns.invalid.\n";
  const files = Object.entries(zones).filter(([, text]) => text !== null)
    .map(([zone, text]) => [`${zone}.zone`, `${head}${text}`]);
  const dir = folderOf(Object.fromEntries(files));
  const port = freePort();
  const server = [
    ...["server:", `ip-address: 127.0.0.1@${port}`, "server-count: 1", 'chroot: ""'],
    ...['username: ""', `zonesdir: "${dir}"`, 'database: ""', `pidfile: "${dir}/pid"`],
    ...[`xfrdfile: "${dir}/xfrd"`, `xfrdir: "${dir}"`, `zonelistfile: "${dir}/list"`],
    ...["remote-control:", "control-enable: no"],
  ];
  const named = Object.keys(zones).flatMap((zone) => [
    ...["zone:", `name: "${zone}"`, `zonefile: "${zone}.zone"`],
  ]);
  Deno.writeTextFileSync(`${dir}/nsd.conf`, [...server, ...named, ""].join("\n"));
  return await start(program, ["-d", "-c", `${dir}/nsd.conf`], { port, dir, first });
}
