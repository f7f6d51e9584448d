/**
 * The manual page qfront(1) in roff (man macros), made from the help texts: what `COMMAND --help` says is all that it says.
 *
 * Written for groff and mandoc alike: .TH, .SH, .SS, .TP, .nf and nothing beyond.
 */
import type { Command, CommandOption } from "./command.ts";

/** Text as roff takes it: no escapes, no line that begins like a request, hyphens that can be copied. */
export const roff = (text: string): string =>
  text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/gm, "\\&");

const HELP: CommandOption = { name: "help", about: "the same as this page says of it" };

function optionLines({ name, short, value, repeat, about }: CommandOption): string[] {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  const head = short === undefined ? long : `-${short}, ${long}`;
  return [".TP", `.B ${roff(head)}`, roff(about + (repeat === true ? " (repeatable)" : "")) + "."];
}

const literal = (lines: readonly string[]): string[] => [".nf", ...lines.map(roff), ".fi"];

function commandLines(command: Command): string[] {
  const { name, about, operands, text, options, examples } = command;
  const usage = `qfront ${name} [OPTION]...${operands === "" ? "" : ` ${operands}`}`;
  return [
    `.SS ${roff(name)}`,
    `.B ${roff(usage)}`,
    ".PP",
    roff(`${about.charAt(0).toUpperCase()}${about.slice(1)}${/[.?]$/.test(about) ? "" : "."}`),
    ".PP",
    // Tables and lists of a help text keep their lines.
    ...literal(text.trim().split("\n")),
    ...[...options, HELP].flatMap(optionLines),
    ...(examples.length === 0
      ? []
      : [".PP", "Example:", ".PP", ...literal(examples.map((e) => `    ${e}`))]),
  ];
}

const EXIT = [
  ["0", "done; doctor: notes at most; lookup: all deliverable; explain: accepted"],
  [
    "1, 2, 3",
    "refused by what was asked; diff: something differs; transcript: a difference, a file that " +
    "can't be played; doctor: a warning, an error, something fatal",
  ],
  ["64", "a wrong argument"],
  ["70", "a fault of qfront's"],
  ["74", "standard input or output failed"],
  ["78", "a site that can't be used"],
  ["100, 111", "lookup: one address is undeliverable, undecided; explain: refused, deferred"],
] as const;

const FILES = [
  ["/var/qmail/control/trace.cfg", "the settings; qfront init writes one with all of them"],
  [
    "/var/qmail/control/",
    "qmail's own control files: me, locals, virtualdomains, rcpthosts and others",
  ],
  ["/var/qmail/users/cdb", "assignments, made by qmail-newu"],
  ["/var/qmail/users/poppasswd.cdb", "logins, made by qfront newpop"],
] as const;

const tagged = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([tag, text]) => [".TP", `.B ${roff(tag)}`, `${roff(text)}.`]);

/** The page. `date`: of the release, such as 2026-11-20; "" for none. */
export function manPage(commands: readonly Command[], version: string, date = ""): string {
  return [
    `.TH QFRONT 1 "${date}" "qfront ${version}" "qfront"`,
    ".SH NAME",
    roff("qfront") +
    " \\- SMTP and POP3 in front of qmail, with qmail's own look\\-up at every RCPT",
    ".SH SYNOPSIS",
    `.B ${roff("qfront COMMAND [OPTION]...")}`,
    ".br",
    `.B ${roff("cat transcript | qfront")}`,
    ".SH DESCRIPTION",
    roff("Without a command, standard input that is no terminal is one SMTP session."),
    ".SH COMMANDS",
    ...commands.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...tagged(EXIT),
    ".SH ENVIRONMENT",
    ...tagged([["QMAILHOME", "qmail's directory, where --qmail-dir does not say another"]]),
    ".SH FILES",
    ...tagged(FILES),
    ".SH SEE ALSO",
    ".BR qmail (7),",
    ".BR dot\\-qmail (5),",
    ".BR qmail\\-control (5),",
    ".BR qmail\\-users (5)",
    "",
  ].join("\n");
}
