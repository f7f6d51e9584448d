import { assertEquals, assertThrows } from "@std/assert";
import { PROXY_SETTINGS } from "../../../settings/proxy.ts";
import { SettingError } from "../../../settings/kinds.ts";

Deno.test("proxy_from, xclient_from: addresses and networks of both kinds", () => {
  const text = "192.0.2.7, 192.0.2.0/24 0.0.0.0/0 ::1 2001:db8::/32 ::ffff:192.0.2.7";
  assertEquals(PROXY_SETTINGS.proxy_from.parse(text).length, 6);
  assertEquals(PROXY_SETTINGS.xclient_from.parse(""), []);
});

Deno.test("proxy_from, xclient_from: a word that is none is an error that names it", () => {
  for (
    const word of ["proxy.example", "192.0.2", "192.0.2.256", "192.0.2.0/33", "::1/129", "all"]
  ) {
    const { message } = assertThrows(
      () => PROXY_SETTINGS.proxy_from.parse(`127.0.0.1 ${word}`),
      SettingError,
    );
    assertEquals(message.startsWith(`"${word}" is neither`), true, message);
  }
});
