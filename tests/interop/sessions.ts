/**
 * Whole sessions with programs of others: checkpw behind `qfront pop3`, a CVM module behind SMTP AUTH, mailfront on the same
 * module, swaks as a client. Run by run.ts, which puts the programs into PATH; what is missing there is skipped aloud.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeSite, removeSite, runQfront, startFront } from "../e2e/front.ts";
import { hasProgram, runProgram, setSettings, storeClearSecret } from "../e2e/tls_kit.ts";

function inPath(name: string): boolean {
  const found = (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${name}`).isFile;
    } catch {
      return false;
    }
  });
  if (!found) console.log(`skipped: no ${name} in PATH`);
  return found;
}

const isRoot = Deno.uid() === 0;
const hasModule = inPath("cvm-pwfile");
const hasMailfront = inPath("mailfront");
const hasCheckpw = inPath("checkpw");
const hasSwaks = inPath("swaks") && hasProgram("perl", "-v");

async function withSite(work: (root: string) => Promise<void>): Promise<void> {
  const root = await makeSite();
  try {
    await work(root);
  } finally {
    await removeSite(root);
  }
}

/** A CVM module at work on a file in which joe's password is "secret". */
async function withModule(root: string, work: (address: string) => Promise<void>): Promise<void> {
  const passwords = `${root}/pw`;
  Deno.writeTextFileSync(passwords, "joe:secret:65533:65532:Joe:/home/joe:/bin/sh\n");
  const address = `cvm-local:${root}/socket`;
  const child = new Deno.Command("cvm-pwfile", {
    args: [address],
    env: { CVM_PWFILE_PATH: passwords },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read(); // "Starting.": it listens.
  try {
    await work(address);
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await reader.cancel();
  }
}

const PLAIN = (password: string) => `AUTH PLAIN ${btoa(`\0joe\0${password}`)}`;

Deno.test({
  name: "qfront pop3 with checkpw: the password file of a system user opens his maildrop",
  ignore: !hasCheckpw || !isRoot,
  fn: () =>
    withSite(async (root) => {
      const maildir = `${root}/maildrop`;
      const id = Number(/^daemon:[^:]*:(\d+):/m.exec(Deno.readTextFileSync("/etc/passwd"))?.[1]);
      const owned = [maildir, ...["tmp", "new", "cur"].map((part) => `${maildir}/${part}`)];
      for (const path of owned) Deno.mkdirSync(path);
      Deno.writeTextFileSync(`${maildir}/.password`, "secret\n", { mode: 0o600 });
      Deno.writeTextFileSync(`${maildir}/new/1.a.host`, "Subject: one\n\nbody\n", { mode: 0o600 });
      for (const path of [...owned, `${maildir}/.password`, `${maildir}/new/1.a.host`]) {
        Deno.chownSync(path, id, id);
      }
      const args = ["pop3", "--qmail-dir", `${root}/var/qmail`];
      const settings = ["auth_source=checkpassword checkpw", "auth_delay_seconds=0"];
      for (const setting of [...settings, `trace_file=${root}/trace`]) args.push("--set", setting);
      const { code, stdout, stderr } = await runQfront(
        args,
        "USER daemon\r\nPASS wrong\r\nUSER daemon\r\nPASS secret\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n",
        { MAILDIR: maildir },
      );
      assertEquals([code, stderr], [0, ""]);
      assertStringIncludes(stdout, "\r\n-ERR [AUTH] authorization failed\r\n");
      assertStringIncludes(stdout, "\r\nSubject: one\r\n\r\nbody\r\n.\r\n+OK\r\n+OK bye\r\n");
      assertEquals([...Deno.readDirSync(`${maildir}/new`)], []);
    }),
});

Deno.test({
  name: "qfront smtp with a CVM module's socket: AUTH PLAIN, and mailfront's answers to the same",
  ignore: !hasModule,
  fn: () =>
    withSite((root) =>
      withModule(root, async (address) => {
        const dialogue = ["EHLO c", PLAIN("wrong"), PLAIN("secret"), "QUIT", ""].join("\r\n");
        const args = ["smtp", "--root", root, "--set", `auth_source=cvm ${address}`];
        for (const setting of ["smtp_auth=always", "auth_delay_seconds=0"]) {
          args.push("--set", setting);
        }
        const { stdout } = await runQfront(args, dialogue, { TCPLOCALPORT: "587" });
        const codes = (said: string) => said.match(/^\d{3}(?= )/gm);
        assertEquals(codes(stdout), ["220", "250", "535", "235", "221"], stdout);
        if (!hasMailfront) return;
        Deno.env.set("CVM_SASL_PLAIN", address);
        Deno.env.set("PROTO", "TCP");
        Deno.env.set("TCPREMOTEIP", "127.0.0.1");
        const theirs = await runProgram(
          "mailfront",
          ["smtp", "echo", "cvm-authenticate"],
          dialogue,
        );
        for (const name of ["CVM_SASL_PLAIN", "PROTO", "TCPREMOTEIP"]) Deno.env.delete(name);
        // mailfront answers a wrong password with 501, RFC 4954 wants 535.
        assertEquals(codes(theirs), ["220", "250", "501", "235", "221"], theirs);
      })
    ),
});

Deno.test({
  name: "qfront serve with a CVM module: swaks logs in with PLAIN and LOGIN, and sends",
  ignore: !hasModule || !hasSwaks,
  fn: () =>
    withSite((root) =>
      withModule(root, async (address) => {
        Deno.chmodSync(`${root}/socket`, 0o777);
        setSettings(root, { auth_source: `cvm ${address}`, smtp_auth: "always" });
        await sendAll(root, ["PLAIN", "LOGIN"], "joe", "secret");
      })
    ),
});

Deno.test({
  name: "qfront serve with users/poppasswd: swaks logs in with CRAM-MD5",
  ignore: !hasSwaks,
  fn: () =>
    withSite(async (root) => {
      await storeClearSecret(root);
      setSettings(root, { smtp_auth: "always" });
      await sendAll(root, ["PLAIN", "CRAM-MD5"], "joe@example.org", "sesame");
    }),
});

/** One mail with each mechanism; swaks' transcript has to end in a 250. */
async function sendAll(
  root: string,
  mechanisms: readonly string[],
  login: string,
  password: string,
): Promise<void> {
  setSettings(root, { auth_delay_seconds: "0" });
  const front = await startFront(root, ["--submission", "127.0.0.1:0"]);
  try {
    for (const mechanism of mechanisms) {
      const base = ["--server", `127.0.0.1:${front.port("submission")}`, "--to", "joe@example.org"];
      const from = ["--from", "joe@example.org", "--auth", mechanism, "--auth-user", login];
      const said = await runProgram("swaks", [...base, ...from, "--auth-password", password]);
      if (/requires?.*not available|missing/i.test(said) && !said.includes("EHLO")) {
        console.log(`skipped: swaks can't do ${mechanism} here: ${said.trim()}`);
        continue;
      }
      assertMatch(said, /<-\s+235 /, said);
      assert(/<-\s+250 [^\n]*\n ->? QUIT/.test(said), said);
      const wrong = await runProgram("swaks", [...base, ...from, "--auth-password", "wrong"]);
      assertMatch(wrong, /<\*\*\s+535 /, wrong);
    }
  } finally {
    const ended = await front.stop();
    assertEquals(ended, { code: 0, stderr: "" });
  }
}
