import { assertEquals, assertThrows } from "@std/assert";
import { maildirOf, openMaildrops } from "../../../cli/maildrops.ts";
import { MaildropError } from "../../../pop3/maildrop.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import type { Tracer } from "../../../trace/tracer.ts";
import type { LookupResult, SiteLookup } from "../../../validate/types.ts";

const ACCOUNT = { login: "joe@x", user: null, uid: null, gid: null, home: null, maildir: null };

/** A look-up that finds `home` for everybody, with one step when it is asked to explain. */
function lookupOf(root: string, maildirs: readonly string[], verdict: LookupResult["verdict"]) {
  const steps = [{ step: "getpw", file: "/etc/passwd", key: "joe", found: "home /joe" }];
  return {
    lookup: (address: string, explain = false) => ({
      address,
      route: "local",
      verdict,
      reason: "So it is",
      ...(explain ? { steps } : {}),
    }),
    maildirsOf: () => ({ home: `${root}/joe`, maildirs }),
  } as unknown as SiteLookup;
}

Deno.test("openMaildrops: at level 3 the look-up of a login is traced step by step, below it not", () => {
  const root = Deno.makeTempDirSync({ prefix: "qfront-test-" });
  try {
    for (const part of ["new", "cur", "tmp"]) {
      Deno.mkdirSync(`${root}/joe/Maildir/${part}`, { recursive: true });
    }
    for (const level of [2, 3]) {
      const lines: string[] = [];
      const tracer: Tracer = {
        level,
        emit: (session, kind, fields) => {
          if (kind.fn === "lookup") lines.push(`${session} ${kind.text(fields)}`);
        },
      };
      const lookup = lookupOf(root, [`${root}/joe/Maildir`], "deliverable");
      openMaildrops({ root }, defaultSettings(), lookup, tracer)(ACCOUNT, 7);
      const wanted = [
        '7 getpw: /etc/passwd "joe" home /joe',
        "7 joe@x deliverable, local: So it is",
      ];
      assertEquals(lines, level < 3 ? [] : wanted);
    }
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("maildirOf: the user file's home goes before the look-up, with or without a Maildir of its own", () => {
  const lookup = lookupOf("", ["/never"], "deliverable");
  const at = (home: string, maildir: string | null) =>
    maildirOf({ ...ACCOUNT, home, maildir }, "/r", lookup);
  assertEquals(at("/h", null), "/r/h/Maildir");
  assertEquals(at("/h", "mail/"), "/r/h/mail");
  assertEquals(at("/h", "/abs"), "/r/abs");
});

Deno.test("maildirOf: undecided is temporary, without a mailbox or a Maildir permanent", () => {
  const kindOf = (lookup: SiteLookup) =>
    assertThrows(() => maildirOf(ACCOUNT, "", lookup), MaildropError).kind;
  assertEquals(kindOf(lookupOf("", ["/m"], "deferred")), "temporary");
  assertEquals(kindOf(lookupOf("", ["/m"], "no-mailbox")), "permanent");
  assertEquals(kindOf(lookupOf("", [], "deliverable")), "permanent");
});
