/** The file of rules: environments, changes, trouble. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { makeCdb } from "../../../cdb/mod.ts";
import { openRules, RulesError, type RulesOptions } from "../../../net/rules.ts";
import { createMemoryTracer } from "../../../trace/memory.ts";

const BASE = { PATH: "/bin", DATABYTES: "5" };

interface Rig {
  readonly dir: string;
  readonly said: string[];
  readonly tracer: ReturnType<typeof createMemoryTracer>;
  put(content: string | Uint8Array): void;
  open(more?: Partial<RulesOptions>): ReturnType<typeof openRules>;
}

function withRules(file: string, test: (rig: Rig) => void): void {
  const dir = Deno.makeTempDirSync();
  const path = `${dir}/${file}`;
  const said: string[] = [];
  const tracer = createMemoryTracer(1);
  // In place of the old file, as tcprules does it: another inode.
  const put = (content: string | Uint8Array) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(`${path}.new`, bytes);
    Deno.renameSync(`${path}.new`, path);
  };
  const options = {
    path,
    name: file,
    env: BASE,
    trace: tracer,
    onProblem: (sentence: string) => void said.push(sentence),
  };
  try {
    test({ dir, said, tracer, put, open: (more) => openRules({ ...options, ...more }) });
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("openRules: a rule's environment goes over what every session has", () => {
  withRules("tcp.smtp", ({ put, open, said }) => {
    put('127.:allow,RELAYCLIENT="",DATABYTES="0"\n192.0.2.7:deny\n10.:allow\n');
    const rules = open();
    assertEquals(rules("127.0.0.1"), { PATH: "/bin", DATABYTES: "0", RELAYCLIENT: "" });
    assertEquals(rules("10.1.1.1"), BASE);
    assertEquals(rules("8.8.8.8"), BASE);
    assertEquals(rules("192.0.2.7"), null);
    assertEquals(said, []);
  });
});

Deno.test("openRules: a session can't change what the next one gets", () => {
  withRules("tcp.smtp", ({ put, open }) => {
    put('127.:allow,RELAYCLIENT=""\n');
    assert(Object.isFrozen(open()("127.0.0.1")));
  });
});

Deno.test("openRules: who is denied is traced", () => {
  withRules("tcp.smtp", ({ put, open, tracer }) => {
    put(":deny\n");
    open()("2001:db8::1");
    assertEquals(tracer.lines(), ["(1) listen: refused 2001:db8::1: denied by a connection rule"]);
  });
});

Deno.test("openRules: a cdb by its name", () => {
  withRules("tcp.smtp.cdb", ({ put, open }) => {
    put(makeCdb([["127.", "+RELAYCLIENT=\0"], ["", "D\0"]]));
    const rules = open();
    assertEquals(rules("127.0.0.1"), { ...BASE, RELAYCLIENT: "" });
    assertEquals(rules("192.0.2.1"), null);
  });
});

Deno.test("openRules: what changes is read again", () => {
  for (const file of ["tcp.smtp", "tcp.smtp.cdb"]) {
    withRules(file, ({ put, open, said }) => {
      const isCdb = file.endsWith(".cdb");
      put(isCdb ? makeCdb([["127.", "D\0"]]) : "127.:deny\n");
      const rules = open();
      assertEquals([rules("127.0.0.1"), rules("10.0.0.1")], [null, BASE]);
      put(isCdb ? makeCdb([["10.", "D\0"]]) : "10.:deny\n");
      assertEquals([rules("127.0.0.1"), rules("10.0.0.1")], [BASE, null]);
      assertEquals(said, []);
    });
  }
});

Deno.test("openRules: a file that breaks or goes leaves the old rules in force, and that is said once", () => {
  withRules("tcp.smtp", ({ dir, put, open, said }) => {
    put("127.:deny\n");
    const rules = open();
    put("# ok\n127.:alow\n");
    assertEquals([rules("127.0.0.1"), rules("127.0.0.1")], [null, null]);
    assertEquals(said, [
      'Connection rules "tcp.smtp" can\'t be used: Line 2: "127.:alow" is not of the form ' +
      '"address:allow" or "address:deny"; the rules read before stay in force',
    ]);
    Deno.removeSync(`${dir}/tcp.smtp`);
    assertEquals([rules("127.0.0.1"), rules("127.0.0.1")], [null, null]);
    assertEquals(said.length, 2);
    assert(said[1]?.includes("there is no such file"));
    put("10.:deny\n");
    assertEquals([rules("127.0.0.1"), rules("10.0.0.1"), said.length], [BASE, null, 2]);
  });
});

Deno.test("openRules: a cdb that is cut short leaves the old rules in force", () => {
  withRules("tcp.smtp.cdb", ({ put, open, said }) => {
    const whole = makeCdb([["127.", "D\0"], ["10.", "+X=1\0"]]);
    put(whole);
    const rules = open();
    put(whole.slice(0, 2060));
    assertEquals(rules("127.0.0.1"), null);
    assert(said[0]?.includes("cut short"), said[0]);
  });
});

Deno.test("openRules: at the start a file that is missing or broken is an error with its name", () => {
  withRules("tcp.smtp", ({ put, open }) => {
    assertThrows(
      () => open(),
      RulesError,
      'Connection rules "tcp.smtp" can\'t be used: there is no',
    );
    put("nonsense\n");
    assertThrows(() => open(), RulesError, "Line 1");
  });
});

Deno.test("openRules: names are asked for where rules ask for them, and only there", () => {
  withRules("tcp.smtp", ({ put, open, said }) => {
    const asked: string[] = [];
    const nameOf = (ip: string) => {
      asked.push(ip);
      return ip === "192.0.2.7" ? "mx.client.example" : null;
    };
    put("10.:deny\n");
    const rules = open({ nameOf });
    rules("192.0.2.7");
    assertEquals(asked, []);
    put("=.client.example:deny\n");
    assertEquals([rules("192.0.2.7"), rules("192.0.2.8")], [null, BASE]);
    assertEquals([asked, said], [["192.0.2.7", "192.0.2.8"], []]);
  });
});

Deno.test("openRules: rules that match nobody are said once", () => {
  withRules("tcp.smtp", ({ put, open, said }) => {
    put("=.client.example:deny\n10:deny\n");
    const rules = open();
    assertEquals([rules("10.0.0.1"), rules("10.0.0.1")], [BASE, BASE]);
    assertEquals(said, [
      'Connection rules "tcp.smtp": Line 1: "=.client.example" asks reverse DNS, ' +
      "which is not done: the rule is skipped",
      'Connection rules "tcp.smtp": Line 2: "10" matches no address; a prefix ends with a dot',
    ]);
  });
});
