import { assertEquals, assertThrows } from "@std/assert";
import {
  createExternalLogin,
  mapSubject,
  readClientCerts,
  subjectAttributes,
} from "../../../cli/external_login.ts";
import { ControlError, type ControlFiles } from "../../../validate/types.ts";

/** control/clientcerts as `current` says it is; an Error is thrown. */
function controlOf(current: () => readonly string[] | null | Error): ControlFiles {
  return {
    line: () => null,
    integer: () => null,
    lines(name) {
      assertEquals(name, "clientcerts");
      const lines = current();
      if (lines instanceof Error) throw lines;
      return lines;
    },
  };
}

const silent = (sentence: string) => {
  throw new Error(sentence);
};

Deno.test("subjectAttributes: RFC 2253's commas, pluses and escapes", () => {
  assertEquals(
    subjectAttributes("emailAddress=joe@example.org,CN=Joe\\, the \\C3\\A9+OU=a\\+b,O=#0401"),
    [
      ["emailaddress", "joe@example.org"],
      ["cn", "Joe, the \xc3\xa9"],
      ["ou", "a+b"],
    ],
  );
  assertEquals(subjectAttributes("CN=a=b,=x,O"), [["cn", "a=b"]]);
  assertEquals(subjectAttributes(""), []);
});

Deno.test("createExternalLogin: cn and email take the one value that a subject has", () => {
  const login = (client_cert_login: "cn" | "email", subject: string) =>
    createExternalLogin({ client_cert: "ask", client_cert_login }, controlOf(() => null), silent)(
      subject,
    );
  assertEquals(login("cn", "CN=alice,O=Example"), "alice");
  assertEquals(login("cn", "CN=alice,CN=bob"), null);
  assertEquals(login("cn", "O=CN\\=alice"), null);
  assertEquals(login("cn", "CN="), null);
  assertEquals(login("cn", "CN=alice\\0Ax"), null);
  assertEquals(login("email", "emailAddress=a@example.org,CN=alice"), "a@example.org");
  assertEquals(login("email", "CN=alice"), null);
});

Deno.test("createExternalLogin: with client_cert none the map is read when a certificate is shown all the same", () => {
  let now: readonly string[] | Error = new Error("read");
  const said: string[] = [];
  const login = createExternalLogin(
    { client_cert: "none", client_cert_login: "map" },
    controlOf(() => now),
    (sentence) => said.push(sentence),
  );
  now = ["nonsense"];
  assertEquals([login("CN=alice"), said.length], [null, 1]);
  now = ["alice:joe"];
  assertEquals(login("CN=alice"), "joe");
});

Deno.test("createExternalLogin: an address of subjectAltName is as good as the subject's, two are none", () => {
  const settings = { client_cert: "ask", client_cert_login: "email" } as const;
  const login = createExternalLogin(settings, controlOf(() => null), silent);
  assertEquals(login("CN=alice", ["a@example.org"]), "a@example.org");
  assertEquals(login("emailAddress=A@Example.org,CN=alice", ["a@example.org"]), "A@Example.org");
  assertEquals(login("emailAddress=a@example.org", ["b@example.org"]), null);
  assertEquals(login("CN=alice", ["a@example.org", "b@example.org"]), null);
  assertEquals(login("CN=alice", ["a@example.org\n"]), null);
  const entries = readClientCerts(["a@example.org:joe", "alice:by-name"]);
  assertEquals(mapSubject(entries, "CN=x", ["A@example.org"]), "joe");
  assertEquals(mapSubject(entries, "CN=alice", ["b@example.org"]), "by-name");
  assertEquals(mapSubject(entries, "CN=x", ["a@example.org", "b@example.org"]), null);
});

Deno.test("mapSubject: a key with = is a whole subject, others an e-mail address or a common name", () => {
  const entries = readClientCerts([
    "CN=alice,O=Other:wrong",
    "CN=alice,O=a:b:first",
    "Alice@Example.org : second",
    "alice: third",
  ]);
  assertEquals(mapSubject(entries, "CN=alice,O=a:b"), "first");
  assertEquals(mapSubject(entries, "emailAddress=alice@example.org,CN=alice"), "second");
  assertEquals(mapSubject(entries, "CN=alice,O=Example"), "third");
  assertEquals(mapSubject(entries, "CN=Alice"), null);
  // A name that looks like somebody's whole subject.
  assertEquals(mapSubject(entries, "CN=CN=alice\\,O=a:b"), null);
});

Deno.test("readClientCerts: a line that is not KEY:LOGIN is named", () => {
  for (const line of ["alice", ":joe", "alice:", " : "]) {
    assertThrows(() => readClientCerts(["a:b", line]), ControlError, `Line "${line}"`);
  }
});

Deno.test("createExternalLogin: the map is read again when it changes; a broken one changes nothing and is said once", () => {
  const good = ["alice:joe"];
  let now: readonly string[] | null | Error = good;
  const said: string[] = [];
  const login = createExternalLogin(
    { client_cert: "require", client_cert_login: "map" },
    controlOf(() => now),
    (sentence) => said.push(sentence),
  );
  assertEquals(login("CN=alice"), "joe");
  now = ["alice=joe"];
  assertEquals([login("CN=alice"), login("CN=alice")], ["joe", "joe"]);
  assertEquals(said.length, 1);
  now = new ControlError("The control file can't be read");
  assertEquals([login("CN=alice"), login("CN=alice")], ["joe", "joe"]);
  assertEquals(said.length, 2);
  now = ["alice:jane"];
  assertEquals(login("CN=alice"), "jane");
  now = null;
  assertEquals(login("CN=alice"), null);
  assertThrows(
    () =>
      createExternalLogin(
        { client_cert: "ask", client_cert_login: "map" },
        controlOf(() => ["nonsense"]),
        silent,
      ),
    ControlError,
  );
});
