import { assertEquals } from "@std/assert";
import { readPop3Config } from "../../../pop3/config.ts";
import { defaultSettings } from "../../../settings/mod.ts";

Deno.test("readPop3Config: control/me names the host, TCPLOCALHOST where it is missing", () => {
  const settings = defaultSettings();
  const host = (me: string | null, env: Record<string, string>) =>
    readPop3Config(settings, { line: (name) => name === "me" ? me : null }, env).host;
  assertEquals(host("mail.example", { TCPLOCALHOST: "x.example" }), "mail.example");
  assertEquals(host(null, { TCPLOCALHOST: "x.example" }), "x.example");
  assertEquals(host(null, {}), "localhost");
});

Deno.test("readPop3Config: settings arrive where they are used", () => {
  const settings = { ...defaultSettings(), pop3_line_bytes: 512, pop3_extra_line: true };
  const config = readPop3Config(settings, { line: () => null }, {});
  assertEquals([config.lineBytes, config.extraLine, config.maxErrors], [512, true, 20]);
});
