/**
 * `qfront explain ADDRESS`: every step of the look-up and every check of policy with the file, the line and the outcome, and
 * the answer a stranger would get now. It asks the code that serves, and changes nothing.
 *
 * Exit code 0: accepted; 100: refused; 111: deferred.
 */
import { parseIp } from "../net/ip.ts";
import type { Attempt, AttemptOutcome } from "../replay/types.ts";
import { binaryPath } from "../validate/system.ts";
import { type Command, type ParsedArgs, SITE_OPTIONS, UsageError } from "./command.ts";
import { checkRows, originsOf } from "./explain_checks.ts";
import { type LineFinder, openLines, placeSteps, rcptHostsStep } from "./explain_lines.ts";
import { explanationJson, explanationText } from "./explain_text.ts";
import type { Explanation, PlacedStep } from "./explain_types.ts";
import { askAll, type Asked } from "./explain_views.ts";
import { print } from "./say.ts";

const EXIT_CODES: Readonly<Record<AttemptOutcome, number>> = {
  accepted: 0,
  refused: 100,
  deferred: 111,
};

/** A stranger's: addresses and names for documentation (RFC 5737, RFC 2606). */
const EXAMPLES = {
  ip: "192.0.2.1",
  helo: "mail.example.net",
  from: "someone@example.net",
} as const;

/** Seconds since 1970, or a date as ISO 8601 has it. @throws {UsageError} */
export function parseTime(text: string): number {
  const nowMs = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(nowMs)) return nowMs;
  throw new UsageError(
    `--now takes a date such as 2026-11-20T08:00:00Z, or seconds since 1970, not "${text}"`,
  );
}

/** The attempt that the command line means. @throws {UsageError} */
export function attemptOf(args: ParsedArgs): Attempt & { readonly recipient: string } {
  const [address, ...more] = args.operands;
  if (address === undefined || more.length > 0) {
    throw new UsageError("explain takes one address");
  }
  const recipient = binaryPath(address.replace(/^<(.*)>$/, "$1"));
  const ip = args.value("ip") ?? EXAMPLES.ip;
  if (parseIp(ip) === null) throw new UsageError(`--ip: "${ip}" is no address`);
  const from = args.value("from") ?? EXAMPLES.from;
  const now = args.value("now");
  const login = args.value("login");
  return {
    ip,
    helo: binaryPath(args.value("helo") ?? EXAMPLES.helo),
    sender: binaryPath(from.replace(/^<(.*)>$/, "$1")),
    recipients: [recipient],
    recipient,
    ...(now === undefined ? {} : { whenMs: parseTime(now) }),
    ...(login === undefined ? {} : { login, service: "submission" as const }),
  };
}

const plainStep = (step: string, key: string, found: string): PlacedStep => ({
  step,
  ...{ file: "", key, line: null, found },
});

/** What stands between the address as it was said and the look-up. */
function firstStep({ trial, view }: Asked, attempt: Attempt, lines: LineFinder): PlacedStep {
  const skipped = "so rcpthosts is not asked";
  const { RELAYCLIENT } = view.judgement.env;
  if (attempt.login !== undefined) {
    return plainStep("login", attempt.login, `logged in, ${skipped}`);
  }
  if (RELAYCLIENT !== undefined) {
    return plainStep("relay_client", "RELAYCLIENT", `is "${RELAYCLIENT}", ${skipped}`);
  }
  const { address } = view.result;
  return rcptHostsStep(address, trial.site.current.asked.rcptHosts(address), lines);
}

function stepsOf(asked: Asked, attempt: Attempt, lines: LineFinder): readonly PlacedStep[] {
  const { result } = asked.view;
  const [said = ""] = attempt.recipients;
  return [
    ...(result.address === said ? [] : [plainStep("address", said, `taken as ${result.address}`)]),
    firstStep(asked, attempt, lines),
    ...placeSteps(result.steps ?? [], lines),
  ];
}

/** Puts together what there is to say. */
async function explain(args: ParsedArgs, asked: Asked): Promise<Explanation> {
  const attempt = attemptOf(args);
  const { trial, view, views, instructions } = asked;
  const { current, place } = trial.site;
  const { judgement } = view;
  const lines = openLines(place, current.lookup.control);
  const examples = Object.entries(EXAMPLES).filter(([name]) => args.value(name) === undefined)
    .map(([name, value]) => `--${name} ${value}`);
  return {
    address: attempt.recipient,
    sender: attempt.sender,
    ip: attempt.ip,
    helo: attempt.helo,
    nowMs: attempt.whenMs ?? null,
    examples,
    view,
    views,
    steps: stepsOf(asked, attempt, lines),
    instructions,
    checks: checkRows({
      policy: current.desks(judgement.env).config.policy,
      settings: current.settings,
      judgement,
      origin: await originsOf(place),
      lines,
    }),
  };
}

async function run(args: ParsedArgs): Promise<number> {
  const asked = await askAll(args, attemptOf(args));
  try {
    const explanation = await explain(args, asked);
    if (args.has("json")) print(explanationJson(explanation));
    else {
      const colour = Deno.stdout.isTerminal() && !Deno.noColor;
      print(explanationText(explanation, { colour, verbose: args.has("verbose") }));
    }
    return EXIT_CODES[explanation.view.judgement.outcome];
  } finally {
    await asked.close();
  }
}

export const EXPLAIN: Command = {
  name: "explain",
  about: "why is mail for an address taken, refused or put off?",
  operands: "ADDRESS",
  text: "Every step of the look-up and of policy, and the answer a client would get now.\n" +
    "It changes nothing. As root it asks as serve would run, as that user alone, and\n" +
    "as root. Exit code 0: accepted, 100: refused, 111: deferred.",
  options: [
    { name: "from", value: "SENDER", about: `who sends (${EXAMPLES.from}); "<>" for nobody` },
    { name: "ip", value: "ADDRESS", about: `the client's address (${EXAMPLES.ip})` },
    { name: "helo", value: "NAME", about: `what it calls itself (${EXAMPLES.helo})` },
    { name: "login", value: "NAME", about: "on the submission port, logged in as NAME" },
    { name: "now", value: "TIME", about: "as if it were then: a date, or seconds since 1970" },
    { name: "verbose", about: "a line for every check, those that are off as well" },
    { name: "json", about: "one JSON object" },
    ...SITE_OPTIONS,
  ],
  examples: [
    "qfront explain joe@example.org",
    "qfront explain joe@example.org --from boss@bank.example --ip 203.0.113.7",
  ],
  run,
};
