/** The peers on Node.js: Haraka with two processes, and a minimal server on npm's smtp-server. */
import { start } from "../process.ts";
import { DOMAIN, makeMaildir } from "../site.ts";
import { npmObstacle } from "./packages.ts";
import { type Bench, freshFolder, type Server, type Start } from "./types.ts";

const here = (file: string): string => new URL(file, import.meta.url).pathname;

/** What both programs read from the environment. */
const environment = (bench: Bench, data: string, port: number) => ({
  NODE_PATH: `${bench.peers}/npm/node_modules`,
  BENCH_PORT: String(port),
  BENCH_RECIPIENTS: bench.site.recipientsFile,
  BENCH_MAILDIR: `${data}/Maildir`,
});

function startHaraka(bench: Bench, { port }: Start) {
  const data = freshFolder(bench, "haraka");
  makeMaildir(`${data}/Maildir`);
  Deno.mkdirSync(`${data}/plugins`);
  Deno.mkdirSync(`${data}/config`);
  Deno.copyFileSync(here("haraka_maildir.cjs"), `${data}/plugins/bench_maildir.js`);
  const config: Record<string, string> = {
    "smtp.ini": `listen=127.0.0.1:${port}\nnodes=2\n`,
    plugins: "bench_maildir",
    me: `mail.${DOMAIN}`,
    host_list: DOMAIN,
    "log.ini": "[main]\nlevel=crit\nformat=default",
  };
  for (const [name, text] of Object.entries(config)) {
    Deno.writeTextFileSync(`${data}/config/${name}`, text + "\n");
  }
  const haraka = `${bench.peers}/npm/node_modules/Haraka`;
  const limits = Deno.readTextFileSync(`${haraka}/config/connection.ini`);
  const raised = limits.replace(/^bytes=.*/m, "bytes=50000000");
  Deno.writeTextFileSync(`${data}/config/connection.ini`, raised);
  const argv = ["node", `${haraka}/bin/haraka`, "-c", data];
  const env = environment(bench, data, port);
  return start(argv, { cwd: data, env, log: `${bench.dir}/haraka.log` });
}

export const HARAKA_SERVER: Server = {
  name: "haraka",
  kind: "peer",
  about: "Haraka, two processes, recipients from a set, file and directory synced",
  workloads: ["w1", "w1b", "w2", "w3", "w4"],
  obstacle: (bench) => npmObstacle(bench, "Haraka"),
  start: (bench, what) => Promise.resolve(startHaraka(bench, what)),
  maildir: (bench) => `${bench.dir}/run/haraka/Maildir`,
};

export const SMTP_SERVER_SERVER: Server = {
  name: "smtp-server",
  kind: "peer",
  about: "npm:smtp-server, recipients from a set, file and directory synced",
  workloads: ["w1", "w1b", "w2", "w3", "w4", "w6"],
  // Its banner comes 100 ms late: with few clients and short sessions it would mostly be waiting.
  load: (workload) => (workload === "w1" || workload === "w2" ? ["-c", "512"] : []),
  obstacle: (bench) => npmObstacle(bench, "smtp-server"),
  start(bench, { port }) {
    const data = freshFolder(bench, "smtp-server");
    makeMaildir(`${data}/Maildir`);
    const env = environment(bench, data, port);
    const argv = ["node", here("smtp_server.cjs")];
    return Promise.resolve(start(argv, { env, log: `${bench.dir}/smtp-server.log` }));
  },
  maildir: (bench) => `${bench.dir}/run/smtp-server/Maildir`,
};
