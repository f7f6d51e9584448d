/** Reads a filter of config/fail2ban as fail2ban does, as far as ours use it, and looks for addresses in a line. */
import { jsonFormat } from "../../../trace/json.ts";
import { katrFormat } from "../../../trace/katr.ts";
import { withRemoteIp } from "../../../trace/remote_ip.ts";
import type { Fields, TraceEvent } from "../../../trace/tracer.ts";

export { NET_EVENTS, POLICY_EVENTS, POP3_EVENTS } from "../../../trace/events.ts";
export { QMTP_EVENTS, SMTP_EVENTS } from "../../../trace/events.ts";
export type { Fields, TraceEvent };

const FOLDER = new URL("../../../config/fail2ban/filter.d", import.meta.url).pathname;
const AT = new Date(2026, 2, 1, 8, 0, 10).getTime();

/** How a trace is written. */
export type Form = "katr" | "katr with trace_remoteip" | "json";

/** One line of a session with `ip`, without its line end. */
export function writeLine<F extends Fields>(
  form: Form,
  event: TraceEvent<F>,
  fields: F,
  ip: string,
): string {
  if (form === "json") return jsonFormat()(AT, 77, event, fields).trimEnd();
  if (form === "katr") return katrFormat()(AT, 77, event, fields).slice(0, -1);
  const format = withRemoteIp("katr", katrFormat());
  format(AT, 77, { id: "begin", level: 1, fn: "setup", text: () => "" }, { ip });
  return format(AT, 77, event, fields).slice(0, -1);
}

/** The options of [Definition]; continued lines are joined by line ends. */
function readConf(path: string): Map<string, string> {
  const options = new Map<string, string>();
  let name = "";
  for (const line of Deno.readTextFileSync(path).split("\n")) {
    if (line.startsWith("#") || line.startsWith("[") || line.trim() === "") continue;
    const begun = /^([\w-]+) *= *(.*)$/.exec(line);
    if (begun !== null) options.set(name = begun[1] ?? "", begun[2] ?? "");
    else options.set(name, `${options.get(name)}\n${line.trimStart()}`);
  }
  return options;
}

const ADDR = "(?<addr>(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})";

interface Filter {
  readonly date: RegExp;
  readonly before: RegExp;
  readonly fail: readonly RegExp[];
}

function readFilter(name: string, mode: string): Filter {
  const options = readConf(`${FOLDER}/${name}.conf`);
  const value = (key: string): string =>
    (options.get(key) ?? "").replace(/%\((\w+)\)s/g, (_, other: string) => value(other))
      .replace("<mdre-<mode>>", () => value(`mdre-${mode}`));
  const regex = (text: string) =>
    new RegExp(
      text.replace("<ADDR>", ADDR).replace("<F-CONTENT>", "(?<content>")
        .replace("</F-CONTENT>", ")"),
      "s",
    );
  return {
    date: name === "qfront" ? /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/ : /"time":"[\dT:.-]+Z/,
    before: regex(value("prefregex")),
    fail: value("failregex").split("\n").filter((line) => line !== "").map(regex),
  };
}

const FILTERS = new Map<string, Filter>();

/** The addresses that a line has banned; one at the most is what fail2ban takes. */
export function bannedBy(form: Form, mode: "normal" | "aggressive", line: string): string[] {
  const name = form === "json" ? "qfront-json" : "qfront";
  const filter = FILTERS.get(`${name} ${mode}`) ?? readFilter(name, mode);
  FILTERS.set(`${name} ${mode}`, filter);
  const content = filter.before.exec(line.replace(filter.date, ""))?.groups?.["content"];
  if (content === undefined) return [];
  return filter.fail.flatMap((fail) => fail.exec(content)?.groups?.["addr"] ?? []);
}
