/**
 * A browser for the tests: Chromium of the system, else of Debian's packages in a folder of their own; and a page in it, driven
 * over the DevTools protocol. Nothing is installed.
 */
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** How to start it. */
export interface Chromium {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

async function succeeds(program: string, args: string[], cwd: string): Promise<boolean> {
  try {
    const options = { args, cwd, stdin: "null", stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program, options).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Every directory below `lib` that may hold libraries. */
function directoriesBelow(lib: string): string[] {
  const below = [...Deno.readDirSync(lib)].filter((e) => e.isDirectory).map((e) =>
    `${lib}/${e.name}`
  );
  return [lib, ...below.flatMap(directoriesBelow)];
}

/** Finds or fetches it below `directory`; null: it can't be had. */
export async function findChromium(directory: string): Promise<Chromium | null> {
  for (const program of NAMES) {
    if (await succeeds(program, ["--version"], directory)) return { program, env: {} };
  }
  const debs = `${directory}/debs`;
  Deno.mkdirSync(`${debs}/partial`, { recursive: true });
  const root = `${directory}/root`;
  const isFetched = await succeeds("apt-get", [
    ...["-qq", "-y", "--no-install-recommends", "--download-only"],
    ...["-o", "Debug::NoLocking=1", "-o", `Dir::Cache::archives=${debs}`, "install", "chromium"],
  ], directory);
  if (!isFetched) return null;
  for (const { name } of Deno.readDirSync(debs)) {
    if (name.endsWith(".deb") && !await succeeds("dpkg", ["-x", `${debs}/${name}`, root], debs)) {
      return null;
    }
  }
  const env = { LD_LIBRARY_PATH: directoriesBelow(`${root}/usr/lib`).join(":") };
  return { program: `${root}/usr/lib/chromium/chromium`, env };
}

/** A page that is open. */
export interface Page {
  /** What `expression` is in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** The width in CSS pixels, as on a phone or not, light or dark. */
  show(width: number, scheme: "light" | "dark"): Promise<void>;
  screenshot(path: string): Promise<void>;
  /** What the browser complained about. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

type Message = { id?: number; method?: string; params?: unknown; result?: Record<string, unknown> };

/** The address that Chromium says it can be driven at; `ended` when it says no more. */
function devtoolsUrl(stderr: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let said = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const ended = (async () => {
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      said += text;
      const url = /^DevTools listening on (\S+)$/m.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    }
    reject(new Error(`Chromium ended: ${said}`));
  })();
  return { url: promise, ended };
}

/** Opens `file` in a browser whose profile lies below `directory`. */
export async function openPage(
  { program, env }: Chromium,
  file: string,
  directory: string,
): Promise<Page> {
  const child = new Deno.Command(program, {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
      ...["--remote-debugging-port=0", `--user-data-dir=${directory}/profile`, "about:blank"],
    ],
    env: { ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { url, ended } = devtoolsUrl(child.stderr);
  const list = `http://${new URL(await url).host}/json/list`;
  const targets = await (await fetch(list)).json() as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(targets.find((t) => t.type === "page")?.webSocketDebuggerUrl ?? "");
  await new Promise((done) => socket.onopen = done);
  const waiting = new Map<number, (result: Record<string, unknown>) => void>();
  const complaints: string[] = [];
  const loaded = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    const { id, method, params, result } = JSON.parse(String(data)) as Message;
    if (id !== undefined) waiting.get(id)?.(result ?? {});
    if (method === "Page.loadEventFired") loaded.resolve();
    if (method === "Log.entryAdded" || method === "Runtime.exceptionThrown") {
      complaints.push(JSON.stringify(params));
    }
  };
  let next = 0;
  const call = (method: string, params: Record<string, unknown> = {}) => {
    const id = ++next;
    const answer = new Promise<Record<string, unknown>>((done) => waiting.set(id, done));
    socket.send(JSON.stringify({ id, method, params }));
    return answer;
  };
  for (const domain of ["Page", "Log", "Runtime"]) await call(`${domain}.enable`);
  await call("Page.navigate", { url: `file://${file}` });
  await loaded.promise;
  return {
    complaints,
    async evaluate(expression) {
      const { result } = await call("Runtime.evaluate", { expression, returnByValue: true });
      return (result as { value?: unknown } | undefined)?.value;
    },
    async show(width, scheme) {
      const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
      await call("Emulation.setDeviceMetricsOverride", metrics);
      const features = [{ name: "prefers-color-scheme", value: scheme }];
      await call("Emulation.setEmulatedMedia", { features });
    },
    async screenshot(path) {
      const { data } = await call("Page.captureScreenshot", { captureBeyondViewport: true });
      Deno.writeFileSync(path, Uint8Array.from(atob(String(data)), (c) => c.charCodeAt(0)));
    },
    async close() {
      const closed = new Promise((done) => socket.onclose = done);
      await call("Browser.close");
      await closed;
      await child.status;
      await ended;
    },
  };
}
