/** A session's configuration from settings, control files and environment. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { defaultSettings } from "../../../settings/mod.ts";
import {
  createSmtpConfigReader,
  type Environment,
  ownAddresses,
  readSmtpConfig,
  type SmtpConfig,
} from "../../../smtp/config.ts";
import { ControlError } from "../../../validate/types.ts";
import { controlOf, type ControlTree, IPS, SITE } from "./kit.ts";

const read = (tree: ControlTree, env: Environment = {}, settings = {}): SmtpConfig =>
  readSmtpConfig({ ...defaultSettings(), ...settings }, controlOf(tree), env, IPS);

Deno.test("readSmtpConfig: smtpgreeting, else me; without both a ControlError", () => {
  assertEquals(read({ me: "m.example\n" }).greeting.text, "m.example ESMTP");
  assertEquals(read({ me: "m\n", smtpgreeting: "g hello\n" }).greeting.text, "g hello ESMTP");
  assertThrows(() => read({}), ControlError, "Neither");
});

Deno.test("readSmtpConfig: a control file that can't be read is a ControlError", () => {
  const names = ["me", "smtpgreeting", "localiphost", "databytes", "timeoutsmtpd"];
  for (const name of [...names, "rcpthosts"]) {
    assertThrows(() => read({ ...SITE, [name]: { dir: true } }), ControlError, name);
  }
});

Deno.test("readSmtpConfig: databytes from setting, DATABYTES, control file, in this order", () => {
  const tree = { ...SITE, databytes: "10\n" };
  assertEquals(read(tree).limits.dataBytes, 10);
  assertEquals(read(tree, { DATABYTES: "20x" }).limits.dataBytes, 20);
  assertEquals(read(tree, { DATABYTES: "0" }).limits.dataBytes, 0);
  assertEquals(read(tree, { DATABYTES: "junk" }).limits.dataBytes, 0);
  assertEquals(read(tree, { DATABYTES: "20" }, { databytes: 30 }).limits.dataBytes, 30);
  assertEquals(read({ ...SITE, databytes: " 10\n" }).limits.dataBytes, 0);
});

Deno.test("readSmtpConfig: EHLO announces the size", () => {
  assert(read(SITE).extendedHello.text.includes("; SIZE;"));
  assert(read(SITE, { DATABYTES: "77" }).extendedHello.text.includes("; SIZE 77;"));
});

Deno.test("readSmtpConfig: idle and session times", () => {
  assertEquals([read(SITE).idleSeconds, read(SITE).sessionSeconds], [1200, 86400]);
  assertEquals(read({ ...SITE, timeoutsmtpd: "60\n" }).idleSeconds, 60);
  assertEquals(read({ ...SITE, timeoutsmtpd: "0\n" }).idleSeconds, 1);
  assertEquals(
    read({ ...SITE, timeoutsmtpd: "60\n" }, {}, { smtp_idle_seconds: 5 }).idleSeconds,
    5,
  );
  assertEquals(read(SITE, { SESSION_TIMEOUT: "90" }).sessionSeconds, 90);
  assertEquals(
    read(SITE, { SESSION_TIMEOUT: "90" }, { smtp_session_seconds: 7 }).sessionSeconds,
    7,
  );
});

Deno.test("readSmtpConfig: a greeting can't add a line to a reply", () => {
  const config = read({ me: "a\rb\n" });
  assertEquals(config.greeting.text, "a?b ESMTP");
});

Deno.test("createSmtpConfigReader: the same object as long as nothing changes", () => {
  const tree: Record<string, ControlTree[string]> = { ...SITE };
  const reader = createSmtpConfigReader(controlOf(tree), IPS);
  const settings = defaultSettings();
  const first = reader.read(settings, { TCPREMOTEIP: "1.2.3.4" });
  assert(reader.read(settings, { TCPREMOTEIP: "4.3.2.1" }) === first);
  assertNotEquals(reader.read(settings, { RELAYCLIENT: "" }).relayClient, first.relayClient);
  tree["me"] = "other.example\n";
  assertEquals(reader.read(settings, {}).quit.text, "other.example");
});

Deno.test("createSmtpConfigReader: a changed senderlogins counts where it is asked, and only there", () => {
  let lines = ["joe: a@b.example"];
  const control = {
    ...controlOf(SITE),
    lines: (name: string) => name === "senderlogins" ? lines : null,
  };
  const reader = createSmtpConfigReader(control, IPS);
  const on = { ...defaultSettings(), sender_login_map: true };
  const first = reader.read(on, {});
  lines = ["joe: c@d.example"];
  const second = reader.read(on, {});
  assertNotEquals(second.senderLogins, first.senderLogins);
  assertEquals(reader.read(defaultSettings(), {}).senderLogins, null);
});

Deno.test("createSmtpConfigReader: rules that alternate find their configurations again; old ones are forgotten", () => {
  const reader = createSmtpConfigReader(controlOf(SITE), IPS);
  const settings = defaultSettings();
  const sized = (n: number) => reader.read(settings, { DATABYTES: `${n}` });
  const first = sized(1);
  const eighth = [2, 3, 4, 5, 6, 7, 8].map(sized).at(-1);
  assert(sized(1) === first && sized(8) === eighth);
  sized(9);
  assert(sized(1) !== first);
});

Deno.test("ownAddresses: this machine's IPv4 numbers and 0.0.0.0", () => {
  assert(ownAddresses().has("0.0.0.0"));
  for (const ip of ownAddresses()) assert(/^\d+\.\d+\.\d+\.\d+$/.test(ip));
});
