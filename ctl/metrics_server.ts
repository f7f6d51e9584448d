/**
 * GET /metrics for Prometheus, on an address of this machine or a Unix socket: the text format, or
 * OpenMetrics where the client asks for it. npm's prom-client writes the text.
 *
 * Loaded only where setting metrics_listen is set, prom-client as well. Each scrape asks all isolates
 * for their numbers; between two nothing is done.
 */
import { ListenError, parseListenAddress } from "../net/address.ts";
import { type Metric, metricsOf } from "./metrics.ts";
import { freeName } from "./server.ts";
import type { Stats } from "./types.ts";

/** The numbers can't be served: one sentence. */
export class MetricsError extends Error {
  override name = "MetricsError";
}

/** Serving. */
export interface MetricsServer {
  /** Where: "127.0.0.1:9725", or the socket's name. */
  readonly address: string;
  close(): Promise<void>;
}

/** Whoever serves and his group: a scraper may be of that. */
const SOCKET_MASK = 0o117;
/** How long an answer that is under way may take at the end. */
const FAREWELL_MS = 500;

const HERE = /^(127\.|::1$|localhost$)/;
const OPEN_METRICS = "application/openmetrics-text";

/** Writes metrics in one of the two formats. */
export type Write = (metrics: readonly Metric[], isOpen: boolean) => Promise<Text>;
export interface Text {
  readonly type: string;
  readonly text: string;
}

/** A metric as prom-client takes it. OpenMetrics has counters without "_total", which it adds itself. */
function asObject({ name, help, type, samples }: Metric, isOpen: boolean) {
  const bare = (text: string) => isOpen && type === "counter" ? text.replace(/_total$/, "") : text;
  const values = samples.map((sample) => ({
    metricName: bare(sample.name),
    labels: sample.labels,
    value: sample.value,
  }));
  return { name: bare(name), help, type, values, aggregator: "sum", collect: () => {} };
}

/** Loads what writes: while root is still there, who may read what others may not. */
export async function loadWriter(): Promise<Write> {
  // A CommonJS package: bundled, its names stand below "default" alone.
  const { Registry } = (await import("prom-client")).default;
  return async (metrics, isOpen) => {
    const registry = new Registry();
    const type = isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
    registry.setContentType(type as never);
    for (const metric of metrics) {
      const told = asObject(metric, isOpen);
      registry.registerMetric({ name: metric.name, get: () => Promise.resolve(told) } as never);
    }
    return { type, text: await registry.metrics() };
  };
}

/** Answers scrapes; any other request is 404. */
function openHandler(stats: () => Promise<Stats>, write: Write) {
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/metrics") return new Response("See /metrics\n", { status: 404 });
    const isOpen = request.headers.get("accept")?.includes(OPEN_METRICS) === true;
    const { type, text } = await write(metricsOf(await stats()), isOpen);
    return new Response(text, { headers: { "content-type": type } });
  };
}

function withMask<T>(mask: number, make: () => T): T {
  const before = Deno.umask(mask);
  try {
    return make();
  } finally {
    Deno.umask(before);
  }
}

/** A client that never ends its question, or never reads, is not waited for. */
async function shutDown(server: Deno.HttpServer, end: AbortController): Promise<void> {
  const timer = setTimeout(() => end.abort(), FAREWELL_MS);
  await Promise.race([server.shutdown(), server.finished]);
  clearTimeout(timer);
}

/**
 * Serves the numbers. `word`: HOST:PORT, or the absolute name of a Unix socket, below `root`.
 * @throws {MetricsError}
 */
export async function openMetrics(
  word: string,
  root: string,
  stats: () => Promise<Stats>,
  write: Write,
): Promise<MetricsServer> {
  const handler = openHandler(stats, write);
  const end = new AbortController();
  const quiet = { onListen: () => {}, signal: end.signal };
  try {
    if (word.startsWith("/")) {
      const path = root + word;
      await freeName(path);
      const server = withMask(SOCKET_MASK, () => Deno.serve({ ...quiet, path }, handler));
      return { address: path, close: () => shutDown(server, end) };
    }
    const { hosts, port } = parseListenAddress(word);
    const hostname = hosts[0] ?? "";
    if (!hosts.every((host) => HERE.test(host))) {
      throw new MetricsError(
        `"${word}" is not of this machine alone: numbers are for 127.0.0.1, [::1] or a Unix socket`,
      );
    }
    const server = Deno.serve({ ...quiet, hostname, port }, handler);
    const { addr } = server;
    return { address: `${addr.hostname}:${addr.port}`, close: () => shutDown(server, end) };
  } catch (error) {
    if (error instanceof MetricsError) throw error;
    if (error instanceof ListenError) throw new MetricsError(error.message);
    const reason = error instanceof Error ? error.message : String(error);
    throw new MetricsError(`Cannot listen on "${word}": ${reason}`);
  }
}
