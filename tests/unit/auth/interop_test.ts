/**
 * Programs of others: cvm-pwfile and cvm-checkpassword of Debian's cvm, checkpw. Skipped aloud
 * where they are not in PATH; checkpw and cvm-checkpassword become the user, so they need root.
 */
import { assert, assertEquals } from "@std/assert";
import { openCheckpassword } from "../../../auth/checkpassword.ts";
import { openCvm } from "../../../auth/cvm.ts";
import { readCvmAddresses } from "../../../auth/cvm_transport.ts";
import { makeGate } from "../../../auth/gate.ts";

function inPath(name: string): string | null {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      if (Deno.statSync(`${directory}/${name}`).isFile) return `${directory}/${name}`;
    } catch {
      // Not here: the next one.
    }
  }
  console.warn(`Tests with ${name} are skipped: it is not in PATH`);
  return null;
}

const pwfile = inPath("cvm-pwfile");
const cvmCheckpassword = inPath("cvm-checkpassword");
const checkpw = inPath("checkpw");
const isRoot = Deno.uid() === 0;

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  Deno.chmodSync(directory, 0o755);
  try {
    await work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function passwords(directory: string): Record<string, string> {
  const path = `${directory}/pw`;
  Deno.writeTextFileSync(path, `joe:secret:65533:65532:Joe:${directory}:/bin/sh\n`);
  return { ...Deno.env.toObject(), CVM_PWFILE_PATH: path };
}

Deno.test({
  name: "openCvm: cvm-pwfile as a program",
  ignore: pwfile === null,
  fn: () =>
    withDirectory(async (directory) => {
      const addresses = readCvmAddresses(`cvm-command:${pwfile}`);
      assert(typeof addresses !== "string");
      const env = passwords(directory);
      const cvm = openCvm({
        addresses,
        secret: null,
        timeoutSeconds: 20,
        gate: makeGate(1, 1, "x"),
        env,
      });
      const answer = await cvm.checkPassword("joe", "secret");
      assert(answer.kind === "ok");
      assertEquals([answer.account.uid, answer.account.gid, answer.account.home], [
        65533,
        65532,
        directory,
      ]);
      assertEquals(await cvm.checkPassword("joe", "wrong"), { kind: "refused" });
      assertEquals(await cvm.checkPassword("nobody", "secret"), { kind: "refused" });
    }),
});

Deno.test({
  name: "openCvm: cvm-pwfile on its socket",
  ignore: pwfile === null,
  fn: () =>
    withDirectory(async (directory) => {
      const env = passwords(directory);
      const address = `cvm-local:${directory}/socket`;
      const child = new Deno.Command(pwfile ?? "", {
        args: [address],
        env,
        stderr: "null",
        stdout: "piped",
      }).spawn();
      // It says "Starting." once it listens.
      const reader = child.stdout.getReader();
      await reader.read();
      const addresses = readCvmAddresses(address);
      assert(typeof addresses !== "string");
      const cvm = openCvm({
        addresses,
        secret: null,
        timeoutSeconds: 20,
        gate: makeGate(1, 1, "x"),
        env,
      });
      assertEquals((await cvm.checkPassword("joe@example.org", "secret")).kind, "ok");
      assertEquals(await cvm.checkPassword("joe", "wrong"), { kind: "refused" });
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
    }),
});

Deno.test({
  name: "openCheckpassword: cvm-checkpassword becomes the user and says so",
  ignore: cvmCheckpassword === null || pwfile === null || !isRoot,
  fn: () =>
    withDirectory(async (directory) => {
      const checker = openCheckpassword({
        command: [cvmCheckpassword ?? "", `cvm-command:${pwfile}`],
        timeoutSeconds: 20,
        atOnce: 1,
        env: passwords(directory),
      });
      const answer = await checker.checkPassword("joe", "secret");
      const place = { user: "joe", uid: 65533, gid: 65532, home: directory, maildir: null };
      assertEquals(answer, { kind: "ok", account: { login: "joe", ...place } });
      assertEquals(await checker.checkPassword("joe", "wrong"), { kind: "refused" });
    }),
});

Deno.test({
  name: "openCheckpassword: checkpw reads a system user's .password",
  ignore: checkpw === null || !isRoot,
  fn: () =>
    withDirectory(async (directory) => {
      const uid = Number(/^daemon:[^:]*:(\d+):/m.exec(Deno.readTextFileSync("/etc/passwd"))?.[1]);
      Deno.writeTextFileSync(`${directory}/.password`, "secret\n", { mode: 0o600 });
      Deno.chownSync(`${directory}/.password`, uid, null);
      const env = { ...Deno.env.toObject(), MAILDIR: directory };
      const checker = openCheckpassword({
        command: [checkpw ?? ""],
        timeoutSeconds: 20,
        atOnce: 1,
        env,
      });
      const answer = await checker.checkPassword("daemon", "secret");
      assert(answer.kind === "ok");
      assertEquals([answer.account.user, answer.account.uid], ["daemon", uid]);
      assertEquals(await checker.checkPassword("daemon", "wrong"), { kind: "refused" });
    }),
});
