import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isStderr, openTrace, type TraceOptions, tracePath } from "../../../trace/file.ts";
import { SMTP_EVENTS } from "../../../trace/events.ts";

interface Place {
  readonly dir: string;
  readonly path: string;
  readonly said: string[];
  now: number;
  open(options?: Partial<TraceOptions>): ReturnType<typeof openTrace>;
  lines(name?: string): string[];
}

async function inPlace(test: (place: Place) => void | Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  const place: Place = {
    dir,
    path: `${dir}/trace`,
    said: [],
    now: 1_000_000,
    open: (options = {}) =>
      openTrace({
        file: place.path,
        level: 4,
        format: "katr",
        clock: () => place.now,
        onTrouble: (s) => place.said.push(s),
        ...options,
      }),
    lines: (name = "trace") =>
      Deno.readTextFileSync(`${dir}/${name}`).split("\n").slice(0, -1).map((l) => l.slice(20)),
  };
  try {
    await test(place);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const say = (tracer: ReturnType<typeof openTrace>, ip: string) =>
  tracer.emit(7, SMTP_EVENTS.remoteip, { ip });
const line = (ip: string) => `(1) (7) setup: remoteip: ${ip}`;

Deno.test("openTrace: lines leave on flush, in order, appended, in a file of mode 0640 at most", () =>
  inPlace(async (place) => {
    const tracer = place.open();
    say(tracer, "a");
    say(tracer, "b");
    tracer.flush();
    assertEquals(place.lines(), [line("a"), line("b")]);
    await tracer.close();
    const again = place.open();
    say(again, "c");
    await again.close();
    assertEquals(place.lines(), [line("a"), line("b"), line("c")]);
    // The umask may take bits away; none may come in.
    assertEquals((Deno.statSync(place.path).mode ?? 0) & 0o777 & ~0o640, 0);
  }));

Deno.test("openTrace: lines leave by themselves when the event loop turns idle", () =>
  inPlace(async (place) => {
    const tracer = place.open();
    say(tracer, "a");
    assertEquals(place.lines(), []);
    await new Promise((done) => setTimeout(done, 1));
    await new Promise((done) => setTimeout(done, 1));
    assertEquals(place.lines(), [line("a")]);
    await tracer.close();
  }));

Deno.test("openTrace: 64 KiB leave without waiting", () =>
  inPlace(async (place) => {
    const tracer = place.open();
    for (let i = 0; i < 2000; i++) say(tracer, String(i));
    assert(place.lines().length > 1000);
    await tracer.close();
    assertEquals(place.lines().length, 2000);
  }));

Deno.test("openTrace: events above the level are not written, level 0 and no name write nothing", () =>
  inPlace(async (place) => {
    const tracer = place.open({ level: 1 });
    tracer.emit(7, SMTP_EVENTS.rcpt, { user: "a", domain: "b" });
    say(tracer, "a");
    await tracer.close();
    assertEquals(place.lines(), [line("a")]);
    for (
      const off of [place.open({ level: 0, file: `${place.dir}/no` }), place.open({ file: "" })]
    ) {
      say(off, "a");
      await off.close();
      assertEquals(off.level, 0);
    }
    assertEquals([...Deno.readDirSync(place.dir)].map((e) => e.name), ["trace"]);
  }));

Deno.test("openTrace: a renamed file is followed by a new one within a second", () =>
  inPlace(async (place) => {
    const tracer = place.open();
    say(tracer, "a");
    tracer.flush();
    Deno.renameSync(place.path, `${place.dir}/trace.1`);
    say(tracer, "b");
    tracer.flush();
    assertEquals(place.lines("trace.1"), [line("a"), line("b")]);
    place.now += 1000;
    say(tracer, "c");
    tracer.flush();
    assertEquals(place.lines(), [line("c")]);
    await tracer.close();
    assertEquals(place.said, []);
  }));

Deno.test("openTrace: reopen follows at once, and a removed file comes back", () =>
  inPlace(async (place) => {
    const tracer = place.open();
    say(tracer, "a");
    Deno.renameSync(place.path, `${place.dir}/trace.1`);
    tracer.reopen();
    say(tracer, "b");
    tracer.flush();
    assertEquals([place.lines("trace.1"), place.lines()], [[line("a")], [line("b")]]);
    Deno.removeSync(place.path);
    place.now += 1000;
    say(tracer, "c");
    await tracer.close();
    assertEquals(place.lines(), [line("c")]);
  }));

Deno.test("openTrace: a file that can't be opened is told once and tried again", () =>
  inPlace(async (place) => {
    const file = `${place.dir}/log/trace`;
    const tracer = place.open({ file });
    assertEquals(place.said.length, 1);
    assertStringIncludes(place.said[0] ?? "", `Unable to open the trace file "${file}" (No such`);
    say(tracer, "a");
    tracer.flush();
    Deno.mkdirSync(`${place.dir}/log`);
    say(tracer, "b");
    tracer.flush();
    place.now += 10_000;
    say(tracer, "c");
    await tracer.close();
    assertEquals(place.said.length, 1);
    assertEquals(place.lines("log/trace"), [
      "(1) (0) trace: 2 lines before this one could not be written",
      line("c"),
    ]);
  }));

Deno.test("openTrace: what is no regular file is refused without blocking", () =>
  inPlace(async (place) => {
    const made = await new Deno.Command("mkfifo", { args: [`${place.dir}/fifo`] }).output();
    assert(made.success);
    for (const file of [`${place.dir}/fifo`, place.dir]) {
      const tracer = place.open({ file });
      say(tracer, "a");
      await tracer.close();
    }
    assertEquals(place.said.length, 2);
    assertStringIncludes(place.said[0] ?? "", "not a regular file");
  }));

for (const target of ["there", "dangling"]) {
  Deno.test({
    name: `openTrace: as root somebody else's link is not followed (${target})`,
    ignore: Deno.uid() !== 0,
    fn: () =>
      inPlace(async (place) => {
        const other = `${place.dir}/other`;
        if (target === "there") Deno.writeTextFileSync(other, "precious\n");
        Deno.symlinkSync(other, place.path);
        const { success } = await new Deno.Command("chown", { args: ["-h", "1", place.path] })
          .output();
        assert(success);
        const tracer = place.open();
        say(tracer, "a");
        await tracer.close();
        assertStringIncludes(place.said[0] ?? "", "root does not follow it");
        assertEquals(exists(other), target === "there");
        if (target === "there") assertEquals(Deno.readTextFileSync(other), "precious\n");
      }),
  });
}

for (const target of ["there", "dangling", "relative"]) {
  Deno.test(`openTrace: a link of one's own is followed (${target})`, () =>
    inPlace(async (place) => {
      const other = `${place.dir}/other`;
      if (target === "there") Deno.writeTextFileSync(other, "");
      Deno.symlinkSync(target === "relative" ? "other" : other, place.path);
      const tracer = place.open();
      say(tracer, "a");
      await tracer.close();
      assertEquals(place.lines("other"), [line("a")]);
      assertEquals(place.said, []);
    }));
}

Deno.test({
  name: "openTrace: a full disk is told once, mail never hears of it",
  ignore: !exists("/dev/full"),
  fn: () =>
    inPlace(async (place) => {
      const tracer = place.open();
      // The open file stays, its descriptor now leads to a full device: as near to ENOSPC as a test can get.
      const fd = descriptorOf(place.path);
      const full = Deno.openSync("/dev/full", { write: true });
      const libc = Deno.dlopen("libc.so.6", {
        dup2: { parameters: ["i32", "i32"], result: "i32" },
      });
      try {
        libc.symbols.dup2(descriptorOf("/dev/full"), fd);
      } finally {
        full.close();
        libc.close();
      }
      say(tracer, "a");
      tracer.flush();
      say(tracer, "b");
      tracer.flush();
      assertEquals(place.said.length, 1);
      assertMatch(place.said[0] ?? "", /^Unable to write to the trace file .* \(No space left/);
      place.now += 10_000;
      say(tracer, "c");
      await tracer.close();
      assertEquals(place.lines().slice(-1), [line("c")]);
      assertEquals(place.said.length, 1);
    }),
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function descriptorOf(path: string): number {
  const real = Deno.realPathSync(path);
  for (const entry of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${entry.name}`) === real) return Number(entry.name);
    } catch {
      // The descriptor of the listing itself is gone by now.
    }
  }
  throw new Error(`no descriptor for ${path}`);
}

/** A reader of stderr that stands still until it is told to read. */
function slowReader() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  return {
    taken,
    write(bytes: Uint8Array): Promise<number> {
      return new Promise((done) =>
        waiting.push(() => {
          taken.push(new TextDecoder().decode(bytes));
          done(bytes.length);
        })
      );
    },
    async read() {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        next();
        await new Promise((done) => setTimeout(done, 0));
      }
    },
  };
}

Deno.test("openTrace: a reader of stderr that stands still costs lines, never memory without end", () =>
  inPlace(async (place) => {
    const reader = slowReader();
    const tracer = place.open({ file: "-", stderr: reader });
    say(tracer, "first");
    tracer.flush();
    const long = "x".repeat(900);
    for (let i = 0; i < 3000; i++) say(tracer, long);
    await reader.read();
    say(tracer, "last");
    const closing = tracer.close();
    await reader.read();
    await closing;
    const all = reader.taken.join("").split("\n");
    assert(all.length < 1400, String(all.length));
    assertMatch(all.at(-3) ?? "", /\(0\) trace: \d+ lines before this one could not be written$/);
    assertEquals(all.at(-2)?.slice(20), line("last"));
  }));

Deno.test("openTrace: a reader of stderr that is gone harms nobody", () =>
  inPlace(async (place) => {
    const stderr = { write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")) };
    const tracer = place.open({ file: "stderr", stderr });
    for (const ip of ["a", "b"]) {
      say(tracer, ip);
      tracer.flush();
      await Promise.resolve();
    }
    await tracer.close();
  }));

Deno.test("tracePath: relative names lie below the qmail directory", () => {
  assertEquals(tracePath("log/trace", "/var/qmail"), "/var/qmail/log/trace");
  assertEquals(tracePath("/var/log/trace", "/var/qmail"), "/var/log/trace");
  assertEquals(tracePath("/var/log/trace", "/r/var/qmail", "/r/"), "/r/var/log/trace");
  for (const same of ["", "-", "stderr", "/dev/stderr"]) {
    assertEquals(tracePath(same, "/var/qmail", "/r"), same);
  }
  assert(isStderr("-") && isStderr("STDERR") && !isStderr("log/stderr"));
});
