import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { attempts } from "../../../report/mod.ts";
import { makeSite, removeSite, runQfront, startFront } from "../../e2e/front.ts";

/** Says `lines` to the service and waits until it has closed. */
async function say(port: number, lines: readonly string[]): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const said = new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join(""));
  const reading = new Response(conn.readable).text();
  for (let at = 0; at < said.length;) at += await conn.write(said.subarray(at));
  return await reading.catch(() => "");
}

const from = ["EHLO client.example.com", "MAIL FROM:<stranger@far.example>"];

for (const format of ["katr", "json", "logfmt"] as const) {
  Deno.test(`report: what serve traced as ${format} is what happened`, async () => {
    const root = await makeSite();
    try {
      const front = await startFront(root, [
        "--set",
        "trace_level=3",
        "--set",
        `trace_format=${format}`,
        "--set",
        "queue=maildir",
      ]);
      for (const name of ["angela", "admin1", "<b>evil</b>"]) {
        await say(front.smtpPort, [...from, `RCPT TO:<"${name}"@example.org>`, "QUIT"]);
      }
      await say(front.smtpPort, [...from, "RCPT TO:<a@elsewhere.example>", "QUIT"]);
      const mail = [
        ...from,
        "RCPT TO:<joe@example.org>",
        "DATA",
        "Subject: x",
        "",
        "y",
        ".",
        "QUIT",
      ];
      const replies = await say(front.smtpPort, mail);
      assertEquals((await front.stop()).code, 0);
      const args = ["report", "--json", "--root", root, `${root}/var/log/qfront/trace`];
      const { code, stdout, stderr } = await runQfront(args);
      assertEquals([code, stderr], [0, ""]);
      const report = JSON.parse(stdout);
      assertEquals(report.read.unknown_lines, 0);
      assertEquals(report.sessions.rows, [{ name: "smtp", count: 5 }]);
      const refused = new Map(
        report.refused_by.rows.map((r: { name: string; count: number }) => [r.name, r.count]),
      );
      assertEquals(refused.get("unknown recipient"), 3, stdout);
      assertEquals(refused.get("relaying denied"), 1, stdout);
      assertEquals(report.guessing.addresses.rows, [{ name: "127.0.0.1", count: 3 }]);
      assertEquals(report.guessing.names.total, 3);
      assert(/^250 .*\r\n221/m.test(replies), replies);
      assertEquals(report.messages.count, 1);
      assertEquals(report.recipients, { accepted: 1, refused: 4, deferred: 0 });
      assertEquals(report.recheck.refused, []);
      const trace = Deno.readTextFileSync(`${root}/var/log/qfront/trace`);
      const tried = await Array.fromAsync(attempts(trace.split("\n")));
      assertEquals(
        tried.map(({ helo, sender }) => [helo, sender]),
        Array(5).fill([
          "client.example.com",
          "stranger@far.example",
        ]),
      );
      const page = `${root}/page.html`;
      await runQfront(["report", "--html", page, `${root}/var/log/qfront/trace`]);
      assertStringIncludes(Deno.readTextFileSync(page), "&lt;b&gt;evil");
    } finally {
      await removeSite(root);
    }
  });
}
