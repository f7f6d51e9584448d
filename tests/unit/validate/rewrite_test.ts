import { assertEquals, assertThrows } from "@std/assert";
import { lowerAscii, rewrite, rewriteTables } from "../../../validate/rewrite.ts";
import { entriesOf, firstLine } from "../../../validate/control.ts";
import { gatherSteps } from "../../../validate/steps.ts";
import { ControlError, type ControlFiles } from "../../../validate/types.ts";

function controlOf(files: Record<string, string>): ControlFiles {
  return {
    line: (name) => files[name] === undefined ? null : firstLine(files[name]),
    lines: (name) => files[name] === undefined ? null : entriesOf(files[name]),
    integer: () => null,
  };
}

function go(files: Record<string, string>, address: string): string {
  const result = rewrite(address, rewriteTables(controlOf(files))(), null);
  return `${result.route} ${result.address}`;
}

Deno.test("lowerAscii: letters of ASCII and no others", () => {
  assertEquals(lowerAscii("ABz\u00c4[@`{"), "abz\u00c4[@`{");
});

Deno.test("rewriteTables: without me and locals qmail-send does not start", () => {
  assertThrows(() => rewriteTables(controlOf({}))(), ControlError, "control/me");
});

Deno.test("rewrite: a missing locals means me, an empty one nothing", () => {
  assertEquals(go({ me: "m\n" }, "joe@M"), "local joe@M");
  assertEquals(go({ me: "m\n", locals: "" }, "joe@m"), "remote joe@m");
});

Deno.test("rewrite: without @ comes envnoathost, else me, else the word", () => {
  assertEquals(go({ me: "m", envnoathost: "e" }, "joe"), "remote joe@e");
  assertEquals(go({ me: "m" }, "joe"), "local joe@m");
  assertEquals(go({ locals: "x" }, "joe"), "remote joe@envnoathost");
});

Deno.test("rewrite: the last @ divides", () => {
  assertEquals(go({ me: "m" }, "a@b@m"), "local a@b@m");
  assertEquals(go({ me: "m" }, "a@m@b"), "remote a@m@b");
});

Deno.test("rewrite: percenthack goes on while the new domain is listed", () => {
  const files = { me: "m", percenthack: "h1\nH2" };
  assertEquals(go(files, "a%m@h1"), "local a@m");
  assertEquals(go(files, "a%m%h2@h1"), "local a@m");
  assertEquals(go(files, "a%b%m@h1"), "local a%b@m");
  assertEquals(go(files, "%%@h1"), "remote %@");
  assertEquals(go(files, "a@h1"), "remote a@h1");
});

Deno.test("rewrite: virtualdomains by address, domain, suffixes from the left, then everything", () => {
  const files = {
    me: "m",
    virtualdomains:
      "joe@v.x:one\nv.x:two\n.v.x:three\n.x:four\nm:never\nlast:a\nlast:b\nno colon\n",
  };
  assertEquals(go(files, "JOE@V.x"), "virtual one-JOE@V.x");
  assertEquals(go(files, "jane@v.x"), "virtual two-jane@v.x");
  assertEquals(go(files, "jane@a.v.x"), "virtual three-jane@a.v.x");
  assertEquals(go(files, "jane@w.x"), "virtual four-jane@w.x");
  assertEquals(go(files, "jane@x"), "remote jane@x");
  assertEquals(go(files, "jane@m"), "local jane@m");
  assertEquals(go(files, "jane@last"), "virtual b-jane@last");
  assertEquals(go({ ...files, virtualdomains: ":all\nv.x:\n" }, "a@q"), "virtual all-a@q");
  assertEquals(go({ ...files, virtualdomains: ":all\nv.x:\n" }, "a@v.x"), "remote a@v.x");
});

Deno.test("rewrite: every decision is a step with its file and key", () => {
  const sink = gatherSteps();
  const tables = rewriteTables(controlOf({ me: "m", virtualdomains: "v:joe" }))();
  rewrite("a@V", tables, sink);
  assertEquals(sink.steps, [
    { step: "locals", file: "control/me", key: "v", found: "not listed" },
    { step: "virtualdomains", file: "control/virtualdomains", key: "v", found: "prefix joe-" },
  ]);
});
