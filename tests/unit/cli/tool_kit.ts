/** A site and a terminal made of nothing, for the tests of the tools that keep users/poppasswd. */
import { fromUtf8, toBytes } from "../../../auth/bytes.ts";
import type { FileSteps } from "../../../auth/replace_file.ts";
import type { ToolIo } from "../../../cli/users_site.ts";

export interface Kit {
  readonly directory: string;
  readonly out: string[];
  readonly err: string[];
  /** What is typed at the next prompts. */
  readonly typed: string[];
  readonly io: ToolIo;
  readonly site: readonly string[];
  stdin: string;
  steps: FileSteps | undefined;
  write(text: string): void;
  read(): string;
  cdb(): Uint8Array;
  names(): string[];
}

const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** Runs `work` with a site in a temporary directory. */
export async function withKit(work: (kit: Kit) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const users = `${directory}/users`;
  Deno.mkdirSync(users);
  const [out, err, typed]: [string[], string[], string[]] = [[], [], []];
  const kit: Kit = {
    directory,
    out,
    err,
    typed,
    site: ["--qmail-dir", directory],
    stdin: "",
    steps: undefined,
    io: {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      env: {},
      askSecret: () => {
        const next = typed.shift();
        return next === undefined ? null : fromUtf8(next);
      },
      readStdin: () => Promise.resolve(toBytes(kit.stdin)),
      get steps() {
        return kit.steps as FileSteps;
      },
    },
    write: (text) => Deno.writeFileSync(`${users}/poppasswd`, toBytes(text)),
    read: () => latin1(Deno.readFileSync(`${users}/poppasswd`)),
    cdb: () => Deno.readFileSync(`${users}/poppasswd.cdb`),
    names: () => [...Deno.readDirSync(users)].map((e) => e.name).sort(),
  };
  try {
    await work(kit);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Steps of which one fails. */
export function failingSteps(step: keyof FileSteps): FileSteps {
  const steps: FileSteps = {
    write: (file, bytes) => void file.writeSync(bytes),
    sync: (file) => file.syncSync(),
    rename: (from, to) => Deno.renameSync(from, to),
  };
  return {
    ...steps,
    [step]: () => {
      throw new Error(`${step} failed`);
    },
  };
}
