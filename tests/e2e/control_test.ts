/** A running service asked, changed and watched over its control socket; bans that hold in every worker. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ControlClient } from "../../ctl/client.ts";
import type { SessionInfo, Stats } from "../../ctl/types.ts";
import { type Front, makeSite, qfrontCommand, removeSite, runQfront, startFront } from "./front.ts";

const SOCKET = "ctl.sock";
const socketOf = (root: string) => `${root}/var/qmail/${SOCKET}`;

interface Controlled {
  readonly front: Front;
  readonly root: string;
  readonly client: ControlClient;
}

async function controlled(args: string[], work: (c: Controlled) => Promise<void>): Promise<void> {
  const root = await makeSite();
  const front = await startFront(root, ["--control", SOCKET, ...args]);
  try {
    const client = await ControlClient.open(socketOf(root));
    if (client === null) throw new Error("Nobody listens on the control socket");
    await work({ front, root, client });
    client.close();
  } finally {
    const { code, stderr } = await front.stop();
    await removeSite(root);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
}

/** Talks as a client of `ip`, by the PROXY protocol; everything that was said until the server closed. */
async function talkAs(front: Front, ip: string, lines: readonly string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: front.smtpPort });
  const header = `PROXY TCP4 ${ip} 127.0.0.1 4321 25`;
  const text = [header, ...lines].map((line) => `${line}\r\n`).join("");
  await conn.write(new TextEncoder().encode(text)).catch(() => {});
  return await new Response(conn.readable).text().catch(() => "");
}

const GUESSES = [
  "EHLO guesser.example",
  "MAIL FROM:<a@guesser.example>",
  ...["anna", "bert", "carl", "dora", "emil"].map((name) => `RCPT TO:<${name}99@example.org>`),
  "QUIT",
];

const BANNING = [
  "--set",
  "proxy_from=127.0.0.1",
  "--set",
  "ban=on",
  "--set",
  "ban_invalid=3",
  "--set",
  "on_invalid_rcpt=reject",
];

/** True when so many sessions of this address, one after the other, are refused for a ban. */
async function isBannedEverywhere(front: Front, ip: string, times = 12): Promise<boolean> {
  for (let i = 0; i < times; i++) {
    if (!(await talkAs(front, ip, ["QUIT"])).startsWith("554 5.7.1")) return false;
  }
  return true;
}

const qfront = (root: string, ...args: string[]) =>
  runQfront([...args, "--root", root, "--set", `control_socket=${SOCKET}`]);

Deno.test("serve: a ban made in one worker holds in the others, and is lifted in all", async () => {
  await controlled(["--set", "workers=2", ...BANNING], async ({ front, root, client }) => {
    await talkAs(front, "192.0.2.9", GUESSES);
    while (!await isBannedEverywhere(front, "192.0.2.50"));
    const stats = await client.ask({ ask: "stats" }) as Stats;
    assertEquals([stats.workers, stats.bans], [2, 1]);
    const shown = await qfront(root, "bans");
    assertMatch(shown.stdout, /^192\.0\.2\.0\/24 .* 1 +policy +It guessed \d invalid recipients$/m);
    const lifted = await qfront(root, "bans", "lift", "192.0.2.9/24");
    assertEquals(lifted, {
      code: 0,
      stdout: "192.0.2.0/24 is not banned any more\n",
      stderr: "",
    });
    while (!(await talkAs(front, "192.0.2.50", ["QUIT"])).startsWith("220 "));
    await qfront(root, "bans", "add", "198.51.100.7", "--for", "1h", "--reason", "known to us");
    while (!await isBannedEverywhere(front, "198.51.100.7"));
    assertMatch(await talkAs(front, "198.51.100.8", ["QUIT"]), /^220 /);
  });
});

Deno.test("serve: guesses in several workers add up to one ban", async () => {
  await controlled(["--set", "workers=2", ...BANNING], async ({ front, client }) => {
    const two = [...GUESSES.slice(0, 4), "QUIT"];
    let sessions = 0;
    for (; (await client.ask({ ask: "bans" }) as unknown[]).length === 0; sessions++) {
      assert(sessions < 20, "A network that guesses twice a session is never banned");
      await talkAs(front, `192.0.2.${sessions + 1}`, two);
    }
  });
});

