/** A real service with a delivery journal: what was accepted is there after a kill and a new start, and once. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { JournalFile } from "../../queue/journal_file.ts";
import type { Entry } from "../../queue/journal_format.ts";
import { journalIn, pretendOtherBoot } from "../soak/journal.ts";
import { JOE, makeClosedSite, NOBODY } from "./closed_site.ts";
import { type Front, makeSite, removeSite, runQfront, startFront } from "./front.ts";

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("journal_test: its tests of the keeper are skipped, they need root");

const WITH_JOURNAL = ["--set", "maildir_journal=journal"];
const MESSAGES = 8;
/** Starts until one is killed before its Maildirs are synced, which they are a second after the first message. */
const ATTEMPTS = 10;

/** A way to run the service. */
interface Setup {
  readonly name: string;
  readonly ignore: boolean;
  /** Owner of what is delivered to joe. */
  readonly uid: number | null;
  readonly args: readonly string[];
  make(): Promise<string>;
}

/** A site that root keeps to itself, if this is root: nobody else is needed to serve it. */
async function makeOwnSite(): Promise<string> {
  const root = await makeSite();
  Deno.chmodSync(root.slice(0, -"/site".length), 0o700);
  return root;
}

const ALONE: Setup = {
  name: "one process",
  ignore: false,
  uid: null,
  args: [...WITH_JOURNAL, "--set", "workers=1"],
  make: makeOwnSite,
};

const SETUPS: readonly Setup[] = [
  ALONE,
  { ...ALONE, name: "two workers", args: [...WITH_JOURNAL, "--set", "workers=2"] },
  {
    name: "with a keeper",
    ignore: !isRoot,
    uid: JOE,
    args: [...WITH_JOURNAL, "--set", `run_as=${NOBODY}:${NOBODY}`],
    make: makeClosedSite,
  },
];

const qmailOf = (root: string): string => `${root}/var/qmail`;
const newOf = (root: string): string => `${root}/home/joe/Maildir/new`;

/** Sends one message and hears all that is said. */
async function send(port: number, id: string): Promise<string> {
  const lines = [
    ...["HELO client.example.com", "MAIL FROM:<you@example.com>", "RCPT TO:<joe@example.org>"],
    ...["DATA", `Subject: ${id}\r\n\r\nEnd of ${id}\r\n.`, "QUIT"],
  ];
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const heard = new Response(conn.readable).text();
  await conn.write(new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("")));
  return await heard;
}

/** Several at the same time; each is accepted. */
async function sendAll(port: number, ids: readonly string[]): Promise<void> {
  for (const said of await Promise.all(ids.map((id) => send(port, id)))) {
    assertMatch(said, /\r\n354 [^\r]+\r\n250 /);
  }
}

