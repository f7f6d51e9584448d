/** The sample site in a temporary directory, opened for a trial. */
import type { ParsedArgs } from "../../../cli/command.ts";
import { openTrial, type Trial, type TrialOptions } from "../../../cli/trial.ts";
import { type Attempt, type AttemptJudgement, judgeAttempt } from "../../../replay/attempt.ts";
import { makeSampleSite } from "../../../tools/sample_site.ts";

export interface TrialKit {
  readonly root: string;
  readonly trial: Trial;
  /** Judges a stranger's attempt, with what is given in other ways. */
  judge(recipient: string, attempt?: Partial<Attempt>): Promise<AttemptJudgement>;
}

export const STRANGER = {
  ip: "198.51.100.1",
  helo: "mail.friend.example",
  sender: "someone@friend.example",
} as const;

/** Everything the DNS says in these tests. */
export const ZONE = `friend.example MX 10 mail.friend.example
mail.friend.example A 198.51.100.1
9.100.51.198.bl.example A 127.0.0.2
9.100.51.198.bl.example TXT "listed"
2.0.0.127.bl.example A 127.0.0.2
silent.example MX 0 .
slow.example TIMEOUT
`;

/** The command line that opens a site below `root`. */
export function argsOf(root: string, set: readonly string[] = []): ParsedArgs {
  const values: Readonly<Record<string, readonly string[]>> = { root: [root], set };
  return {
    operands: [],
    value: (name) => values[name]?.at(-1),
    values: (name) => values[name] ?? [],
    has: () => false,
  };
}

export interface SiteChange {
  readonly set?: readonly string[];
  /** Files by name below the root. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Runs `work` with a changed copy of the sample site. */
export async function withTrial(
  { set = [], files = {} }: SiteChange,
  work: (kit: TrialKit) => Promise<void>,
  options: TrialOptions = {},
): Promise<void> {
  const temp = Deno.makeTempDirSync();
  const root = `${temp}/site`;
  try {
    await makeSampleSite(root);
    Deno.writeTextFileSync(`${root}/dns.zone`, ZONE);
    for (const [name, text] of Object.entries(files)) {
      const path = `${root}/${name}`;
      Deno.mkdirSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(path, text);
    }
    const all = ["queue=maildir", `dns_file=${root}/dns.zone`, ...set];
    const trial = await openTrial(argsOf(root, all), options);
    try {
      await work({
        root,
        trial,
        judge: (recipient, attempt = {}) =>
          judgeAttempt(trial, { ...STRANGER, ...attempt, recipients: [recipient] }),
      });
    } finally {
      await trial.close();
    }
  } finally {
    Deno.removeSync(temp, { recursive: true });
  }
}

/** Every name below `path` with what a change would change; reading may change atime, which is left out. */
export function picture(path: string): string[] {
  const info = Deno.lstatSync(path);
  const { ino, mode, uid, gid, size } = info;
  const times = [info.mtime?.getTime(), info.ctime?.getTime()];
  const own = [path, ino, mode, uid, gid, size, ...times].join(" ");
  if (!info.isDirectory) return [own];
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return [own, ...names.flatMap((name) => picture(`${path}/${name}`))];
}
