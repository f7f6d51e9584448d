/** An explanation as a person reads it, and as a program does. */
import type { AttemptReply, Decision } from "../replay/types.ts";
import { readable } from "./doctor_text.ts";
import { sparedWords } from "./explain_checks.ts";
import type {
  CheckRow,
  Explanation,
  MissingView,
  Origin,
  PlacedStep,
  View,
  Whereabouts,
} from "./explain_types.ts";

export interface TextOptions {
  readonly colour: boolean;
  /** Every check, the ones that are off as well. */
  readonly verbose: boolean;
}

/** SGR colours. */
const COLOURS = { bold: "1", good: "32", bad: "31", wait: "33", dim: "2" } as const;
type Colour = keyof typeof COLOURS;
type Paint = (colour: Colour, text: string) => string;

const painter = (isOn: boolean): Paint => (colour, text) =>
  isOn ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;

const OUTCOME: Readonly<Record<Decision["outcome"], Colour>> = {
  accepted: "good",
  refused: "bad",
  deferred: "wait",
};

const placeText = ({ file, line }: Whereabouts): string => line === null ? file : `${file}:${line}`;

const originText = (origin: Origin): string =>
  typeof origin === "string" ? origin : `trace.cfg:${origin.line}`;

/** "553 5.7.1 text" or that nothing is said. */
export function replyText({ reply }: Decision): string {
  if (reply === null) return "no answer, the connection is closed";
  return [reply.code, reply.enhanced, reply.text].filter((part) => part !== "").join(" ");
}

/** The command that a reply is to. */
const verbOf = ({ command }: AttemptReply): string =>
  command === "" ? "the beginning" : command.split(" ")[0] ?? "";

/** Columns of a table, but for the last as wide as their longest cell, up to `most`. */
function table(rows: readonly (readonly string[])[], most = 40): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, Math.min(most, cell.length));
    });
  }
  return rows.map((row) =>
    `  ${row.map((cell, i) => i < row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell).join("  ")}`
      .trimEnd()
  );
}

function heading(e: Explanation, paint: Paint): string[] {
  const { examples } = e;
  const when = e.nowMs === null ? "" : ` at ${new Date(e.nowMs).toISOString()}`;
  const taken = examples.length === 0
    ? []
    : [paint("dim", `  (taken for an example: ${examples.join(", ")})`)];
  return [
    paint("bold", `<${e.address}>`) +
    ` from <${e.sender}>, by ${e.helo || "nobody by name"} [${e.ip}]${when}`,
    ...taken,
  ];
}

function stepLines(steps: readonly PlacedStep[]): string[] {
  return table(steps.map(({ step, file, line, key, found }) => [
    step,
    placeText({ file, line }),
    key === "" ? "" : `"${key}"`,
    found,
  ]));
}

const LOOKUP_COLOURS: Readonly<Record<string, Colour>> = {
  deliverable: "good",
  remote: "good",
  discarded: "wait",
  deferred: "wait",
};

function lookupLines({ steps, view }: Explanation, paint: Paint): string[] {
  const { verdict, reason } = view.result;
  return [
    paint("bold", "Look-up"),
    ...stepLines(steps),
    `  ${paint(LOOKUP_COLOURS[verdict] ?? "bad", verdict)}: ${reason}`,
  ];
}

function deliveryLines({ instructions, view }: Explanation, paint: Paint): string[] {
  const { user, uid, gid, home, verdict } = view.result;
  if (verdict !== "deliverable") return [];
  const title = `${paint("bold", "Delivery")} as ${user} (${uid}:${gid}) in ${home}`;
  if (typeof instructions === "string") return [title, `  ${instructions}`];
  const rows = instructions.map(({ kind, text, where }) => [
    kind,
    text,
    where.replace(/^line (\d+) of (\/.*)$/, "$2:$1"),
  ]);
  return [title, ...(rows.length === 0 ? ["  nothing: the mail is thrown away"] : table(rows))];
}

/** Checks with a line of their own: those that said or saw something. */
const isLoud = ({ outcome, finding }: CheckRow): boolean =>
  outcome === "refuses" || outcome === "defers" || outcome === "accepts" || finding !== "";

function outcomeText(e: Explanation, row: CheckRow): string {
  const { mode, outcome, rule, reason, reply, where, finding } = row;
  const place = where === null ? "" : ` (${placeText(where)})`;
  const shadow = mode === "shadow" ? "would, were it not in shadow: " : "";
  switch (outcome) {
    case "refuses":
    case "defers":
    case "accepts": {
      const said = [reply, `rule ${rule}`].filter((part) => part !== "").join(", ");
      return `${shadow}${outcome}, ${said}${place}: ${reason}`;
    }
    case "spared":
      return sparedWords(e.view.judgement, row);
    case "not asked":
      return "not asked: it was decided before";
    case "with the message":
      return "asked when the message itself is there";
    case "not met":
      return `nothing to go by${place}`;
    case "no opinion":
    case "off":
      return `${outcome}${place}${finding === "" ? "" : `: ${finding}`}`;
  }
}

const CHECK_COLOURS: Readonly<Record<string, Colour>> = {
  refuses: "bad",
  defers: "wait",
  accepts: "good",
};

function checkLines(e: Explanation, { verbose }: TextOptions, paint: Paint): string[] {
  const shown = verbose ? e.checks : e.checks.filter(isLoud);
  const rows = shown.map((row) => {
    const text = outcomeText(e, row);
    const colour = row.mode === "shadow" ? "dim" : CHECK_COLOURS[row.outcome];
    const painted = colour === undefined ? text : paint(colour, text);
    return [row.stage, row.check, row.mode, originText(row.origin), painted];
  });
  return [
    paint("bold", "Checks"),
    ...table(rows),
    ...(verbose ? [] : quietLines(e)),
  ];
}

