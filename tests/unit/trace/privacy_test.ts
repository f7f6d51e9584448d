import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { SMTP_EVENTS, VALIDATE_EVENTS } from "../../../trace/events.ts";
import { openTrace } from "../../../trace/file.ts";
import { createMask, type Mask, maskFields } from "../../../trace/privacy.ts";
import type { Fields } from "../../../trace/tracer.ts";
import { traceMask } from "../../../cli/trace_mask.ts";

const KEY = new TextEncoder().encode("0123456789abcdef");

function maskOf(level: "network" | "hash", key: Uint8Array = KEY): Mask {
  const mask = createMask(level, key);
  assert(mask !== null);
  return mask;
}

Deno.test("createMask: addresses are cut to /24 and /48, in texts too; our own machine stays", () => {
  const { text } = maskOf("network");
  const cases: [string, string][] = [
    ["192.0.2.77", "192.0.2.0"],
    ["[192.0.2.77]:25, 198.51.100.9", "[192.0.2.0]:25, 198.51.100.0"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1::"],
    ["2001:db8::25 and x", "2001:db8:0:: and x"],
    ["127.0.0.1 ::1", "127.0.0.1 ::1"],
    ["08:00:10 at 12:30", "08:00:10 at 12:30"],
    ["192-0-2-77.dyn.example", "192-0-2-0.dyn.example"],
    ["A 77.2.0.192.zen.example: ok", "A 0.2.0.192.zen.example: ok"],
    ["joe@example.org", "joe@example.org"],
    ["unknown", "unknown"],
  ];
  for (const [before, after] of cases) assertEquals(text(before), after);
});

Deno.test("createMask: the same person stays the same, another key another hash, roles and domains stay", () => {
  const { name, text } = maskOf("hash");
  const joe = name("joe");
  assertMatch(joe, /^h_[0-9a-f]{12}$/);
  assertEquals(name("JOE@example.org"), `${joe}@example.org`);
  assertEquals(
    text("from <joe@example.org> to <abuse@example.net>"),
    `from <${joe}@example.org> to <abuse@example.net>`,
  );
  assertEquals(
    text("/home/joe/.qmail-lists mode 0644"),
    `/home/${joe}/.qmail-${name("lists")} mode 0644`,
  );
  assertEquals(name(""), "");
  assertNotEquals(maskOf("hash", new Uint8Array(16)).name("joe"), joe);
});

Deno.test("maskFields: by the names of the fields; numbers and words of ours stay", () => {
  const mask = maskOf("hash");
  const joe = mask.name("joe");
  const masked = (fields: Fields) => maskFields(mask, fields);
  assertEquals(masked({ user: "joe", domain: "example.org", ip: "192.0.2.7", seconds: 7 }), {
    user: joe,
    domain: "example.org",
    ip: "192.0.2.0",
    seconds: 7,
  });
  assertEquals(masked({ line: "RCPT TO:<joe@example.org>" }), {
    line: `RCPT TO:<${joe}@example.org>`,
  });
  assertEquals(masked({ line: "USER joe" }), { line: `USER ${joe}` });
  const step = { step: "users-cdb", file: "/var/qmail/users/cdb", key: "joe", found: 'user "joe"' };
  assertEquals(masked(step), { ...step, key: joe, found: `user "${joe}"` });
  const domain = { step: "locals", file: "control/locals", key: "example.org", found: "listed" };
  assertEquals(masked(domain), domain);
  assertEquals(masked({ login: "joe", reply: "auth_refused" }), {
    login: joe,
    reply: "auth_refused",
  });
});

Deno.test("openTrace: with a mask, no form of the trace says who; without one nothing is masked", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    for (const format of ["katr", "json", "logfmt"] as const) {
      for (const level of ["none", "network", "hash"] as const) {
        const file = `${dir}/${format}-${level}`;
        const onTrouble = (sentence: string) => {
          throw new Error(sentence);
        };
        const mask = createMask(level, KEY);
        const trace = openTrace({ file, level: 4, format, remoteIp: true, mask, onTrouble });
        trace.emit(7, SMTP_EVENTS.remoteip, { ip: "192.0.2.77" });
        trace.emit(7, SMTP_EVENTS.rcpt, { user: "angela", domain: "example.org" });
        trace.emit(7, SMTP_EVENTS.fromClient, { line: "RCPT TO:<angela@example.org>" });
        trace.emit(7, VALIDATE_EVENTS.step, {
          step: "getpw",
          file: "",
          key: "angela",
          found: "home /home/angela",
        });
        await trace.close();
        const text = Deno.readTextFileSync(file);
        assertEquals(text.includes("192.0.2.77"), level === "none", text);
        assertEquals(text.includes("angela"), level !== "hash", text);
        assertEquals(text.split("\n").length, 5);
      }
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("traceMask: the key of a file; one that can't be used is said and replaced", () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/key`, "0123456789abcdef");
    Deno.writeTextFileSync(`${dir}/short`, "0123");
    const said: string[] = [];
    const open = (name: string) =>
      traceMask(
        { trace_privacy: "hash", trace_privacy_key: name },
        { root: "", path: dir },
        (s) => {
          said.push(s);
        },
      );
    assertEquals(open("key")?.name("joe"), maskOf("hash").name("joe"));
    assertEquals(said, []);
    assertNotEquals(open("short")?.name("joe"), maskOf("hash").name("joe"));
    assertNotEquals(open("none")?.name("joe"), open("none")?.name("joe"));
    assertEquals(said.length, 3);
    assertMatch(said[0] ?? "", /fewer than 16 bytes/);
    assertEquals(
      traceMask(
        { trace_privacy: "none", trace_privacy_key: "" },
        { root: "", path: dir },
        () => {},
      ),
      null,
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
