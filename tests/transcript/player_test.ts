import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseTranscript } from "../../transcript/format.ts";
import { createKeptOutput } from "../../net/kept_output.ts";
import { enginePartner, streamPartner } from "../../transcript/partner.ts";
import { describeDifference } from "../../transcript/describe.ts";
import { playTranscript } from "../../transcript/player.ts";
import type { Engine, Output, Wants } from "../../net/types.ts";

/** Says what it got, line by line: "250 LINE"; "two" gets two lines, "bye" ends, "tls" asks for TLS. */
function createEcho(output: Output): Engine {
  let rest = "";
  let wants: Wants = "input";
  return {
    start: () => output.text("220 echo\r\n"),
    receive(chunk) {
      rest += String.fromCharCode(...chunk);
      for (let end = rest.indexOf("\n"); end >= 0 && wants === "input"; end = rest.indexOf("\n")) {
        const line = rest.slice(0, end).replace(/\r$/, "");
        rest = rest.slice(end + 1);
        if (line === "two") output.text("250-one\r\n");
        if (line === "bare") output.text("250 bare\n");
        else if (line === "half") output.text("250 ha");
        else if (line !== "mute") output.text(`250 ${line}\r\n`);
        if (line === "bye") wants = "close";
        if (line === "tls") wants = "tls";
      }
    },
    end(reason) {
      output.text(`421 ${reason}\r\n`);
    },
    get wants() {
      return wants;
    },
    busy: false,
    idleSeconds: 1,
    sessionSeconds: 1,
  };
}

const play = async (text: string, chunkBytes = 0) =>
  await playTranscript(parseTranscript(text), await enginePartner(createEcho, { chunkBytes }));

Deno.test("playTranscript: what is as expected has no difference, whole and byte by byte", async () => {
  const good = [
    "S: 220 *\nC: a\nC: b\nS: 250 a\nS: 250 b\n",
    "S: 220 *\nC: bye\nC: never seen\nS: 250 bye\nS: <eof>\n",
    "S: 220 *\nC: two\nS: ...\nS: 250 two\n",
    "S: 220 *\nC: a\nC: two\nC: b\nS: ...\nS: 250 b\n",
    "S: 220 *\nC-raw: a\nC-raw: b\\n\nS: 250 ab\n",
    "S: 220 *\nC*3: a\nS*3: 250 a\n",
    "S: 220 *\nC: <eof>\nS: 421 eof\nS: <eof>\n",
    "S: 220 *\nC: <silence>\nS: 421 idle\nS: <eof>\n",
    "S: 220 *\nC: bye\nS: ...\nS: <eof>\n",
  ];
  for (const text of good) {
    assertEquals(await play(text), null, text);
    assertEquals(await play(text, 1), null, text);
  }
});

Deno.test("playTranscript: the first difference, with its line and what was said before", async () => {
  const bad: [string, number, string, string][] = [
    ["S: 220 other\n", 1, "220 other", "220 echo"],
    ["S: 220 *\nC: a\nS: 550 *\n", 3, "550 *", "250 a"],
    ["S: 220 *\nC: mute\nS: 250 *\n", 3, "250 *", "nothing"],
    ["S: 220 *\nC: bye\nS: 250 *\nS: 250 *\n", 4, "250 *", "the end of the session"],
    ["S: 220 *\nC: a\nS: <eof>\n", 3, "the end of the session", "250 a"],
    [
      "S: 220 *\nC: two\nS: 250-*\nC: a\nS: 250 *",
      4,
      "nothing before this line is sent",
      "250 two",
    ],
    ["S: 220 *\nC: two\nS: 250-*\n", 3, "nothing more", "250 two"],
    ["S: 220 *\nC: bare\nS: 250 *\n", 3, "250 *", "a line that ends in LF alone: 250 bare"],
    ["S: 220 *\nC: half\nS: 250 *\n", 3, "250 *", "half a line: 250 ha"],
    ["S: 220 *\nC: two\nS: ...\nS: 251 *\n", 4, "(some lines, then) 251 *", "nothing"],
    ["C: a\n", 1, "nothing before this line is sent", "220 echo"],
  ];
  for (const [text, line, expected, got] of bad) {
    const difference = await play(text);
    assertEquals([difference?.line, difference?.expected, difference?.got], [line, expected, got]);
  }
  const difference = await play("S: 220 *\nC: x\nC: y\nS: 250 x\nS: 250 z\n");
  assertEquals(difference?.before, ["S: 220 echo", "C: x", "C: y", "S: 250 x"]);
});

Deno.test("playTranscript: a session that turns to TLS is said, not hung on", async () => {
  const text = "S: 220 *\nC: tls\nS: 250 *\nC: a\nS: 250 *\n";
  await assertRejects(() => play(text), Error, "TLS");
});

Deno.test("describeDifference: name, line, dialogue, expected, got, nothing that moves a cursor", async () => {
  const difference = await play("S: 220 *\nC: \x1b[2J\nS: 550 *\n");
  const text = difference === null ? "" : describeDifference("guess.txt", difference);
  assertEquals(
    text,
    `guess.txt:3: the server says something else
      S: 220 echo
      C: \\x1b[2J
  expected: 550 *
  got:      250 \\x1b[2J`,
  );
});

Deno.test("streamPartner: plays over a socket", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const conn = await listener.accept();
    const output = createKeptOutput();
    const engine = createEcho(output);
    await engine.start();
    const buffer = new Uint8Array(100);
    for (;;) {
      await conn.write(new TextEncoder().encode(output.take()));
      if (engine.wants === "close") break;
      const n = await conn.read(buffer);
      if (n === null) break;
      await engine.receive(buffer.subarray(0, n));
    }
    conn.close();
  })();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const transcript = parseTranscript(
    "S: 220 *\nC: a\nC: two\nS: ...\nS: 250 two\nC: bye\nS: 250 *\nS: <eof>",
  );
  assertEquals(await playTranscript(transcript, streamPartner(conn)), null);
  await serving;
  listener.close();
});

Deno.test("streamPartner: plays against a program, and a wait has an end", async () => {
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
  const transcript = parseTranscript("C: a\nS: a\nC: b\nS: b\nS: c\n");
  const partner = streamPartner({ readable: child.stdout, writable: child.stdin }, {
    waitMillis: 50,
  });
  const difference = await playTranscript(transcript, partner);
  assertEquals([difference?.line, difference?.got], [5, "nothing"]);
  await child.status;
  const again = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
  const end = parseTranscript("C: a\nC: <eof>\nS: a\nS: <eof>\n");
  assertEquals(
    await playTranscript(end, streamPartner({ readable: again.stdout, writable: again.stdin })),
    null,
  );
  assertStringIncludes(String((await again.status).code), "0");
});
