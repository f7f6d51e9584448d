import { assertThrows } from "@std/assert";
import { openLibraries } from "../../../net/openssl_calls.ts";

Deno.test("openLibraries: without OpenSSL 3 it is one sentence that says what to do", () => {
  assertThrows(
    () => openLibraries("libcrypto-not-here.so.3", "libssl-not-here.so.3"),
    Error,
    "Client certificates need OpenSSL 3 (libssl.so.3 and libcrypto.so.3), which cannot be opened: install it or set client_cert=none",
  );
});