Deno.test("ctl: sessions are listed with what they do, killed, and counted", async () => {
  await controlled([], async ({ front, root, client }) => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: front.smtpPort });
    const reader = conn.readable.pipeThrough(new TextDecoderStream()).getReader();
    const lines = "EHLO a.example\r\nMAIL FROM:<you@example.com>\r\nRCPT TO:<joe@example.org>\r\n";
    await conn.write(new TextEncoder().encode(lines));
    for (let said = ""; !said.includes("2.1.5");) said += (await reader.read()).value ?? "";
    const [session] = await client.ask({ ask: "sessions" }) as SessionInfo[];
    const { ip, service, state, sender, recipients } = session ?? {};
    assertEquals([ip, service, state, sender, recipients], [
      "127.0.0.1",
      "smtp",
      "rcpt",
      "you@example.com",
      1,
    ]);
    const shown = await qfront(root, "ctl", "sessions");
    assertStringIncludes(shown.stdout, "<you@example.com>");
    const killed = await qfront(root, "ctl", "kill", String(session?.id));
    assertEquals([killed.code, killed.stdout], [0, `Session ${session?.id} ends\n`]);
    while (!(await reader.read()).done);
    const again = await qfront(root, "ctl", "kill", String(session?.id));
    assertEquals([again.code, again.stderr], [
      1,
      `qfront: There is no session ${session?.id}\n`,
    ]);
    const stats = await client.ask({ ask: "stats" }) as Stats;
    assertEquals(stats.meter.lookups, { deliverable: 1 });
    assertEquals([stats.meter.replies["250"], stats.open["smtp"]], [3, 0]);
    assertStringIncludes((await qfront(root, "ctl", "stats")).stdout, "deliverable 1");
    assertEquals((await qfront(root, "ctl", "reload")).stdout, "Settings are read again\n");
  });
});

Deno.test("serve: numbers for Prometheus are those of all workers", async () => {
  const args = ["--set", "workers=2", "--set", "metrics_listen=127.0.0.1:0", ...BANNING];
  await controlled(args, async ({ front }) => {
    const { port } = front;
    for (let i = 0; i < 6; i++) {
      await talkAs(front, `192.0.2.${i}`, ["EHLO a.example", "MAIL FROM:<>", "QUIT"]);
    }
    await talkAs(front, "192.0.2.9", GUESSES);
    const scraped = await fetch(`http://127.0.0.1:${port("metrics")}/metrics`);
    const text = await scraped.text();
    for (
      const line of [
        'qfront_sessions_total{service="smtp"} 7',
        'qfront_replies_total{code="221"} 7',
        'qfront_recipients_total{answer="undeliverable"} 5',
        "qfront_bans 1",
        "qfront_workers 2",
      ]
    ) assertStringIncludes(text, `${line}\n`);
  });
});

Deno.test("watch: events of all workers, whatever the level of the trace file", async () => {
  const args = ["--set", "workers=2", "--set", "trace_level=0", ...BANNING];
  await controlled(args, async ({ front, client }) => {
    const events: string[] = [];
    const heard = Promise.withResolvers<void>();
    const watching = (async () => {
      for await (const line of client.watch()) {
        if ("event" in line) events.push(line.event.id);
        if (events.includes("policy.ban.added")) heard.resolve();
      }
    })();
    const asker = await ControlClient.open(socketOf(front.root));
    await asker?.ask({ ask: "stats" });
    asker?.close();
    await talkAs(front, "192.0.2.9", GUESSES);
    await heard.promise;
    assert(events.includes("smtp.rcpt.unknown"), events.join(" "));
    client.close();
    await watching;
  });
});

Deno.test("watch in a pipe: a line for each event, until the service ends", async () => {
  const root = await makeSite();
  const front = await startFront(root, ["--control", SOCKET]);
  const watching = qfront(root, "watch");
  const client = await ControlClient.open(socketOf(root));
  while ((await client?.ask({ ask: "stats" }) as Stats).watchers === 0);
  await talkAs(front, "192.0.2.9", ["QUIT"]);
  client?.close();
  await front.stop();
  const { code, stdout, stderr } = await watching;
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^\d\d:\d\d:\d\d \d+ remoteip: 127\.0\.0\.1$/m);
  await removeSite(root);
});

/** Gives a command a terminal of its own. */
const SCRIPT = "/usr/bin/script";

function hasScript(): boolean {
  try {
    return Deno.statSync(SCRIPT).isFile;
  } catch {
    console.log(`The test of watch in a terminal is skipped: there is no ${SCRIPT}`);
    return false;
  }
}

/** What a terminal shows of watch until `end` ends it. */
async function shownByWatch(
  root: string,
  end: (type: (keys: string) => Promise<void>, pid: number) => Promise<void> | void,
): Promise<string> {
  Deno.writeTextFileSync(`${root}/wrong.cfg`, "bare_lf: maybe\n");
  const wrong = ["--trace-cfg", `${root}/wrong.cfg`];
  const watch = ["watch", "--root", root, "--control", SOCKET, ...wrong];
  const command = `echo "pid $$"; exec ${[...qfrontCommand(), ...watch].join(" ")}`;
  const child = new Deno.Command(SCRIPT, {
    args: ["-qec", command, "/dev/null"],
    cwd: new URL("../../", import.meta.url).pathname,
    stdin: "piped",
    stdout: "piped",
    env: { TERM: "xterm", SHELL: "/bin/sh" },
  }).spawn();
  let shown = "";
  const drawn = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      shown += piece;
      if (shown.includes("bans      0")) drawn.resolve();
    }
    drawn.reject(new Error(shown));
  })();
  await drawn.promise;
  const keys = child.stdin.getWriter();
  await end(
    (typed) => keys.write(new TextEncoder().encode(typed)),
    Number(/pid (\d+)/.exec(shown)?.[1]),
  );
  await reading;
  await keys.close().catch(() => {});
  assertEquals((await child.status).code, 0);
  assertStringIncludes(shown, "\x1b[?1049h\x1b[?25l");
  assertMatch(shown, /sessions {2}0 open \(none\); quiet/);
  assertEquals(shown.split("bare_lf").length, 2, "A wrong setting is told once");
  return shown;
}

