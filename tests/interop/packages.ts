/**
 * Programs of others in a folder of their own: Debian packages, fetched by name with `apt-get download` and unpacked with `dpkg -x`.
 * Nothing is installed, and nobody has to be root.
 */

/** Whose programs are tried; the libraries they need; tcpserver, which sessions run under. */
const PACKAGES = [
  ...["checkpw", "cvm", "fail2ban", "mailfront", "swaks", "ucspi-tcp"],
  ...["libbg2", "libcvm1", "liblua5.1-0"],
  ...["spamassassin", "spamd", "libhtml-parser-perl", "libhtml-tagset-perl", "libnet-dns-perl"],
  ...["libnetaddr-ip-perl", "libhttp-date-perl", "libtimedate-perl", "libsocket6-perl"],
  ...["libsys-hostname-long-perl", "libio-string-perl", "libmail-dkim-perl"],
  ...["python3-dkim", "python3-nacl", "python3-cffi-backend", "python3-authres"],
  ...["python3-dnspython", "libcrypt-openssl-rsa-perl", "libcrypt-openssl-bignum-perl"],
  ...["libcryptx-perl", "libmail-authenticationresults-perl", "libmailtools-perl"],
  ...["rbldnsd", "nsd", "libevent-2.1-7", "libfstrm0", "libprotobuf-c1"],
];

/** What came of it. */
export interface Unpacked {
  /** Below this lies what the packages would put below "/". */
  readonly root: string;
  readonly got: readonly string[];
  readonly missing: readonly string[];
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

/** Runs a command in `cwd`; null: it did well, else its last words. */
async function fault(cwd: string, program: string, args: string[]): Promise<string | null> {
  try {
    const command = new Deno.Command(program, { args, cwd, stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    return success ? null : `${text(stderr)} ${text(stdout)}`.trim().split("\n").at(-1) ?? "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${program} here`;
    throw error;
  }
}

/** Fetches and unpacks what can be had below `directory`; what can't is said. */
export async function unpack(directory: string): Promise<Unpacked> {
  const root = `${directory}/root`;
  Deno.mkdirSync(root);
  const got: string[] = [];
  const missing: string[] = [];
  for (const name of PACKAGES) {
    const why = await fault(directory, "apt-get", ["-qq", "download", name]);
    if (why === null) got.push(name);
    else {
      missing.push(name);
      console.log(`skipped: package ${name} can't be had: ${why}`);
    }
  }
  for (const { name } of [...Deno.readDirSync(directory)].filter((e) => e.name.endsWith(".deb"))) {
    const why = await fault(directory, "dpkg", ["-x", name, root]);
    if (why !== null) console.log(`skipped: ${name} can't be unpacked: ${why}`);
  }
  return { root, got, missing };
}

/** Directories below `root/usr/lib` that hold libraries. */
function libraryPath(root: string): string {
  const lib = `${root}/usr/lib`;
  try {
    const deeper = [...Deno.readDirSync(lib)].filter((e) => e.isDirectory).map((e) => e.name);
    return [lib, ...deeper.map((name) => `${lib}/${name}`)].join(":");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Directories below `root` that hold modules of Perl: those of any machine, those compiled for this. */
function perlPath(root: string): string {
  const deeper = libraryPath(root).split(":").flatMap((lib) => {
    try {
      return [...Deno.readDirSync(`${lib}/perl5`)].map(({ name }) => `${lib}/perl5/${name}`);
    } catch {
      return [];
    }
  });
  return [`${root}/usr/share/perl5`, ...deeper].join(":");
}

/** Puts the programs in front of the system's, for everything that this process starts. */
export function useFrom(root: string): void {
  const path = ["bin", "sbin"].map((name) => `${root}/usr/${name}`).join(":");
  Deno.env.set("PATH", `${path}:${Deno.env.get("PATH") ?? ""}`);
  Deno.env.set("LD_LIBRARY_PATH", libraryPath(root));
  Deno.env.set("PERL5LIB", perlPath(root));
  // Where mailfront looks for its parts.
  Deno.env.set("MODULE_PATH", `${root}/usr/lib/mailfront`);
  // Where fail2ban's modules and settings are.
  Deno.env.set("QFRONT_UNPACKED", root);
}
