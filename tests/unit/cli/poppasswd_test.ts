import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemLibcrypt } from "../../../auth/libcrypt.ts";
import { readPoppasswd } from "../../../auth/poppasswd_file.ts";
import { CdbReader } from "../../../cdb/mod.ts";
import { importLine } from "../../../cli/poppasswd_import.ts";
import { runPoppasswd } from "../../../cli/poppasswd.ts";
import { failingSteps, type Kit, withKit } from "./tool_kit.ts";

systemLibcrypt();
const HASH =
  "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
/** The password of HASH. */
const PASSWORD = "Hello world!";

const run = (kit: Kit, ...args: string[]) => runPoppasswd([...kit.site, ...args], kit.io);

async function verify(kit: Kit, login: string, password: string): Promise<number> {
  kit.stdin = `${password}\n`;
  return await run(kit, "verify", login, "--stdin");
}

Deno.test("runPoppasswd set: asks twice, stores a hash, other lines stay as they were", () =>
  withKit(async (kit) => {
    kit.write(`# top\r\nann:${HASH}:vmail:/h\nbroken line\n`);
    kit.typed.push("secret", "secret");
    assertEquals(await run(kit, "set", "Joe@Example.org", "--hash", "sha512crypt"), 0);
    const lines = kit.read().split("\n");
    assertEquals(lines.slice(0, 3), ["# top\r", `ann:${HASH}:vmail:/h`, "broken line"]);
    assertMatch(lines[3] ?? "", /^joe@example\.org:\$6\$rounds=50000\$[^:]+$/);
    assertEquals(lines[4], "");
    assertEquals(kit.out, [
      "joe@example.org: password set (sha512crypt)",
      "Services see it after: qfront newpop",
    ]);
  }));

Deno.test("runPoppasswd set: two different entries change nothing, exit 1", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}\n`);
    kit.typed.push("secret", "secrte");
    assertEquals(await run(kit, "set", "joe"), 1);
    assertEquals(kit.read(), `joe:${HASH}\n`);
    assertStringIncludes(kit.err[0] ?? "", "not the same");
  }));

Deno.test("runPoppasswd set --newpop: one step from password to login, for every kind of hash", () =>
  withKit(async (kit) => {
    for (const hash of ["yescrypt", "sha512crypt", "bcrypt", "scrypt", "scram", "plain"]) {
      if (hash === "bcrypt" && typeof systemLibcrypt() === "string") continue;
      kit.stdin = `p\xc3\xa4ss ${hash}\r\nsecond line\n`;
      assertEquals(await run(kit, "set", hash, "--stdin", "--newpop", "--hash", hash), 0, hash);
      assertEquals(await verify(kit, hash.toUpperCase(), `p\xc3\xa4ss ${hash}`), 0, hash);
      assertEquals(await verify(kit, hash, "wrong"), 1, hash);
    }
  }));

Deno.test("runPoppasswd set: a file of its own is made for the owner alone", () =>
  withKit(async (kit) => {
    kit.stdin = "secret\n";
    assertEquals(await run(kit, "set", "joe", "--stdin", "--hash", "scrypt"), 0);
    assertEquals(Deno.statSync(`${kit.directory}/users/poppasswd`).mode! & 0o777, 0o600);
    assertEquals(kit.names(), ["poppasswd", "poppasswd.lock"]);
  }));

Deno.test("runPoppasswd set: the place of the login, given and kept", () =>
  withKit(async (kit) => {
    const place = () => {
      const line = readPoppasswd(kit.read())[0];
      assert(line?.kind === "login");
      const { user, uid, gid, home, maildir } = line.entry.account;
      return [user, uid, gid, home, maildir];
    };
    kit.stdin = "secret\n";
    const set = (...more: string[]) =>
      run(kit, "set", "joe", "--stdin", "--hash", "scrypt", ...more);
    assertEquals(await set("--user", "1000:100", "--home", "/home/joe", "--maildir", "mail"), 0);
    assertEquals(place(), [null, 1000, 100, "/home/joe", "mail"]);
    assertEquals(await set(), 0);
    assertEquals(place(), [null, 1000, 100, "/home/joe", "mail"]);
    assertEquals(await set("--user", "vmail"), 0);
    assertEquals(place(), ["vmail", null, null, "/home/joe", "mail"]);
    assertEquals(await set("--home", "relative"), 64);
    assertEquals(await set("--home", "/home/joe:x"), 64);
    assertEquals(await set("--home", "/home/joe", "--maildir", "a\nroot:x"), 64);
    assertEquals(await set("--user", "0"), 1);
    assertStringIncludes(kit.err.at(-1) ?? "", "served as root");
    assertEquals(place(), ["vmail", null, null, "/home/joe", "mail"]);
  }));

Deno.test("runPoppasswd set: a failure at any step leaves the old file, exit 78", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}\n`);
    for (const step of ["write", "sync", "rename"] as const) {
      kit.steps = failingSteps(step);
      kit.stdin = "secret\n";
      assertEquals(await run(kit, "set", "joe", "--stdin", "--hash", "scrypt"), 78);
      assertEquals(kit.read(), `joe:${HASH}\n`, step);
      assertEquals(kit.names(), ["poppasswd", "poppasswd.lock"], step);
    }
  }));

