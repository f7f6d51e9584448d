/**
 * What looking into a message costs, from its first byte to the queue's: kept and written out again,
 * each check, all of them; and as a whole session, which streams with everything off.
 * `deno bench -A tests/bench/content_bench.ts`
 *
 * spamd and the filter are left out: theirs is the time of other programs.
 */
import { binaryOf, bytesOf } from "../../content/binary.ts";
import type { ContentSettings } from "../../content/config.ts";
import { NO_TRACE } from "../../trace/tracer.ts";
import { CLIENT, contentOf, envelopeOf } from "../unit/content/kit.ts";
import { feed, queueOf, rigOf } from "../unit/smtp/kit.ts";

const HEADER = Array.from({ length: 20 }, (_, i) => `X-Field-${i}: some value of field ${i}\n`)
  .join("") + "To: joe@example.org\nSubject: =?utf-8?Q?a_subject?=\n\n";
const LINE = "Some text of a message, as long as lines of messages usually are, and then\n";
const messageOf = (bytes: number): Uint8Array =>
  bytesOf((HEADER + LINE.repeat(Math.ceil(bytes / LINE.length))).slice(0, bytes - 1) + "\n");

const FILES = {
  headerrules: Array.from({ length: 20 }, (_, i) => `refuse Subject: *word${i}*\n`).join("") +
    "refuse @body: *make money fast*\n",
  patterns: Deno.readTextFileSync(new URL("../../config/badmimes", import.meta.url)) +
    "/*prohibited word*\n",
};

const ALL: Partial<ContentSettings> = {
  header_limits: "on",
  header_rules: "on",
  patterns: "on",
  decision_header: true,
};
const SETS: Readonly<Record<string, Partial<ContentSettings>>> = {
  "kept, decision header": { decision_header: true },
  "header limits": { header_limits: "on" },
  "21 header rules": { header_rules: "on" },
  "13 patterns": { patterns: "on" },
  "all of these": ALL,
};

const PIECE = 65_536;
const delivery = () => ({
  write: () => {},
  commit: () => Promise.resolve({ kind: "queued", id: "" } as const),
  abort: () => {},
});
const sessionOf = (settings: Partial<ContentSettings>) =>
  contentOf({ settings, files: FILES, site: { tracer: NO_TRACE } })?.open({});

for (const [size, bytes] of [["4 KiB", 4096], ["64 KiB", 65_000], ["1 MiB", 1 << 20]] as const) {
  const message = messageOf(bytes);
  for (const [name, settings] of Object.entries(SETS)) {
    const session = sessionOf(settings);
    const envelope = envelopeOf();
    Deno.bench({ name: `${name}, ${size}`, group: size }, async () => {
      const examination = session?.begin(CLIENT);
      for (let at = 0; at < message.length; at += PIECE) {
        await examination?.write(message.subarray(at, at + PIECE));
      }
      await examination?.finish({ envelope, open: delivery });
    });
  }
}

const DIALOGUE = "HELO h\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<joe@example.com>\r\nDATA\r\n" +
  binaryOf(messageOf(4096)).replaceAll("\n", "\r\n") + ".\r\nQUIT\r\n";

for (const [name, settings] of Object.entries({ "everything off": {}, ...SETS })) {
  const content = sessionOf(settings);
  const setup = { queue: { ...queueOf(), open: delivery }, deps: { content } };
  const isBaseline = content === undefined;
  Deno.bench(
    { name: `${name}, a session`, group: "SMTP session, 4 KiB", baseline: isBaseline },
    async () => {
      await feed(rigOf(setup).engine, DIALOGUE);
    },
  );
}
