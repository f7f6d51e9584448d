/**
 * `task interop`: qfront beside real programs - checkpw, CVM modules, mailfront, tcpserver, swaks, openssl, curl, fail2ban,
 * spamd, rbldnsd, nsd, python3-dkim. Takes them from Debian packages that are unpacked in a temporary folder; what can't be had is skipped aloud.
 *
 * No part of `task test`, which needs no network. Ends with one line, "N passed, N failed, N skipped".
 */
import { runTests } from "../../tools/run_tests.ts";
import { unpack, useFrom } from "./packages.ts";

const FILES = [
  "tests/unit/auth/interop_test.ts",
  "tests/interop/sessions.ts",
  "tests/interop/report_page.ts",
  "tests/interop/fail2ban.ts",
  "tests/interop/spamd.ts",
  "tests/interop/dkim.ts",
  "tests/interop/dnsbl.ts",
  "tests/interop/sender_dns.ts",
  "tests/e2e/pop3_chain_test.ts",
  "tests/e2e/pop3_curl_test.ts",
  "tests/e2e/tls_clients_test.ts",
];

if (import.meta.main) {
  const directory = Deno.makeTempDirSync({ prefix: "qfront-interop-" });
  // apt's own user, and the users that checkpw becomes, have to come in.
  Deno.chmodSync(directory, 0o755);
  try {
    const { root, got, missing } = await unpack(directory);
    useFrom(root);
    const args = ["-A", "--no-check", "--lock=deno.lock", "--frozen", ...FILES];
    const count = await runTests(args, FILES);
    console.log(`packages: ${[...got, ...missing.map((name) => `${name} (missing)`)].join(" ")}`);
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    Deno.exitCode = count.failed === 0 ? 0 : 1;
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}
