import { assert, assertEquals, assertThrows } from "@std/assert";
import { AuthConfigError, type AuthSettings, openAuthenticator } from "../../../auth/mod.ts";
import { makeCdb } from "../../../cdb/mod.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { NO_TRACE } from "../../../trace/tracer.ts";

function open(auth_source: string, qmailDir = "/nonexistent") {
  const settings: AuthSettings = { ...defaultSettings(), auth_source };
  return openAuthenticator({ settings, qmailDir, tracer: NO_TRACE, env: {} });
}

Deno.test("openAuthenticator: poppasswd is the default, and has secrets", async () => {
  assertEquals(defaultSettings().auth_source, "poppasswd");
  const directory = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${directory}/users`);
    Deno.writeFileSync(`${directory}/users/poppasswd.cdb`, makeCdb([["joe", "{PLAIN}right"]]));
    const service = open("poppasswd", directory);
    assertEquals(service.source, "poppasswd");
    assertEquals((await service.checkPassword("joe", "right")).kind, "ok");
    assert(service.secrets !== null);
    assertEquals(service.secrets.forms(), { clear: true, scram: false });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("openAuthenticator: checkpassword COMMAND runs it, with its arguments", async () => {
  const service = open(`checkpassword /bin/sh -c 'cat <&3 >/dev/null; exit 1'`);
  assertEquals([service.source, service.secrets], ["checkpassword", null]);
  assertEquals(await service.checkPassword("joe", "x"), { kind: "refused" });
});

Deno.test("openAuthenticator: cvm ADDRESS asks it", async () => {
  const service = open("CVM cvm-local:/nonexistent/cvm");
  assertEquals([service.source, service.secrets], ["cvm", null]);
  assertEquals((await service.checkPassword("joe", "x")).kind, "undecided");
});

Deno.test("openAuthenticator: says what it does not understand", () => {
  for (
    const text of [
      "",
      "pam",
      "poppasswd users",
      "checkpassword",
      "checkpassword 'x",
      "cvm",
      "cvm /a",
    ]
  ) {
    assertThrows(() => open(text), AuthConfigError, "auth_source", text);
  }
});
