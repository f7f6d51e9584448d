/** `qfront help [COMMAND]`: the list of commands, or the help of one; with --man all of it as a manual page. */
import { type Command, helpText, type ParsedArgs, UsageError } from "./command.ts";
import { manPage } from "./man.ts";
import { print } from "./say.ts";
import { VERSION } from "./version.ts";

const all = (table: CommandTable): Promise<readonly Command[]> =>
  Promise.all(Object.values(table).map((load) => load()));

/** What belongs together stands in one row, so that the list fits a screen of 80 by 24. */
const ROWS: readonly (readonly [string, string])[] = [
  ["serve", "SMTP and POP3 for many clients"],
  ["smtp pop3 qmtp qmqp", "one session on standard input (tcpserver, inetd)"],
  ["lookup explain", "what becomes of mail for an address, and why"],
  ["doctor reply init", "what is wrong here; what a reply means; a new site"],
  ["poppasswd newpop", "logins: keep users/poppasswd, make its cdb"],
  ["ctl watch bans", "a running service: ask it, look on; banned networks"],
  ["report", "what logs and the queue say about a period"],
  ["replay diff", "what other settings or control files would change"],
  ["shadow promote demote", "checks that are tried before they count"],
  ["transcript", "play dialogues from files, or make them of a trace"],
  ["completions help", "for a shell; help COMMAND, help --man"],
];

/** The list of commands; those that no row knows get one of their own. */
export async function overview(table: CommandTable): Promise<string> {
  const placed = new Set(ROWS.flatMap(([names]) => names.split(" ")));
  const others = Object.entries(table).filter(([name]) => !placed.has(name));
  const rows = [
    ...ROWS,
    ...await Promise.all(others.map(async ([name, load]) => [name, (await load()).about] as const)),
  ];
  const width = Math.max(...rows.map(([names]) => names.length)) + 2;
  return [
    "qfront: SMTP and POP3 in front of qmail, with qmail's own look-up at every RCPT",
    "",
    "usage: qfront COMMAND [OPTION]...",
    "       cat transcript | qfront   one SMTP session on standard input",
    "",
    ...rows.map(([names, about]) => `  ${names.padEnd(width)}${about}`),
    "",
    "qfront COMMAND --help tells more; qfront --version names the release.",
    "",
    "example:",
    "  qfront serve --smtp 127.0.0.1:2525 --pop3 127.0.0.1:1110",
  ].join("\n");
}

/** Name -> module, in the order in which help lists them. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

/** The help command over `table`, which includes itself. */
export const makeHelp = (table: CommandTable): Command => ({
  name: "help",
  about: "this list, or the help of one command",
  operands: "[COMMAND]",
  text: "Prints the list of commands, or the help of one.",
  options: [{ name: "man", about: "everything as a manual page (roff)" }],
  examples: ["qfront help serve", "qfront help --man > /usr/local/share/man/man1/qfront.1"],
  async run(args: ParsedArgs): Promise<number> {
    const [name, ...more] = args.operands;
    if (more.length > 0) throw new UsageError("help takes one command");
    if (args.has("man")) {
      if (name !== undefined) throw new UsageError("help --man is about all commands");
      print(manPage(await all(table), VERSION).trimEnd());
      return 0;
    }
    if (name === undefined) {
      print(await overview(table));
      return 0;
    }
    const load = Object.hasOwn(table, name) ? table[name] : undefined;
    if (load === undefined) throw new UsageError(`There is no command "${name}" (see qfront help)`);
    print(helpText(await load()).trimEnd());
    return 0;
  },
});