Deno.test({
  name: "watch in a terminal: the screen is drawn, and Ctrl-C and signals give the terminal back",
  ignore: !hasScript(),
  fn: async () => {
    await controlled([], async ({ root }) => {
      for (const end of ["\x03", "SIGTERM", "SIGHUP"] as const) {
        const shown = await shownByWatch(
          root,
          (type, pid) => end === "\x03" ? type(end) : Deno.kill(pid, end),
        );
        const tail = JSON.stringify(shown.slice(-80));
        assert(shown.endsWith("\x1b[?25h\x1b[?1049l"), `${end}: ${tail}`);
      }
    });
  },
});

Deno.test("bans: without a service ban_file itself is changed, aloud; a service reads it", async () => {
  const root = await makeSite();
  const file = ["--set", "ban_file=/var/state/bans", "--root", root];
  try {
    Deno.mkdirSync(`${root}/var/state`);
    // Started as root, serve becomes nobody.
    if (Deno.uid() === 0) Deno.chownSync(`${root}/var/state`, 65534, 65534);
    const none = await runQfront(["bans", "--root", root]);
    assertEquals(none.code, 78);
    assertStringIncludes(none.stderr, "ban_file names no file");
    const added = await runQfront(["bans", "add", "192.0.2.0/24", "--for", "2h", ...file]);
    assertEquals([added.code, added.stdout], [0, "192.0.2.0/24 is banned for 2 h\n"]);
    assertStringIncludes(added.stderr, "itself was changed");
    assertStringIncludes((await runQfront(["bans", ...file])).stdout, "192.0.2.0/24");
    const wrong = await runQfront(["bans", "add", "example.org", ...file]);
    assertEquals([wrong.code, wrong.stderr], [
      64,
      'qfront: "example.org" is neither an address nor a network\n',
    ]);
    const front = await startFront(root, [...BANNING, ...file.slice(0, 2)]);
    assertMatch(await talkAs(front, "192.0.2.77", ["QUIT"]), /^554 5\.7\.1 /);
    assertEquals(await front.stop(), { code: 0, stderr: "" });
  } finally {
    await removeSite(root);
  }
});

Deno.test("bans: lines of ban_file that mean nothing are kept aside, not written over", async () => {
  const root = await makeSite();
  try {
    const file = `${root}/bans`;
    Deno.writeTextFileSync(file, "precious rubbish\n");
    const args = ["--root", root, "--set", "ban_file=/bans"];
    const listed = await runQfront(["bans", ...args]);
    assertEquals(listed.code, 0);
    assertEquals(Deno.readTextFileSync(file), "precious rubbish\n");
    const added = await runQfront(["bans", "add", "192.0.2.0/24", ...args]);
    assertEquals(added.code, 0, added.stderr);
    assertStringIncludes(added.stderr, `kept in "${file}.damaged"`);
    assertEquals(Deno.readTextFileSync(`${file}.damaged`), "precious rubbish\n");
    assertStringIncludes(Deno.readTextFileSync(file), "192.0.2.0/24");
  } finally {
    await removeSite(root);
  }
});

Deno.test("ctl: what is wrong is one sentence", async () => {
  const root = await makeSite();
  try {
    const table = [
      [["ctl"], 64, "ctl needs to know what: reload, stats, sessions or kill ID"],
      [["ctl", "kill", "x"], 64, "ctl kill needs the number of a session"],
      [["ctl", "dance"], 64, 'not "dance"'],
      [["bans", "add"], 64, "takes one network, such as 192.0.2.0/24"],
      [["bans", "add", "192.0.2.1", "--for", "soon"], 64, '"soon" is no time such as 30m'],
    ] as const;
    for (const [args, code, sentence] of table) {
      const got = await qfront(root, ...args, "--set", "ban_file=/var/qmail/bans");
      assertEquals(got.code, code, got.stderr);
      assertStringIncludes(got.stderr, sentence);
    }
    const nobody = await qfront(root, "ctl", "stats");
    assertEquals(nobody.code, 78);
    assertStringIncludes(nobody.stderr, `No service answers at "${socketOf(root)}"`);
    const unset = await runQfront(["ctl", "stats", "--root", root]);
    assertStringIncludes(unset.stderr, "Setting control_socket names no socket");
  } finally {
    await removeSite(root);
  }
});
