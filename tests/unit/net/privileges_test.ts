import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  dropTo,
  findSystemUser,
  parseIds,
  parseThreadStatus,
  PrivilegeError,
  threadFault,
} from "../../../net/privileges.ts";

// The C library stays open, once for all tests.
findSystemUser("root");

const STATUS = `Name:\tqfront
Uid:\t65534\t65534\t65534\t65534
Gid:\t65533\t65533\t65533\t65533
Groups:\t65533 100 
CapEff:\t0000000000000000
`;
const WHO = { uid: 65534, gid: 65533, name: null };

Deno.test("parseIds: UID:GID and nothing else", () => {
  assertEquals(parseIds("65534:65533"), WHO);
  for (
    const text of ["", "65534", "65534:", ":1", "a:b", "-1:1", "1:2:3", "4294967295:1", " 1:1"]
  ) {
    assertEquals(parseIds(text), null, text);
  }
});

Deno.test("threadFault: none when all ids are those, no group is root's and no capability is left", () => {
  const thread = parseThreadStatus(STATUS);
  assertEquals(thread.groups, [65533, 100]);
  assertEquals(threadFault(thread, WHO), null);
});

for (
  const [what, from, to] of [
    ["a saved uid", "65534\t65534\n", "0\t65534\n"],
    ["a file system uid", "65534\nGid", "0\nGid"],
    ["a gid", "Gid:\t65533", "Gid:\t0"],
    ["a group", "65533 100", "65533 0"],
    ["a capability", "CapEff:\t0000000000000000", "CapEff:\t0000000000000002"],
  ]
) {
  Deno.test(`threadFault: names ${what} that was left`, () => {
    const text = STATUS.replace(from!, to!);
    assert(text !== STATUS);
    assert(threadFault(parseThreadStatus(text), WHO) !== null);
  });
}

Deno.test("parseThreadStatus: a text without ids is refused", () => {
  assertThrows(() => parseThreadStatus("Name:\tx\n"), PrivilegeError, "Uid");
});

Deno.test("findSystemUser: root is uid 0, a name that nobody has is none", () => {
  assertEquals(findSystemUser("root"), { uid: 0, gid: 0, name: "root" });
  for (const name of ["", "no-such-user-here", "root\0x"]) assertEquals(findSystemUser(name), null);
});

Deno.test("dropTo: never becomes root, whoever asks", () => {
  for (const [uid, gid] of [[0, 0], [0, 1], [1, 0]] as const) {
    assertThrows(() => dropTo({ uid, gid, name: null }), PrivilegeError, "never");
  }
});

Deno.test({
  name: "dropTo: without root it fails and says so",
  ignore: Deno.uid() === 0,
  fn: () => {
    assertThrows(() => dropTo({ uid: 12345, gid: 12345, name: null }), PrivilegeError);
  },
});

const CHILD = `
import { dropTo } from ${
  JSON.stringify(new URL("../../../net/privileges.ts", import.meta.url).href)
};
const worker = new Worker("data:text/javascript,self.postMessage(1)", { type: "module" });
await new Promise((done) => worker.onmessage = done);
await Deno.stat("/");
dropTo({ uid: 65534, gid: 65533, name: null });
const threads = [...Deno.readDirSync("/proc/self/task")].map((t) =>
  Deno.readTextFileSync("/proc/self/task/" + t.name + "/status"));
const lines = threads.flatMap((t) => t.match(/^(Uid|Gid|Groups|CapEff):.*$/gm));
console.log(JSON.stringify([...new Set(lines)].sort()));
try { Deno.readFileSync("/etc/shadow"); console.log("read"); } catch { console.log("closed"); }
Deno.exit(0);
`;

Deno.test({
  name: "dropTo: all threads have the new ids and no capability (skipped where not root)",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(CHILD));
    await writer.close();
    const { code, stdout } = await child.output();
    assertEquals(code, 0);
    const [ids, shadow] = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(shadow, "closed");
    assertEquals(JSON.parse(ids!).map((line: string) => line.trim()), [
      "CapEff:\t0000000000000000",
      "Gid:\t65533\t65533\t65533\t65533",
      "Groups:",
      "Uid:\t65534\t65534\t65534\t65534",
    ]);
  },
});
