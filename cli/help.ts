/** `qfront help [COMMAND]`: the list of commands, or the help of one. */
import { type Command, helpText, type ParsedArgs, UsageError } from "./command.ts";

async function overview(table: CommandTable): Promise<string> {
  const commands = await Promise.all(Object.values(table).map((load) => load()));
  const width = Math.max(...commands.map((c) => c.name.length)) + 2;
  return [
    "qfront: SMTP and POP3 in front of qmail, with qmail's own look-up at every RCPT",
    "",
    "usage: qfront COMMAND [OPTION]...",
    "       cat transcript | qfront          one SMTP session on standard input",
    "",
    ...commands.map((c) => `  ${c.name.padEnd(width)}${c.about}`),
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
  options: [],
  examples: ["qfront help serve"],
  async run(args: ParsedArgs): Promise<number> {
    const [name, ...more] = args.operands;
    if (more.length > 0) throw new UsageError("help takes one command");
    if (name === undefined) {
      console.log(await overview(table));
      return 0;
    }
    const load = Object.hasOwn(table, name) ? table[name] : undefined;
    if (load === undefined) throw new UsageError(`There is no command "${name}" (see qfront help)`);
    console.log(helpText(await load()).trimEnd());
    return 0;
  },
});
