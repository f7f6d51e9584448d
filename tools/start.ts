/**
 * `task start`: the front on a working copy of the sample site, without root and without qmail.
 *
 * The copy lives in .site/ (git-ignored) and is kept between starts; `task start --fresh` makes it anew.
 */
import { EXIT_SITE, EXIT_USAGE, SiteError, UsageError } from "../cli/command.ts";
import { runServe } from "../cli/serve.ts";
import { makeSampleSite } from "./sample_site.ts";
import { makeSelfSigned } from "./self_signed.ts";

const SITE = `${Deno.cwd()}/.site`;
const SMTP = "127.0.0.1:2525";
const POP3 = "127.0.0.1:1110";
const TLS_LISTENERS = [
  ...["--submission", "127.0.0.1:5870"],
  ...["--smtps", "127.0.0.1:4650"],
  ...["--pop3s", "127.0.0.1:9950"],
];
const CERTIFICATE = `${SITE}/var/qmail/control/servercert.pem`;
const CERTIFICATE_DAYS = 3650;

function fileExists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The site of a front that is running must not be made anew under it. @throws {SiteError} */
function requireFreePort(address: string): void {
  const [hostname = "", port] = address.split(":");
  try {
    Deno.listen({ hostname, port: Number(port) }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new SiteError(
      `Cannot listen on ${address}: another program already listens there, perhaps an earlier "task start"`,
    );
  }
}

/** One sentence and sysexits' code, as the command line has it. */
function complain(error: unknown): number {
  if (!(error instanceof SiteError || error instanceof UsageError)) throw error;
  console.error(`qfront: ${error.message}`);
  return error instanceof SiteError ? EXIT_SITE : EXIT_USAGE;
}

async function makeSite(isFresh: boolean): Promise<void> {
  if (isFresh || !fileExists(`${SITE}/var/qmail/users/poppasswd.cdb`)) {
    await Deno.remove(SITE, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    await makeSampleSite(SITE);
  }
  if (fileExists(CERTIFICATE)) return;
  const names = ["localhost", "mail.example.org", "127.0.0.1"];
  const pem = await makeSelfSigned(names, CERTIFICATE_DAYS);
  await Deno.writeTextFile(CERTIFICATE, pem, { mode: 0o600 });
}

const args = [...Deno.args];
const fresh = args.indexOf("--fresh");
if (fresh >= 0) args.splice(fresh, 1);
const HINTS = `
The sample site lives in .site/ (joe@example.org and others); the trace is .site/var/log/qfront/trace.
Three things to try from another terminal, in this folder:

1. A transcript that is refused (there is no angela):
   npx -y deno@2.7.11 task -q qfront --root .site < config/smtp.txt
2. A mail that arrives:
   printf 'Subject: hello\\r\\n\\r\\nIt works.\\r\\n' | curl -sS smtp://${SMTP} --mail-from you@example.com --mail-rcpt joe@example.org -T -
3. Reading it by POP3:
   curl -sS --user joe@example.org:sesame pop3://${POP3}/1

All of them speak TLS too, with a self-signed certificate: STARTTLS and STLS above, submission on port 5870, smtps 4650, pop3s 9950.
Ctrl-C ends it.
`;

async function start(): Promise<number> {
  const listeners = ["--smtp", SMTP, "--pop3", POP3, ...TLS_LISTENERS];
  try {
    for (const address of listeners.filter((word) => word.includes(":"))) requireFreePort(address);
    await makeSite(fresh >= 0);
    return await runServe(["--root", SITE, ...listeners, ...args], {
      ready: () => console.log(HINTS),
      entryUrl: new URL("../main.ts", import.meta.url).href,
    });
  } catch (error) {
    return complain(error);
  }
}

Deno.exit(await start());
