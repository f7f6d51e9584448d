import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { authenticityChecks, openContent } from "../../../content/mod.ts";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { NO_COUNTS } from "../../../policy/counts.ts";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";
import { type Setup, SITE, talk } from "./kit.ts";

const resolver = createFileResolver(
  `example.net TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.example.net TXT "v=DMARC1; p=reject"
7.2.0.192.in-addr.arpa PTR mx.example.net
mx.example.net A 192.0.2.7`,
  "zone",
);

const MAIL =
  "Authentication-Results: mail.example.com; spf=pass\r\nFrom: Joe <joe@example.net>\r\n" +
  "Subject: hi\r\n\r\nhello\r\n";

/** What a client on 192.0.2.7 hears and what the queue gets. */
async function send(settings: Partial<Settings>, more: Setup = {}, mail = MAIL) {
  const all: Settings = { ...defaultSettings(), ...settings };
  const content = openContent(all, {
    text: () => null,
    qmailDir: "/",
    programDir: "/",
    root: "",
    host: "mail",
    env: {},
    softReject: false,
    tracer: NO_TRACE,
    counts: NO_COUNTS,
    others: authenticityChecks(all, { resolver, trouble: "defer", random: () => 0 }),
  })?.open({});
  const { said, queue } = await talk(
    "EHLO mx.example.net\r\nMAIL FROM:<joe@example.net>\r\nRCPT TO:<ann@example.com>\r\n" +
      `DATA\r\n${mail}.\r\n`,
    {
      settings,
      control: { ...SITE, spfbehavior: "1\n" },
      desk: { resolver },
      deps: { content },
      ...more,
      env: { TCPREMOTEIP: "192.0.2.7", ...more.env },
    },
  );
  const { taken, environments } = queue;
  const message = taken.find(({ complete }) => complete)?.message ?? null;
  return { said, message, env: environments[0] };
}

Deno.test("spfTold: Received-SPF stands above our Received, SPFRESULT in the environment", async () => {
  const { message, env } = await send({});
  assert(message?.startsWith("Received-SPF: pass (mail.example.com: domain of joe@example.net "));
  assertStringIncludes(message ?? "", 'mechanism="ip4:192.0.2.0/24"\nReceived: from ');
  assertEquals(env?.["SPFRESULT"], "pass");
});

Deno.test("spfTold: relay clients, shadow and behavior 0 tell nothing", async () => {
  const of = async (settings: Partial<Settings>, more: Setup = {}) => {
    const { message, env } = await send(settings, more);
    return `${message?.split(/[: ]/)[0]} ${env?.["SPFRESULT"] ?? "-"}`;
  };
  assertEquals(await of({}, { env: { TCPREMOTEIP: "192.0.2.7", RELAYCLIENT: "" } }), "Received -");
  assertEquals(await of({ spf: "shadow" }), "Received -");
  assertEquals(await of({ spf: "off" }), "Received -");
  assertEquals(await of({}, { control: SITE }), "Received -");
});

Deno.test("authenticityChecks: a session's results stand on top, forged ones are gone", async () => {
  const { message } = await send({ dkim: "on", reverse_dns: "on" });
  const [top = "", rest = ""] = (message ?? "").split("\nReceived-SPF:");
  assertEquals(
    top,
    `Authentication-Results: mail.example.com;
  spf=pass smtp.mailfrom=joe@example.net;
  iprev=pass (mx.example.net) policy.iprev=192.0.2.7;
  dkim=none`,
  );
  assert(rest.endsWith("\nFrom: Joe <joe@example.net>\nSubject: hi\n\nhello\n"), rest);
  assertEquals(rest.includes("Authentication-Results"), false);
});

Deno.test("authenticityChecks: SPF of the session vouches for DMARC; without it mail is refused", async () => {
  const settings = { dmarc: "on", dmarc_action: "reject" } as const;
  const passed = await send(settings);
  assertStringIncludes(passed.message ?? "", "dmarc=pass (p=reject) header.from=example.net");
  const failed = await send(settings, { env: { TCPREMOTEIP: "203.0.113.7" } });
  assertStringIncludes(failed.said, "\r\n550 5.7.26 ");
  assertEquals(failed.message, null);
});