/** Children of a process. */
function childrenOf(pid: number): number[] {
  const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  return tasks.flatMap((task) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${task}/children`).split(" ").flatMap((child) =>
      child.trim() === "" ? [] : [Number(child)]
    )
  );
}

/** The keeper first: it would end in good order when the front is gone. */
async function killAll(front: Front): Promise<void> {
  for (const child of childrenOf(front.pid)) Deno.kill(child, "SIGKILL");
  try {
    front.signal("SIGKILL");
  } catch {
    // Without its keeper it may have ended by itself.
  }
  await front.ended;
}

/** What the journal holds while no service runs. */
function entriesIn(root: string): Entry[] {
  const directory = journalIn(qmailOf(root));
  return [...Deno.readDirSync(directory)].flatMap(({ name }) => {
    if (!/^journal\.\d+$/.test(name)) return [];
    const file = JournalFile.open(`${directory}/${name}`);
    assert(file !== null, `${name} is locked, but nobody can have it`);
    try {
      return [...file.read().entries];
    } finally {
      file.close();
    }
  });
}

const idIn = (text: string): string => /^Subject: (\S+)$/m.exec(text)?.[1] ?? "";

/** Ids of what is in joe's new/, sorted; only of what is whole. */
function delivered(root: string): string[] {
  return [...Deno.readDirSync(newOf(root))].flatMap(({ name }) => {
    const text = Deno.readTextFileSync(`${newOf(root)}/${name}`);
    const id = idIn(text);
    return text.endsWith(`\n\nEnd of ${id}\n`) ? [id] : [`"${name}" is not whole`];
  }).sort();
}

/** The last service has ended: everything is written. */
function heldIn(root: string): string[] {
  const trace = Deno.readTextFileSync(`${root}/var/log/qfront/trace`);
  return trace.match(/journal \[\S+\] held \d+ accepted messages: .*/g) ?? [];
}

/** A site whose service was killed while its journal held something, with what was accepted. */
async function withKilled(
  setup: Setup,
  work: (root: string, ids: string[], entries: readonly Entry[]) => Promise<void>,
): Promise<void> {
  const root = await setup.make();
  try {
    const all: string[] = [];
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const ids = Array.from({ length: MESSAGES }, (_, i) => `message-${attempt}-${i}`);
      all.push(...ids);
      const front = await startFront(root, setup.args);
      try {
        await sendAll(front.smtpPort, ids);
      } finally {
        await killAll(front);
      }
      const entries = entriesIn(root);
      if (entries.length > 0) return await work(root, all.sort(), entries);
    }
    throw new Error(`in ${ATTEMPTS} attempts nothing was in the journal`);
  } finally {
    await removeSite(root);
  }
}

/** Starts the service anew and stops it in good order. */
async function startAndStop(root: string, { args }: Setup): Promise<void> {
  const front = await startFront(root, args);
  const { code } = await front.stop();
  assertEquals(code, 0);
}

const pathOf = ({ maildir, name }: Entry): string => `${maildir}/new/${name}`;

for (const setup of SETUPS) {
  const { name, ignore, uid } = setup;
  Deno.test({
    name:
      `serve with a journal, ${name}: after a kill mail is there once, and what was read stays away`,
    ignore,
    fn: () =>
      withKilled(setup, async (root, ids, entries) => {
        const [read] = entries;
        assert(read !== undefined);
        const id = idIn(new TextDecoder().decode(read.content));
        assert(ids.includes(id));
        Deno.removeSync(pathOf(read));
        await startAndStop(root, setup);
        assertEquals(delivered(root), ids.filter((one) => one !== id));
        const held = heldIn(root);
        const sum = held.reduce((n, line) => n + Number(/held (\d+)/.exec(line)?.[1]), 0);
        assertEquals(sum, entries.length);
        for (const line of held) assertStringIncludes(line, ": 0 delivered now, 0 kept");
        assertEquals(entriesIn(root), []);
        await startAndStop(root, setup);
        assertEquals(heldIn(root), held);
      }),
  });

  Deno.test({
    name: `serve with a journal, ${name}: after a power cut it delivers what the disk did not hold`,
    ignore,
    fn: () =>
      withKilled(setup, async (root, ids, entries) => {
        const [missing, cut] = entries;
        assert(missing !== undefined && cut !== undefined);
        Deno.removeSync(pathOf(missing));
        Deno.truncateSync(pathOf(cut), 10);
        pretendOtherBoot(qmailOf(root));
        await startAndStop(root, setup);
        assertEquals(delivered(root), ids);
        const now = heldIn(root).map((line) => Number(/: (\d+) delivered now/.exec(line)?.[1]));
        assertEquals(now.reduce((a, b) => a + b, 0), 2);
        for (const file of Deno.readDirSync(newOf(root))) {
          const info = Deno.statSync(`${newOf(root)}/${file.name}`);
          assertEquals((info.mode ?? 0) & 0o7777, 0o600);
          if (uid !== null) assertEquals([info.uid, info.gid], [uid, uid]);
        }
      }),
  });

  Deno.test({
    name: `serve with a journal, ${name}: a clean stop leaves it empty`,
    ignore,
    async fn() {
      const root = await setup.make();
      try {
        const front = await startFront(root, setup.args);
        try {
          await sendAll(front.smtpPort, ["one", "two"]);
        } finally {
          await front.stop();
        }
        assertEquals(entriesIn(root), []);
        await startAndStop(root, setup);
        assertEquals([delivered(root), heldIn(root)], [["one", "two"], []]);
      } finally {
        await removeSite(root);
      }
    },
  });
}

/** A site whose journal everybody could write to. */
async function withOpenJournal(
  setup: Setup,
  work: (root: string, directory: string) => Promise<void>,
): Promise<void> {
  const root = await setup.make();
  try {
    const directory = journalIn(qmailOf(root));
    Deno.mkdirSync(directory);
    Deno.chmodSync(directory, 0o777);
    await work(root, directory);
  } finally {
    await removeSite(root);
  }
}

Deno.test("serve with a journal that others can write to says so and delivers without", () =>
  withOpenJournal(ALONE, async (root, directory) => {
    const front = await startFront(root, ALONE.args);
    try {
      await sendAll(front.smtpPort, ["one"]);
    } finally {
      await front.stop();
    }
    const { stderr } = await front.ended;
    assertEquals(stderr.split("\n").filter((line) => line.includes("journal")), [
      `qfront: The delivery journal in "${directory}" can't be used: others can write to it: make it mode 0700`,
    ]);
    assertEquals([delivered(root), [...Deno.readDirSync(directory)]], [["one"], []]);
  }));

Deno.test({
  name: "serve as root does not start with a journal that who serves the network can write to",
  ignore: !isRoot,
  fn: () =>
    withOpenJournal(SETUPS[2] ?? ALONE, async (root, directory) => {
      const { args } = SETUPS[2] ?? ALONE;
      const said = await runQfront(["serve", "--root", root, "--smtp", "127.0.0.1:0", ...args]);
      assertEquals(said.code, 78);
      assertStringIncludes(said.stderr, `"${directory}" can be changed by ${NOBODY}:${NOBODY}`);
    }),
});
