import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromLatin1 } from "../../../cdb/mod.ts";
import { event, type Tracer } from "../../../trace/tracer.ts";
import { createLookupService, SiteFault } from "../../../validate/lookup.ts";
import { makeAssignCdb } from "../../../validate/newu.ts";
import { traceLookup, wantsSteps } from "../../../validate/steps.ts";
import { system } from "../../../validate/system.ts";
import { answerOf, type LookupResult } from "../../../validate/types.ts";
import { OWNER, passwdLine, type SmallSite, withSite } from "./small_site.ts";

const serve = (site: SmallSite, more = {}) => createLookupService({ root: site.root, ...more });
const words = (result: LookupResult): string => `${result.verdict} ${result.user}`;

Deno.test("createLookupService: a missing root or qmail directory is a fault", () => {
  withSite((site) => {
    assertThrows(() => createLookupService({ root: "/no/such" }), SiteFault, "does not exist");
    assertThrows(() => serve(site, { qmailDir: "/srv/qmail" }), SiteFault, "/srv/qmail");
    assertThrows(() => serve(site, { qmailDir: "/etc/passwd" }), SiteFault, "not a directory");
  });
});

Deno.test("lookup: a user, an extension without file, an unknown name, a remote domain", () => {
  withSite((site) => {
    const service = serve(site);
    assertEquals(service.lookup("joe@example.com"), {
      address: "joe@example.com",
      route: "local",
      verdict: "deliverable",
      reason: 'The default delivery takes it for user "joe" (home /home/joe)',
      rewritten: "joe@example.com",
      selector: "getpw",
      user: "joe",
      ...OWNER,
      home: "/home/joe",
      dash: "",
      ext: "",
      qmailfile: null,
    });
    assertEquals(words(service.lookup("joe-x@example.com")), "no-mailbox joe");
    assertEquals(words(service.lookup("nosuch@example.com")), "no-mailbox alias");
    assertEquals(service.lookup("x@y").verdict, "remote");
    assertEquals(service.lookup("@example.com").verdict, "discarded");
  });
});

Deno.test("lookup: an address ends at a NUL, as qmail's strings do", () => {
  withSite((site) => {
    assertEquals(serve(site).lookup("joe@example.com\0.org").rewritten, "joe@example.com");
  });
});

Deno.test("lookup: a file made right after a negative answer is found, a removed one is not", () => {
  withSite((site) => {
    const service = serve(site);
    for (let round = 0; round < 5; round++) {
      assertEquals(service.lookup("joe-new@example.com").verdict, "no-mailbox");
      site.write("home/joe/.qmail-new", "./Maildir/\n");
      assertEquals(service.lookup("joe-new@example.com").qmailfile, ".qmail-new");
      site.write("home/joe/.qmail-new", "\n./Maildir/\n");
      assertEquals(service.lookup("joe-new@example.com").verdict, "deferred");
      site.write("home/joe/.qmail-new", "#./Maildir/\n");
      assertEquals(service.lookup("joe-new@example.com").verdict, "deliverable");
      Deno.removeSync(site.path("home/joe/.qmail-new"));
    }
    assertEquals(service.lookup("joe-new@example.com").verdict, "no-mailbox");
  });
});

Deno.test("lookup: new users, homes and assignments are seen at the next question", () => {
  withSite((site) => {
    const service = serve(site);
    assertEquals(words(service.lookup("ann@example.com")), "no-mailbox alias");
    site.write("etc/passwd", Deno.readTextFileSync(site.path("etc/passwd")) + passwdLine("ann"));
    assertEquals(words(service.lookup("ann@example.com")), "no-mailbox alias");
    site.mkdir("home/ann");
    assertEquals(words(service.lookup("ann@example.com")), "deliverable ann");
    const line = `=ann:jane:${OWNER.uid}:${OWNER.gid}:/home/jane:::\n.\n`;
    site.write("var/qmail/users/cdb", makeAssignCdb(fromLatin1(line)));
    assertEquals(words(service.lookup("ann@example.com")), "deliverable jane");
    Deno.removeSync(site.path("var/qmail/users/cdb"));
    Deno.chmodSync(site.path("home/ann"), 0o757);
    assertEquals(words(service.lookup("ann@example.com")), "deferred ann");
  });
});

