/**
 * `qfront completions bash|zsh|fish`: completions made from the table of commands, so that they know every option that the help
 * knows. A script asks nothing when it completes: names of commands, options and settings stand in it.
 */
import { SETTINGS } from "../settings/mod.ts";
import type { Setting } from "../settings/kinds.ts";
import { type Command, type CommandOption, type ParsedArgs, UsageError } from "./command.ts";
import type { CommandTable } from "./help.ts";
import { print } from "./say.ts";

/** Values that are names of files or directories. */
const isFile = ({ value }: CommandOption): boolean => value === "FILE";
const isDirectory = ({ value }: CommandOption): boolean => value === "DIR";
const isSetting = ({ value }: CommandOption): boolean => value === "KEY=VALUE";

const HELP: CommandOption = { name: "help", about: "this text" };

/** Words in lower case that an operand may be, such as run and record of "run FILE... | record TRACE". */
export const operandWords = (
  operands: string,
): string[] => [...new Set(operands.match(/(?<![\w-])[a-z][a-z-]+(?![\w-])/g) ?? [])];

/** What an operand may be. */
const wordsOf = ({ operands, words = [] }: Command): string[] => [
  ...new Set([...operandWords(operands), ...words]),
];

const optionsOf = (command: Command): readonly CommandOption[] => [...command.options, HELP];

const flagsOf = (command: Command): string[] =>
  optionsOf(command).flatMap(({ name, short }) =>
    short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]
  );

/** Settings as far as --set begins, with the words that a choice takes. */
function settingWords(): string[] {
  return Object.entries<Setting<unknown>>(SETTINGS).flatMap(([name, { words }]) => [
    `${name}=`,
    ...(words ?? []).map((word) => `${name}=${word}`),
  ]);
}

/** A text in single quotes of a POSIX shell. */
const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The options that take a value of one kind, over all commands, as a pattern of case. */
const casesOf = (commands: readonly Command[], is: (option: CommandOption) => boolean): string => {
  const names = commands.flatMap((c) => c.options.filter(is).map(({ name }) => `--${name}`));
  return [...new Set(names)].join("|") || "--none";
};

export function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  const rows = commands.map((command) =>
    `    ${command.name}) words=${single([...flagsOf(command), ...wordsOf(command)].join(" "))} ;;`
  );
  const valued = commands.flatMap((command) =>
    command.options.filter(({ words }) => words !== undefined).map(({ name, words = [] }) =>
      `    "${command.name} --${name}") COMPREPLY=($(compgen -W ${
        single(words.join(" "))
      } -- "$cur")); return ;;`
    )
  );
  const others = casesOf(
    commands,
    (o) => o.value !== undefined && !isFile(o) && !isDirectory(o) && !isSetting(o),
  );
  return `# qfront's completions for bash: qfront completions bash > /etc/bash_completion.d/qfront
_qfront() {
  local cur prev cmd words line
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD-1]}
  cmd=\${COMP_WORDS[1]}
  COMPREPLY=()
  # "=" is a word of its own for readline: --set KEY = VALUE.
  line=\${COMP_LINE:0:COMP_POINT}
  line=\${line##*[[:space:]]}
  case $line in --*) ;; *=*)
    words=$(compgen -W "$_qfront_settings" -- "$line")
    COMPREPLY=(\${words//*=/})
    return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${single(names.join(" "))} -- "$cur"))
    return
  fi
  case "$cmd $prev" in
${valued.join("\n")}
  esac
  case $prev in
    ${casesOf(commands, isFile)}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    ${casesOf(commands, isDirectory)}) COMPREPLY=($(compgen -d -- "$cur")); return ;;
    ${casesOf(commands, isSetting)})
      COMPREPLY=($(compgen -W "$_qfront_settings" -- "$cur"))
      compopt -o nospace 2>/dev/null
      return ;;
    ${others}) return ;;
  esac
  words=
  case $cmd in
${rows.join("\n")}
    help) words=${single(names.join(" "))} ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
_qfront_settings=${single(settingWords().join(" "))}
complete -o default -F _qfront qfront
`;
}

