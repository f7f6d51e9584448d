/** `qfront help [COMMAND]`: the list of commands, or the help of one; with --man all of it as a manual page. */
import { type Command, helpText, type ParsedArgs, UsageError } from "./command.ts";
import { manPage } from "./man.ts";
import { VERSION } from "./version.ts";

const all = (table: CommandTable): Promise<readonly Command[]> =>
  Promise.all(Object.values(table).map((load) => load()));

async function overview(table: CommandTable): Promise<string> {
  const commands = await all(table);
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
  options: [{ name: "man", about: "everything as a manual page (roff)" }],
  examples: ["qfront help serve", "qfront help --man > /usr/local/share/man/man1/qfront.1"],
  async run(args: ParsedArgs): Promise<number> {
    const [name, ...more] = args.operands;
    if (more.length > 0) throw new UsageError("help takes one command");
    if (args.has("man")) {
      if (name !== undefined) throw new UsageError("help --man is about all commands");
      console.log(manPage(await all(table), VERSION).trimEnd());
      return 0;
    }
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