Deno.test("runPoppasswd set: two editors at once lose nothing", () =>
  withKit(async (kit) => {
    kit.stdin = "secret\n";
    const logins = ["ann", "bob", "eve", "joe"];
    const codes = await Promise.all(
      logins.map((l) => run(kit, "set", l, "--stdin", "--hash", "scrypt")),
    );
    assertEquals(codes, [0, 0, 0, 0]);
    const found = readPoppasswd(kit.read()).flatMap((l) =>
      l.kind === "login" ? [l.entry.login] : []
    );
    assertEquals(found.sort(), logins);
  }));

Deno.test("runPoppasswd set: what can be no password is refused, and never repeated", () =>
  withKit(async (kit) => {
    for (const secret of ["", "tab\tsecret", "s".repeat(513)]) {
      kit.stdin = `${secret}\n`;
      assertEquals(await run(kit, "set", "joe", "--stdin"), 1);
      if (secret !== "") assertEquals(kit.err.join("").includes(secret), false);
    }
    assertEquals(kit.names(), []);
  }));

Deno.test("runPoppasswd: a password on the command line is refused without repeating it", () =>
  withKit(async (kit) => {
    assertEquals(await run(kit, "set", "joe", "opensesame"), 64);
    assertStringIncludes(kit.err[0] ?? "", "never stands on the command line");
    assertEquals(kit.err.join("").includes("opensesame"), false);
  }));

Deno.test("runPoppasswd delete: takes the login out; an unknown one is exit 1", () =>
  withKit(async (kit) => {
    kit.write(`# c\njoe:${HASH}\nann:${HASH}\n`);
    assertEquals(await run(kit, "delete", "JOE", "--newpop"), 0);
    assertEquals(kit.read(), `# c\nann:${HASH}\n`);
    assertEquals([...new CdbReader(kit.cdb()).entries()], [["ann", HASH]]);
    assertEquals(await run(kit, "delete", "joe"), 1);
    assertStringIncludes(kit.err[0] ?? "", 'no login "joe"');
  }));

Deno.test("runPoppasswd list: login, kind and place, no hash", () =>
  withKit(async (kit) => {
    kit.write(`joe:${HASH}:vmail:/home/joe\nann:{PLAIN}secret:1000:100:A:/a:/bin/sh\nbad\n`);
    assertEquals(await run(kit, "list"), 0);
    assertEquals(kit.out, [
      "joe\tsha512crypt\tvmail\t-\t/home/joe\t-",
      "ann\tplain\t1000\t100\t/a\t-",
    ]);
  }));

Deno.test("runPoppasswd check: says how lines were read, warns, names each unusable one", () =>
  withKit(async (kit) => {
    kit.write(`a:${HASH}\nb:${HASH}:vmail:/b\nc:{PLAIN}secret:1:1:C:/c:/bin/sh\n`);
    assertEquals(await run(kit, "check"), 0);
    assertStringIncludes(
      kit.out[0] ?? "",
      'warning: line 3, login "c": The password stands in clear',
    );
    assertStringIncludes(
      kit.out[1] ?? "",
      "1 as login:hash, 1 as qfront, 1 as passwd; no login can use 0 lines",
    );
    kit.write(`a:${HASH}\nb:*\nA:${HASH}\n`);
    kit.out.length = 0;
    assertEquals(await run(kit, "check"), 1);
    assertStringIncludes(kit.out[0] ?? "", 'line 2, login "b": The password field begins with "*"');
    assertStringIncludes(kit.out[1] ?? "", 'line 3, login "a": The login stands in line 1 already');
    assertEquals(kit.out.join("").includes("secret"), false);
  }));

Deno.test("runPoppasswd verify: without a cdb the site is unusable", () =>
  withKit(async (kit) => {
    assertEquals(await verify(kit, "joe", "x"), 78);
    assertStringIncludes(kit.err[0] ?? "", "run qfront newpop");
  }));