/** The silent ones by name, with what they went by, a few lines for each kind. */
function quietLines(e: Explanation): string[] {
  const kinds = new Map<string, Set<string>>();
  for (const row of e.checks.filter((one) => !isLoud(one))) {
    const { outcome, check, where, mode } = row;
    const title = outcome === "spared"
      ? sparedWords(e.view.judgement, row)
      : QUIET_TITLES[outcome] ?? outcome;
    const names = kinds.get(title) ?? new Set();
    kinds.set(title, names);
    const place = outcome === "no opinion" && where !== null ? ` (${placeText(where)})` : "";
    names.add(`${check}${mode === "shadow" ? " in shadow" : ""}${place}`);
  }
  return [...kinds].flatMap(([title, names]) => wrapped(`  ${title}: `, [...names]));
}

const QUIET_TITLES: Readonly<Partial<Record<CheckRow["outcome"], string>>> = {
  "not asked": "not asked, it was decided before",
  "not met": "on, and nothing to go by",
  "with the message": "asked with the message",
};

const WIDTH = 96;

function wrapped(title: string, names: readonly string[]): string[] {
  const lines: string[] = [];
  let line = title;
  names.forEach((name, i) => {
    const word = i === names.length - 1 ? name : `${name}, `;
    if (line.length + word.trimEnd().length > WIDTH) {
      lines.push(line.trimEnd());
      line = "    ";
    }
    line += word;
  });
  return [...lines, line];
}

const isView = (view: View | MissingView): view is View => "judgement" in view;

function viewLines({ views }: Explanation, paint: Paint): string[] {
  if (views.length < 2) return [];
  const answers = new Set(views.map((view) => isView(view) ? replyText(view.judgement) : null));
  if (answers.size === 1 && !answers.has(null)) {
    return [`${paint("bold", "Asked as")} ${views.map(({ who }) => who).join(", as ")}: the same`];
  }
  const rows = views.map((view) => {
    if (!isView(view)) return [view.who, paint("bad", "none"), view.trouble];
    const { judgement, result } = view;
    const why = result.verdict === "deferred" ? `: ${result.reason}` : "";
    const answer = paint(OUTCOME[judgement.outcome], replyText(judgement));
    return [view.who, result.verdict, `${answer}${why}`];
  });
  return [paint("bold", "Asked as"), ...table(rows)];
}

function answerLines({ view, ip }: Explanation, paint: Paint): string[] {
  const { judgement } = view;
  const { outcome, rule, reason, reply, shadows, recipients } = judgement;
  const inShadow = shadows.length === 0
    ? []
    : [`  in shadow: ${shadows.map((s) => `${s.reply} by ${s.rule}`).join("; ")}`];
  const pretended = recipients[0]?.isPretended === true
    ? ["  RCPT is answered with 250 all the same, and the mail goes nowhere"]
    : [];
  return [
    paint("bold", "Answer") + ` to ${ip}, as ${view.who}`,
    `  ${paint(OUTCOME[outcome], replyText(judgement))}`,
    `  ${outcome}${reply === null ? "" : ` at ${verbOf(reply)}`} by ${rule}` +
    (reply === null ? "" : `, reply ${reply.id}`) +
    ([reply?.text, view.result.reason, ""].includes(reason) ? "" : `: ${reason}`),
    ...pretended,
    ...inShadow,
  ];
}

/** For people. */
export function explanationText(explanation: Explanation, options: TextOptions): string {
  const paint = painter(options.colour);
  const e = deepReadable(explanation);
  return [
    ...heading(e, paint),
    ...lookupLines(e, paint),
    ...deliveryLines(e, paint),
    ...checkLines(e, options, paint),
    ...viewLines(e, paint),
    ...answerLines(e, paint),
  ].join("\n");
}

/** The same with every text readable: bytes as UTF-8, no control characters. */
function deepReadable<T>(value: T): T {
  if (typeof value === "string") return readable(value) as T & string;
  if (Array.isArray(value)) return value.map(deepReadable) as T & unknown[];
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, deepReadable(inner)]);
  return Object.fromEntries(entries) as T;
}

function viewJson(view: View | MissingView) {
  if (!isView(view)) return { who: view.who, trouble: view.trouble };
  const { who, uid, judgement: { outcome, rule, reply }, result } = view;
  return { who, uid, outcome, rule, reply, lookup: result.verdict, reason: result.reason };
}

/** For programs; docs/explain.md has the keys. */
export function explanationJson(explanation: Explanation): string {
  const e = deepReadable(explanation);
  const { judgement, result } = e.view;
  const { outcome, rule, reason, reply, shadows, replies, env, recipients } = judgement;
  const { steps: _, address: __, ...found } = result;
  return JSON.stringify(
    {
      address: e.address,
      sender: e.sender,
      ip: e.ip,
      helo: e.helo,
      now: e.nowMs === null ? null : new Date(e.nowMs).toISOString(),
      examples: e.examples,
      as: e.view.who,
      ...{ outcome, rule, reason, reply },
      pretended: recipients[0]?.isPretended ?? false,
      shadows,
      dialogue: replies,
      environment: env,
      lookup: { ...found, steps: e.steps },
      delivery: typeof e.instructions === "string"
        ? { trouble: e.instructions, instructions: [] }
        : { trouble: null, instructions: e.instructions },
      checks: e.checks,
      views: e.views.map(viewJson),
    },
    null,
    2,
  );
}
