/** A service makes a trace; replay, shadow and promote read it, and the service takes what promote writes. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ReplayReport, ShadowReport } from "../../replay/mod.ts";
import { type Front, makeSite, removeSite, runQfront, startFront } from "./front.ts";

/** Talks as a client of `ip`, by the PROXY protocol; everything that was said until the server closed. */
async function talkAs(front: Front, ip: string, lines: readonly string[]): Promise<string> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: front.smtpPort });
  const header = `PROXY TCP4 ${ip} 127.0.0.1 4321 25`;
  const text = [header, ...lines].map((line) => `${line}\r\n`).join("");
  await conn.write(new TextEncoder().encode(text));
  return await new Response(conn.readable).text().catch(() => "");
}

const send = (front: Front, ip: string, helo: string, sender: string, user: string) =>
  talkAs(front, ip, [
    `EHLO ${helo}`,
    `MAIL FROM:<${sender}>`,
    `RCPT TO:<${user}@example.org>`,
    ...["DATA", "Subject: x", "", "y", ".", "QUIT"],
  ]);

async function served(
  args: readonly string[],
  work: (front: Front, root: string) => Promise<void>,
): Promise<void> {
  const root = await makeSite();
  Deno.writeTextFileSync(`${root}/var/qmail/control/badmailfrom`, "");
  const front = await startFront(root, ["--set", "proxy_from=127.0.0.1", ...args]);
  try {
    await work(front, root);
  } finally {
    const { code } = await front.stop();
    await removeSite(root);
    assertEquals(code, 0);
  }
}

/** Waits until the service has written so many ends of sessions. */
async function traced(front: Front, sessions: number): Promise<void> {
  while ((front.trace().match(/end=/g) ?? []).length < sessions) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("replay: a served trace under changed settings says counts and names", async () => {
  await served([], async (front, root) => {
    await send(front, "198.51.100.1", "mx.good.example", "a@good.example", "joe");
    await send(front, "198.51.100.2", "nodots", "b@dull.example", "joe");
    await send(front, "198.51.100.2", "nodots", "b@dull.example", "jane");
    await send(front, "198.51.100.3", "mx.bad.example", "c@bad.example", "nobody");
    await traced(front, 4);
    const trace = `${root}/var/log/qfront/trace`;
    const replay = async (...more: string[]): Promise<ReplayReport> => {
      const args = ["replay", "--json", "--root", root, ...more, trace];
      const { code, stdout, stderr } = await runQfront(args);
      assertEquals([code, stderr], [0, ""]);
      return JSON.parse(stdout);
    };
    const same = await replay();
    assertEquals(same.before, { accepted: 3, refused: 1, deferred: 0 });
    assertEquals([same.now, same.not_judged.count], [same.before, 0]);
    const strict = await replay("--set", "helo=on", "--set", "helo_full_name=on");
    assertEquals(strict.now, { accepted: 1, refused: 3, deferred: 0 });
    const names = strict.moves.accepted_refused.rows.map((row) => row.recipient).sort();
    assertEquals(names, ["jane@example.org", "joe@example.org"]);
    Deno.writeTextFileSync(`${root}/home/joe/.qmail-none`, "");
    Deno.writeTextFileSync(`${root}/var/qmail/control/badmailfrom`, "@good.example\n");
    const text = await runQfront(["replay", "--root", root, trace]);
    assertMatch(text.stdout, /1 accepted then, refused now/);
    assertStringIncludes(text.stdout, "<joe@example.org> from <a@good.example>, 198.51.100.1");
  });
});

Deno.test("shadow and promote: what a service traced in shadow is read, and what is written holds at once", async () => {
  await served([], async (front, root) => {
    const cfg = `${root}/var/qmail/control/trace.cfg`;
    const demoted = await runQfront(["demote", "helo", "--root", root]);
    assertEquals([demoted.code, demoted.stderr], [0, ""]);
    Deno.writeTextFileSync(cfg, `${Deno.readTextFileSync(cfg)}helo_full_name: on\n`);
    const before = Deno.readTextFileSync(cfg);
    const dull = () => send(front, "198.51.100.2", "nodots", "b@dull.example", "joe");
    let sessions = 0;
    while (!front.trace().includes("shadow, would be")) {
      assertMatch(await dull(), /^250 2\.0\.0/m);
      await traced(front, ++sessions);
    }
    const { stdout } = await runQfront(["shadow", "--json", "--root", root]);
    const report: ShadowReport = JSON.parse(stdout);
    const found = report.checks.find(({ check }) => check === "helo");
    assertEquals([found?.setting, found?.verdicts.refuse, found?.accepted], ["shadow", 1, 1]);
    assertEquals(found?.networks, [{ text: "198.51.100.0/24", count: 1 }]);
    const refused = await runQfront(["promote", "helo", "--root", root]);
    assertEquals([refused.code, Deno.readTextFileSync(cfg)], [1, before]);
    assertStringIncludes(refused.stdout, "7 days are wanted");
    const forced = await runQfront(["promote", "helo", "--force", "--root", root]);
    assertEquals([forced.code, forced.stderr], [0, ""]);
    assertEquals(Deno.readTextFileSync(cfg), before.replace("helo: shadow\n", "helo: on\n"));
    while (!/^5\d\d /m.test(await dull())) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});
