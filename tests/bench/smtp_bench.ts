/** The hot functions of the SMTP service: `deno bench -A tests/bench/smtp_bench.ts`. */
import { PIECE_BYTES, startMailData, takeData } from "../../smtp/data.ts";
import { parsePath } from "../../smtp/path.ts";
import { createSmtpEngine } from "../../smtp/session.ts";
import { bytesOf } from "../../smtp/text.ts";
import type { Output } from "../../net/types.ts";
import { defaultSettings } from "../../settings/mod.ts";
import { createSmtpConfigReader } from "../../smtp/config.ts";
import { NO_TRACE } from "../../trace/tracer.ts";
import { controlOf, ENV, IPS, lookupOf, NOW, peerOf, queueOf, SITE } from "../unit/smtp/kit.ts";

/** Takes replies as the driver's buffer does: a copy into bytes that are there already. */
class Sink implements Output {
  readonly #bytes = new Uint8Array(65536);
  pending = 0;
  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.pending);
    this.pending += bytes.length;
  }
  text(text: string): void {
    this.bytes(bytesOf(text));
  }
  drain(): Promise<void> {
    return Promise.resolve();
  }
}

const peer = peerOf(ENV);
const known = lookupOf();
const unknown = lookupOf({ known: [] });
const settings = { ...defaultSettings(), max_unknown_recipients: 0 };
const reject = { ...settings, on_invalid_rcpt: "reject" as const };
const configs = createSmtpConfigReader(controlOf(SITE), IPS);
const config = configs.read(settings, ENV);
const deps = { config, lookup: known, queue: queueOf(), tracer: NO_TRACE, clock: () => NOW };
const attack = { ...deps, lookup: unknown };
const harvest = {
  ...attack,
  config: createSmtpConfigReader(controlOf(SITE), IPS).read(reject, ENV),
};

const ATTACK = [
  bytesOf("EHLO client.example\r\n"),
  bytesOf("MAIL FROM:<someone@client.example>\r\n"),
  bytesOf("RCPT TO:<nobody1234@example.com>\r\n"),
];
const HUNDRED = bytesOf(
  "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n" +
    "RCPT TO:<nobody1234@example.com>\r\n".repeat(100),
);

const sink = new Sink();

Deno.bench("session: greeting, EHLO, MAIL, one unknown RCPT", { group: "session" }, () => {
  const engine = createSmtpEngine(attack, peer, sink);
  sink.pending = 0;
  engine.start();
  for (const chunk of ATTACK) engine.receive(chunk);
});

Deno.bench("session: 100 unknown RCPTs in one chunk", { group: "session" }, () => {
  sink.pending = 0;
  const engine = createSmtpEngine(harvest, peer, sink);
  engine.start();
  engine.receive(HUNDRED);
});

Deno.bench("parsePath: plain", { group: "path" }, () => {
  parsePath("TO:<nobody1234@example.com>", config.localLiteral);
});

Deno.bench("parsePath: quoted", { group: "path" }, () => {
  parsePath('TO:<"nobody 1234"@example.com> NOTIFY=NEVER', config.localLiteral);
});

Deno.bench("createSmtpConfigReader: nothing changed", { group: "config" }, () => {
  configs.read(settings, ENV);
});

const out = new Uint8Array(PIECE_BYTES + 8);
const lines = bytesOf(("x".repeat(74) + "\r\n").repeat(862));
const dots = bytesOf(("." + "x".repeat(73) + "\r\n").repeat(862));

function bodyBench(name: string, chunk: Uint8Array, inHeader: boolean): void {
  Deno.bench(`takeData: 64 KiB ${name}`, { group: "data" }, () => {
    const data = startMailData(false);
    data.inHeader = inHeader;
    takeData(data, chunk, 0, out);
  });
}

bodyBench("of body lines", lines, false);
bodyBench("of body lines with a dot in front", dots, false);
bodyBench("of header lines", lines, true);
