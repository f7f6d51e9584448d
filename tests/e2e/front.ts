/**
 * For the end-to-end tests: a working copy of the sample site and `qfront serve` on it, as a process of its own, with
 * ports that the system chose.
 */
import { makeSampleSite } from "../../tools/sample_site.ts";

const TOP = new URL("../../", import.meta.url).pathname;

/** The command that runs qfront from source; QFRONT_BINARY names a compiled one to test instead. */
export function qfrontCommand(): string[] {
  const binary = Deno.env.get("QFRONT_BINARY");
  if (binary !== undefined) return [binary];
  const lock = [`--lock=${TOP}deno.lock`, "--frozen"];
  return [Deno.execPath(), "run", "-A", "--no-check", "--cached-only", ...lock, `${TOP}main.ts`];
}

/** Where it runs: the smoke test of the binary uses an empty directory. */
const CWD = Deno.env.get("QFRONT_CWD") ?? TOP;

export interface Front {
  readonly root: string;
  readonly smtpPort: number;
  readonly pop3Port: number;
  /** Port of a listener that the arguments ask for, such as "smtps". */
  port(service: string): number;
  readonly pid: number;
  /** What serve printed on standard output so far. */
  printed(): string;
  trace(): string;
  signal(name: Deno.Signal): void;
  /** Resolves when it, and all that it started, has ended. */
  readonly ended: Promise<{ code: number; stderr: string }>;
  /** Ends it with SIGTERM and returns its exit code and what it said on standard error. */
  stop(): Promise<{ code: number; stderr: string }>;
}

/** Runs one command to its end with `input` on standard input. */
export async function runQfront(
  args: readonly string[],
  input: string | Uint8Array = "",
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [program, ...before] = qfrontCommand();
  const child = new Deno.Command(program ?? "", {
    args: [...before, ...args],
    cwd: CWD,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
  const writer = child.stdin.getWriter();
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const sent = writer.write(bytes).then(() => writer.close()).catch((error) => {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  });
  const { code, stdout, stderr } = await child.output();
  await sent;
  const text = (b: Uint8Array) => new TextDecoder("latin1").decode(b);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Made once: every test gets a copy. */
const MODEL = await Deno.makeTempDir({ prefix: "qfront-e2e-model-" });
await makeSampleSite(`${MODEL}/site`);
globalThis.addEventListener("unload", () => Deno.removeSync(MODEL, { recursive: true }));

/** Makes a site in a temporary directory; the caller removes it with `removeSite`. */
export async function makeSite(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "qfront-e2e-" });
  await Deno.chmod(dir, 0o755);
  const copy = await new Deno.Command("cp", { args: ["-a", `${MODEL}/site`, dir] }).output();
  if (!copy.success) throw new Error(new TextDecoder().decode(copy.stderr));
  return `${dir}/site`;
}

export async function removeSite(root: string): Promise<void> {
  await Deno.remove(root.slice(0, -"/site".length), { recursive: true });
}

/** The services that `serve` has to say it listens for. */
function servicesOf(args: readonly string[]): string[] {
  const more = args.filter((arg) => /^--(submission|smtps|qmtp|qmqp|pop3s)$/.test(arg));
  return ["smtp", "pop3", ...more.map((arg) => arg.slice(2))];
}

/** Starts serve on `root` and waits until all listeners are ready. `command`: another qfront than the one that is tested. */
export async function startFront(
  root: string,
  args: readonly string[] = [],
  command: readonly string[] = qfrontCommand(),
): Promise<Front> {
  const [program, ...before] = command;
  const child = new Deno.Command(program ?? "", {
    args: [
      ...before,
      "serve",
      "--root",
      root,
      "--smtp",
      "127.0.0.1:0",
      "--pop3",
      "127.0.0.1:0",
      ...args,
    ],
    cwd: CWD,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let printed = "";
  const ports = new Map<string, number>();
  const services = servicesOf(args);
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      printed += chunk;
      for (const match of printed.matchAll(/^(\w+) listening on \S+:(\d+)$/gm)) {
        ports.set(match[1] ?? "", Number(match[2]));
      }
      if (services.every((service) => ports.has(service))) ready.resolve();
    }
    ready.reject(new Error(`serve ended before it was ready: ${printed}${await stderr}`));
  })();
  await ready.promise;
  const ended = (async () => {
    const { code } = await child.status;
    await reading.catch(() => undefined);
    return { code, stderr: await stderr };
  })();
  return {
    root,
    smtpPort: ports.get("smtp") ?? 0,
    pop3Port: ports.get("pop3") ?? 0,
    port: (service) => ports.get(service) ?? 0,
    pid: child.pid,
    printed: () => printed,
    trace: () => Deno.readTextFileSync(`${root}/var/log/qfront/trace`),
    signal: (name) => child.kill(name),
    ended,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
