/** What README.md, docs/ and config/ tell people to type: each command with its options, and each setting. */
import { assertEquals } from "@std/assert";
import { parseCommand, UsageError } from "../../../cli/command.ts";
import { COMMANDS } from "../../../cli/main.ts";
import { parseOverrides } from "../../../settings/load.ts";
import { SettingError } from "../../../settings/mod.ts";

/** Loaded here, since what they open stays open. */
const TABLE = new Map(
  await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => [name, await load()] as const),
  ),
);

const TOP = new URL("../../../", import.meta.url).pathname;

function filesBelow(directory: string): string[] {
  return [...Deno.readDirSync(TOP + directory)].flatMap(({ name, isDirectory, isFile }) =>
    isDirectory ? filesBelow(`${directory}/${name}`) : isFile ? [`${directory}/${name}`] : []
  );
}

const FILES = ["README.md", ...filesBelow("docs"), ...filesBelow("config/service")];

/** Words of a command line as a shell takes them, up to a pipe, a redirection or a comment. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, word = ""] of line.matchAll(/((?:'[^']*'|"[^"]*"|[^\s'"])+)/g)) {
    if (/^(\||>|2>|<|&|#|;|\.\.\.$)/.test(word)) break;
    words.push(word.replace(/['"]/g, ""));
  }
  return words;
}

/** Command lines of indented code and of code in a text, behind "qfront". */
function commandsIn(text: string): string[] {
  const flowing = text.replaceAll(/([^\n])\n(?! {4}|\n|[-|#])/g, "$1 ");
  const inText = [...flowing.matchAll(/`qfront ([^`]*)`/g)];
  const inCode = [...text.matchAll(/^ {4,}(?:\S.*[|;] |exec |[$] )?qfront (.*)$/gm)];
  const inFile = [...text.matchAll(/^(?:ExecStart=|exec )?\S*\/qfront (.*)$/gm)];
  return [...inText, ...inCode, ...inFile].map(([, line = ""]) => line);
}

/** Why `line` would not be taken; null: it would. */
function faultOf(line: string): string | null {
  const [name = "", ...args] = wordsOf(line.replace(/ {2,}\S.*$/, ""));
  if (name.startsWith("-") || !/^[a-z0-9]+$/.test(name)) return null;
  const command = TABLE.get(name);
  if (command === undefined) return name === "keeper" ? null : `there is no command "${name}"`;
  try {
    const parsed = parseCommand(command, args);
    const settings = parsed.values("set").filter((word) => word !== "KEY=VALUE");
    parseOverrides(settings);
    return null;
  } catch (error) {
    if (error instanceof UsageError || error instanceof SettingError) return error.message;
    throw error;
  }
}

Deno.test("documentation: each command line in it is one that qfront takes", () => {
  const faults: string[] = [];
  let count = 0;
  for (const file of FILES) {
    for (const line of commandsIn(Deno.readTextFileSync(TOP + file))) {
      count++;
      const fault = faultOf(line);
      if (fault !== null) faults.push(`${file}: qfront ${line}: ${fault}`);
    }
  }
  assertEquals(faults, []);
  assertEquals(count > 100, true, `only ${count} command lines were found`);
});