Deno.test("lookup: control files are seen at once where recheckMs is 0", () => {
  withSite((site) => {
    const service = serve(site, { recheckMs: 0 });
    assertEquals(service.lookup("joe@new").verdict, "remote");
    site.write("var/qmail/control/virtualdomains", "new:jane\n");
    assertEquals(service.lookup("joe@new").rewritten, "jane-joe@new");
    Deno.removeSync(site.path("var/qmail/control/me"));
    assertEquals(service.lookup("joe@new").route, "error");
    assertMatch(service.lookup("joe@new").reason, /control\/me/);
  });
});

Deno.test("lookup: a control file that is a directory defers everything, with its name", () => {
  withSite((site) => {
    site.mkdir("var/qmail/control/percenthack");
    const result = serve(site).lookup("joe@example.com");
    assertEquals([result.route, result.verdict], ["error", "deferred"]);
    assertMatch(result.reason, /control\/percenthack can't be read: it is a directory/);
  });
});

Deno.test("lookup: root as user and ids that nobody can take are deferred", () => {
  withSite((site) => {
    const text =
      "=zero:root:0:0:/root:::\n=max:x:4294967295:1:/home/joe:::\n=rel:x:7:7:home:::\n.\n";
    site.write("var/qmail/users/cdb", makeAssignCdb(fromLatin1(text)));
    const service = serve(site);
    assertEquals(service.lookup("zero@example.com").verdict, "deferred");
    assertEquals(service.lookup("zero@example.com").qmailfile, undefined);
    assertEquals(service.lookup("max@example.com").verdict, "deferred");
    assertEquals(service.lookup("rel@example.com").verdict, "bounced");
  });
});

Deno.test("lookup: dot-qmail names are lower case with colons, the nearest default wins", () => {
  withSite((site) => {
    for (const name of ["-a:b", "-a-default", "-default"]) {
      site.write(`home/joe/.qmail${name}`, "./Maildir/\n");
    }
    const file = (local: string) => serve(site).lookup(`${local}@example.com`).qmailfile;
    assertEquals(file("joe-A.B"), ".qmail-a:b");
    assertEquals(file("joe-a-x-y"), ".qmail-a-default");
    assertEquals(file("joe-a"), ".qmail-default");
    assertEquals(file("joe-b"), ".qmail-default");
    assertEquals(file("joe"), null);
  });
});

Deno.test("lookup: homes and files that others may write, and sticky homes, are deferred", () => {
  withSite((site) => {
    const verdict = (more = {}) => serve(site, more).lookup("joe-x@example.com").verdict;
    site.write("home/joe/.qmail-x", "./Maildir/\n");
    Deno.chmodSync(site.path("home/joe/.qmail-x"), 0o664);
    assertEquals(verdict(), "deliverable");
    assertEquals(verdict({ confPatrn: 0o022 }), "deferred");
    Deno.chmodSync(site.path("home/joe/.qmail-x"), 0o646);
    assertEquals(verdict(), "deferred");
    Deno.chmodSync(site.path("home/joe/.qmail-x"), 0o644);
    Deno.chmodSync(site.path("home/joe"), 0o1755);
    assertEquals(verdict(), "deferred");
    Deno.chmodSync(site.path("home/joe"), 0o755);
    assertEquals(verdict(), "deliverable");
  });
});

Deno.test("lookup: what this process may not see is undecided, never unknown", () => {
  withSite((site) => {
    const real = system();
    const closed = `${site.root}/home/joe/`;
    const blind = {
      ...real,
      stat: (path: string, follow: boolean) =>
        path.startsWith(closed) ? "EACCES" : real.stat(path, follow),
    };
    const service = serve(site, { judges: false, system: blind });
    for (const address of ["joe@example.com", "joe-x@example.com"]) {
      const result = service.lookup(address);
      assertEquals(answerOf(result), "undecided");
      assertMatch(result.reason, /this process may not see/);
    }
    assertEquals(service.lookup("jane@example.com").verdict, "deliverable");
    const homes = {
      ...real,
      stat: (path: string, follow: boolean) =>
        path === `${site.root}/home/joe` ? "EACCES" : real.stat(path, follow),
    };
    const without = serve(site, { judges: false, system: homes });
    assertEquals(without.lookup("joe@example.com").verdict, "deferred");
  });
});

Deno.test({
  name: "lookup: without root a closed home is undecided",
  ignore: Deno.uid() === 0,
  fn() {
    withSite((site) => {
      const service = serve(site);
      site.write("home/joe/.qmail-x", "./Maildir/\n");
      Deno.chmodSync(site.path("home/joe/.qmail-x"), 0o200);
      assertEquals(service.lookup("joe-x@example.com").verdict, "deferred");
      Deno.chmodSync(site.path("home/joe"), 0o600);
      assertEquals(service.lookup("joe-y@example.com").verdict, "deferred");
      Deno.chmodSync(site.path("home/joe"), 0o755);
    });
  },
});

Deno.test("lookup: judged as root, a home that qmailp can't reach is passed over", () => {
  withSite((site) => {
    site.mkdir("home/inner", 0o700);
    site.mkdir("home/inner/joe");
    site.write(
      "etc/passwd",
      Deno.readTextFileSync(site.path("etc/passwd"))
        .replace("/home/joe", "/home/inner/joe"),
    );
    const see = (judges: boolean) => words(serve(site, { judges }).lookup("joe@example.com"));
    assertEquals(see(true), "no-mailbox alias");
    assertEquals(see(false), "deliverable joe");
  });
});

Deno.test("lookup: links that lead out of the root stay inside it", () => {
  withSite((site) => {
    Deno.symlinkSync("/etc/passwd", site.path("home/joe/.qmail-abs"));
    Deno.symlinkSync("../../../../../../../../etc/hostname", site.path("home/joe/.qmail-up"));
    const service = serve(site);
    // The first line of the site's own etc/passwd is a forward; outside there is another file.
    assertEquals(service.lookup("joe-abs@example.com").qmailfile, ".qmail-abs");
    assertEquals(service.lookup("joe-up@example.com").verdict, "no-mailbox");
    const [line] = service.readInstructions(service.lookup("joe-abs@example.com")).instructions;
    assertEquals(line?.text.startsWith(`alias:x:${OWNER.uid}`), true);
  });
});

Deno.test("lookup: the default delivery is the option's, else control/defaultdelivery's, else ./Maildir/", () => {
  withSite((site) => {
    const kinds = (more = {}) => {
      const service = serve(site, { recheckMs: 0, ...more });
      const result = service.lookup("joe@example.com");
      const list = service.readInstructions(result).instructions;
      return [result.verdict, ...list.map((i) => `${i.kind} ${i.text}`)].join(", ");
    };
    assertEquals(kinds(), "deliverable, maildir ./Maildir/");
    site.write("var/qmail/control/defaultdelivery", "|prog\n./Mailbox\n");
    assertEquals(kinds(), "deliverable, program prog, mbox ./Mailbox");
    assertEquals(kinds({ defaultDelivery: "&a@b" }), "deliverable, forward a@b");
    assertEquals(kinds({ defaultDelivery: "" }), "deferred");
    assertEquals(kinds({ defaultDelivery: "#" }), "deliverable");
  });
});

Deno.test("readInstructions: what would be followed, its owner files, or why not", () => {
  withSite((site) => {
    const service = serve(site);
    site.write("home/joe/.qmail-list", "&a@b\n");
    const read = () => service.readInstructions(service.lookup("joe-list@example.com"));
    assertEquals(read().instructions, [
      { kind: "forward", text: "a@b", where: "line 1 of /home/joe/.qmail-list" },
    ]);
    assertEquals(read().withoutPrograms, true);
    assertEquals(read().forwardSender("s@t"), "s@t");
    site.write("home/joe/.qmail-list-owner", "");
    assertEquals(read().forwardSender("s@t"), "joe-list-owner@example.com");
    assertEquals(read().forwardSender(""), "");
    assertEquals(read().forwardSender("#@[]"), "#@[]");
    site.write("home/joe/.qmail-list-owner-default", "");
    assertEquals(read().forwardSender("s@t"), "joe-list-owner-@example.com-@[]");
    const unknown = service.readInstructions(service.lookup("joe-x@example.com"));
    assertEquals(unknown.instructions, []);
    assertMatch(unknown.trouble ?? "", /neither \.qmail-x/);
    const nothing = service.readInstructions(service.lookup("@example.com"));
    assertEquals([nothing.trouble, nothing.instructions], [null, []]);
  });
});

Deno.test("maildirsOf: home and Maildirs on this system, links resolved below the root", () => {
  withSite((site) => {
    site.mkdir("data/joe");
    Deno.symlinkSync("/data/joe", site.path("home/joe/Mail"));
    site.write("home/joe/.qmail", "./Maildir/\n./Mail/box/\n/data/joe/\n./Mailbox\n");
    const service = serve(site);
    assertEquals(service.maildirsOf(service.lookup("joe@example.com")), {
      home: `${site.root}/home/joe`,
      maildirs: [
        `${site.root}/home/joe/Maildir`,
        `${site.root}/data/joe/box`,
        `${site.root}/data/joe`,
      ],
    });
    assertEquals(service.maildirsOf(service.lookup("x@y")), null);
  });
});

Deno.test("lookup: steps are there when asked for, in the order of the walk", () => {
  withSite((site) => {
    const service = serve(site);
    assertEquals(service.lookup("joe@example.com").steps, undefined);
    const steps = service.lookup("joe-x@example.com", true).steps ?? [];
    assertEquals(steps.map((s) => s.step), [
      "locals",
      "users-cdb",
      "getpw",
      "getpw",
      "home",
      "dot-qmail",
      "dot-qmail",
    ]);
    assertEquals(steps.at(-1)?.file, "/home/joe/.qmail-default");
  });
});

Deno.test("traceLookup: one event a step and one for the verdict, at level 3", () => {
  withSite((site) => {
    const lines: string[] = [];
    const tracer = (level: number): Tracer => ({
      level,
      emit: (session, kind, fields) => {
        lines.push(`${session} ${kind.fn}: ${kind.text(fields)}`);
      },
    });
    assertEquals(wantsSteps(tracer(2)), false);
    assertEquals(event("x", 1, "x", () => "x").level, 1);
    const result = serve(site).lookup("x@y", true);
    traceLookup(tracer(2), 7, result);
    assertEquals(lines, []);
    traceLookup(tracer(3), 7, result);
    assertEquals(lines, [
      '7 lookup: locals: control/me "y" not listed',
      '7 lookup: virtualdomains: control/virtualdomains "x@y" no line matches',
      "7 lookup: x@y remote, remote: Neither control/locals nor control/virtualdomains has its domain",
    ]);
  });
});

Deno.test("rcptHosts: suffixes, no domain, and a missing file", () => {
  withSite((site) => {
    const ask = (address: string) => serve(site).rcptHosts(address);
    assertEquals(ask("a@b"), "missing");
    assertEquals(ask("joe"), "missing");
    site.write("var/qmail/control/rcpthosts", "Example.com\n.sub.example.com\n");
    assertEquals(ask("joe"), "allowed");
    assertEquals(ask("joe@EXAMPLE.COM"), "allowed");
    assertEquals(ask("joe@a.b.sub.example.com"), "allowed");
    assertEquals(ask("joe@sub.example.com"), "refused");
    assertEquals(ask("joe@"), "refused");
    site.mkdir("var/qmail/control/morercpthosts.cdb");
    assertEquals(ask("joe@example.com"), "allowed");
    assertEquals(ask("joe@other"), "undecided");
  });
});