Deno.test("runPoppasswd import passwd: usable logins in, others named, those there already left alone", () =>
  withKit(async (kit) => {
    kit.write(`ann:${HASH}`);
    const source = `${kit.directory}/passwd`;
    Deno.writeTextFileSync(
      source,
      `root:${HASH}:0:0:root:/root:/bin/sh\njoe:${HASH}:1000:100:Joe:/home/joe:/bin/sh\ndaemon:*:1:1::/:/bin/false\n` +
        `ann:${HASH}:1001:100:Ann:/home/ann:/bin/sh\nshadowed:x:1002:100::/home/s:/bin/sh\n`,
    );
    assertEquals(await run(kit, "import", source, "--from", "passwd", "--newpop"), 0);
    assertEquals(kit.read(), `ann:${HASH}\njoe:${HASH}:1000:100:/home/joe\n`);
    assertEquals(kit.out[0], "1 logins taken over, 4 lines left out");
    assertEquals(kit.err.map((line) => /^line \d+/.exec(line)?.[0]), [
      "line 1",
      "line 3",
      "line 4",
      "line 5",
    ]);
    assertEquals(await verify(kit, "joe", PASSWORD), 0);
  }));

Deno.test("runPoppasswd import vpasswd: domain and owner are put in, clear passwords stay out", () =>
  withKit(async (kit) => {
    const source = `${kit.directory}/vpasswd`;
    Deno.writeTextFileSync(
      source,
      `joe:${HASH}:1:0:Joe:/home/vpopmail/domains/ex.org/joe:NOQUOTA:clearpw\n` +
        `nopop:${HASH}:1:2:No:/home/vpopmail/domains/ex.org/nopop:NOQUOTA\n`,
    );
    const code = await run(
      kit,
      "import",
      source,
      "--from",
      "vpasswd",
      "--domain",
      "ex.org",
      "--user",
      "vpopmail:89",
    );
    assertEquals(code, 0);
    assertEquals(kit.read(), `joe@ex.org:${HASH}:vpopmail:89:/home/vpopmail/domains/ex.org/joe\n`);
    assertStringIncludes(kit.err[0] ?? "", "POP is switched off");
  }));

Deno.test("runPoppasswd import htpasswd: $apr1$ and {SHA} log in", () =>
  withKit(async (kit) => {
    const source = `${kit.directory}/htpasswd`;
    Deno.writeTextFileSync(
      source,
      "joe:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\nann:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n",
    );
    assertEquals(await run(kit, "import", source, "--from", "htpasswd", "--newpop"), 0);
    assertEquals(await verify(kit, "joe", "myPassword"), 0);
    assertEquals(await verify(kit, "ann", "myPassword"), 0);
    assertEquals(await run(kit, "import", source, "--from", "htpasswd"), 1);
  }));

Deno.test("importLine: --user owns the maildrops of every form", () => {
  const place = (form: "passwd" | "htpasswd", rest: string) =>
    importLine(`joe:${HASH}${rest}`, { form, domain: "", owner: "vmail:89" });
  const joe = { login: "joe", hash: HASH };
  assertEquals(place("htpasswd", ""), { ...joe, place: ":vmail:89" });
  assertEquals(place("passwd", ":19000:0:99999:7:::"), { ...joe, place: ":vmail:89" });
  assertEquals(place("passwd", ":7:8:Joe:/home/joe:/bin/sh"), {
    ...joe,
    place: ":vmail:89:/home/joe",
  });
});

Deno.test("importLine: shadow lines give login and hash, odd lines say what is odd", () => {
  const options = { form: "passwd", domain: "", owner: "" } as const;
  assertEquals(importLine(`joe:${HASH}:19000:0:99999:7:::`, options), {
    login: "joe",
    hash: HASH,
    place: "",
  });
  const odd = importLine(`joe:${HASH}:1:2`, options);
  assert(odd !== null && "fault" in odd);
  assertStringIncludes(odd.fault, "7 fields, not 4");
  assertEquals(importLine("# comment", options), null);
});

Deno.test("runPoppasswd: wrong arguments are 64, one sentence each", () =>
  withKit(async (kit) => {
    kit.write("");
    const wrong = [
      [],
      ["frob"],
      ["constructor"],
      ["set"],
      ["set", "a b"],
      ["set", "joe"],
      ["set", "joe", "--hash", "md5"],
      ["set", "joe", "--user", "a:b:c"],
      ["set", "joe", "--maildir", "m"],
      ["list", "extra"],
      ["check", "extra"],
      ["import", "file"],
      ["import", "file", "--from", "ldap"],
      ["set", "joe", "--bogus"],
    ];
    for (const args of wrong) {
      kit.err.length = 0;
      assertEquals(await run(kit, ...args), 64, args.join(" "));
      assertEquals(kit.err.length, 1, args.join(" "));
      assertMatch(kit.err[0] ?? "", /^qfront: .*[^.]$/);
    }
  }));

Deno.test("runPoppasswd --help: fits a screen and has an example", () =>
  withKit(async (kit) => {
    assertEquals(await runPoppasswd(["--help"], kit.io), 0);
    const lines = kit.out.join("\n").split("\n");
    assert(lines.length <= 24 && lines.every((line) => line.length <= 80), lines.join("\n"));
    assert(lines.some((line) => line.includes("qfront poppasswd set joe@example.org")));
  }));