/** A text within brackets or behind a colon of zsh's specifications. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, "\\$&");

function zshOption(option: CommandOption): string[] {
  const { name, short, value, repeat, about } = option;
  const action = value === undefined
    ? ""
    : `:${zshText(value)}:${
      isFile(option)
        ? "_files"
        : isDirectory(option)
        ? "_files -/"
        : isSetting(option)
        ? "->setting"
        : (option.words ?? []).length > 0
        ? `(${option.words?.join(" ")})`
        : ""
    }`;
  const star = repeat === true ? "*" : "";
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((flag) =>
    single(`${star}${flag}[${zshText(about)}]${action}`)
  );
}

export function zshScript(commands: readonly Command[]): string {
  const list = commands.map(({ name, about }) =>
    `    ${single(`${name}:${about.replaceAll(":", "\\:")}`)}`
  );
  const cases = commands.map((command) => {
    const words = command.name === "help" ? commands.map(({ name }) => name) : wordsOf(command);
    const operands = words.length === 0
      ? single("*:file:_files")
      : single(`*:what:(${words.join(" ")})`);
    const options = optionsOf(command).flatMap(zshOption);
    return `    ${command.name})\n      _arguments -s ${
      [...options, operands].join(" \\\n        ")
    } ;;`;
  });
  return `#compdef qfront
# qfront's completions for zsh: qfront completions zsh > /usr/local/share/zsh/site-functions/_qfront
_qfront() {
  local state
  local -a commands settings
  commands=(
${list.join("\n")}
  )
  settings=(${settingWords().map(single).join(" ")})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
  [[ $state == setting ]] && compadd -S '' -a settings
}
_qfront "$@"
`;
}

/** A text in single quotes of fish. */
const fishText = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

export function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const within = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const words = command.name === "help" ? commands.map(({ name }) => name) : wordsOf(command);
    return [
      `complete -c qfront -n __fish_use_subcommand -f -a ${command.name} -d ${
        fishText(command.about)
      }`,
      ...optionsOf(command).map((option) => {
        const short = option.short === undefined ? "" : ` -s ${option.short}`;
        const value = option.value === undefined
          ? ""
          : isFile(option)
          ? " -r -F"
          : isDirectory(option)
          ? " -x -a '(__fish_complete_directories)'"
          : isSetting(option)
          ? " -x -a '$__qfront_settings'"
          : ` -x${option.words === undefined ? "" : ` -a ${fishText(option.words.join(" "))}`}`;
        return `complete -c qfront ${within} -l ${option.name}${short}${value} -d ${
          fishText(option.about)
        }`;
      }),
      ...(words.length === 0
        ? []
        : [`complete -c qfront ${within} -f -a ${fishText(words.join(" "))}`]),
    ];
  });
  return `# qfront's completions for fish: qfront completions fish > ~/.config/fish/completions/qfront.fish
set -g __qfront_settings ${settingWords().map(fishText).join(" ")}
${lines.join("\n")}
`;
}

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The command over `table`, which includes itself. */
export const makeCompletions = (table: CommandTable): Command => ({
  name: "completions",
  about: "completions for a shell",
  operands: "bash | zsh | fish",
  text: "Prints a script that makes the shell complete commands, options and settings.",
  options: [],
  examples: ["qfront completions bash > /etc/bash_completion.d/qfront"],
  async run(args: ParsedArgs): Promise<number> {
    const [shell = "", ...more] = args.operands;
    const make = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (make === undefined || more.length > 0) {
      throw new UsageError(`completions takes one of ${Object.keys(SHELLS).join(", ")}`);
    }
    const commands = await Promise.all(Object.values(table).map((load) => load()));
    print(make(commands).trimEnd());
    return 0;
  },
});
