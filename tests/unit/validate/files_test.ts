import { assert, assertEquals } from "@std/assert";
import { type Failed, type Found, openFiles } from "../../../validate/files.ts";
import { LIBRARY } from "../../../validate/library.ts";
import {
  binaryPath,
  denoPath,
  denoSystem,
  librarySystem,
  type Stat,
} from "../../../validate/system.ts";
import { withSite } from "./small_site.ts";

const shown = (sight: Found | Failed): string => sight.ok ? sight.path : sight.errno;

Deno.test("openFiles.resolve: links and .. stay below the root", () => {
  withSite((site) => {
    const files = openFiles(site.root);
    const link = (target: string, name: string) => Deno.symlinkSync(target, site.path(name));
    link("/home/joe", "home/absolute");
    link("../../../../../../../etc", "home/upward");
    link("/../../etc/passwd", "home/escape");
    link("loop", "home/loop");
    link("nowhere", "home/dangling");
    const see = (path: string) => shown(files.resolve(path, null));
    assertEquals(see("/home/absolute"), "/home/joe");
    assertEquals(see("/home/upward/passwd"), "/etc/passwd");
    assertEquals(see("/home/escape"), "/etc/passwd");
    assertEquals(see("/../../etc/passwd"), "/etc/passwd");
    assertEquals(see("//home/./joe//"), "/home/joe");
    assertEquals(see("/home/loop"), "ELOOP");
    assertEquals(see("/home/dangling"), "ENOENT");
    assertEquals(see("/etc/passwd/x"), "ENOTDIR");
    assertEquals(see("/etc/passwd/"), "ENOTDIR");
    assertEquals(see(`/home/${"x".repeat(256)}`), "ENAMETOOLONG");
    assertEquals(see(`/${"x/".repeat(2048)}`), "ENAMETOOLONG");
    assertEquals(see(""), "ENOENT");
  });
});

Deno.test("openFiles: permissions are judged by owner, group and others, on every directory", () => {
  withSite((site) => {
    site.write("home/joe/secret", "x");
    Deno.chmodSync(site.path("home/joe/secret"), 0o640);
    const { uid = 0, gid = 0 } = Deno.statSync(site.path("home/joe/secret"));
    const owner = { uid: uid ?? 0, gid: -1 };
    const group = { uid: -1, gid: gid ?? 0 };
    const other = { uid: -1, gid: -1 };
    const open = (person: typeof owner) => {
      const files = openFiles(site.root);
      return shown(files.open("/home/joe/secret", person));
    };
    assertEquals([owner, group, other].map(open), [
      "/home/joe/secret",
      "/home/joe/secret",
      "EACCES",
    ]);
    Deno.chmodSync(site.path("home/joe"), 0o710);
    assertEquals([owner, group].map(open), ["/home/joe/secret", "/home/joe/secret"]);
    assertEquals(shown(openFiles(site.root).resolve("/home/joe/secret", other)), "EACCES");
    Deno.chmodSync(site.path("home/joe"), 0o755);
  });
});

Deno.test("openFiles.watch: the same bytes until the file changes", () => {
  withSite((site) => {
    const watched = openFiles(site.root).watch("/etc/passwd");
    const before = watched.bytes();
    assertEquals(watched.bytes() === before, true);
    site.write("etc/passwd", "new\n");
    const after = watched.bytes();
    assertEquals(after instanceof Uint8Array ? after.length : after, 4);
  });
});

Deno.test("openFiles.onDisk: resolved as far as it exists, below the root in any case", () => {
  withSite((site) => {
    Deno.symlinkSync("/home/joe", site.path("home/link"));
    const files = openFiles(site.root);
    assertEquals(files.onDisk("/home/link/Maildir"), `${site.root}/home/joe/Maildir`);
    assertEquals(files.onDisk("/../../home/../x"), `${site.root}/x`);
    assertEquals(openFiles("").onDisk("/home/x"), "/home/x");
  });
});

Deno.test({
  name: "librarySystem: reads files of every size whole",
  ignore: LIBRARY === null,
  fn() {
    withSite((site) => {
      if (LIBRARY === null) return;
      const { read } = librarySystem(LIBRARY);
      const path = site.path("etc/large");
      const [chunk, piece] = [65536, 1024 * 1024];
      for (const size of [0, 1, chunk - 1, chunk, chunk + 1, chunk + piece, 2 * piece + 17]) {
        const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
        Deno.writeFileSync(path, bytes);
        const found = read(binaryPath(path));
        assert(found instanceof Uint8Array && found.length === size);
        assert(found.every((byte, i) => byte === bytes[i]), `${size} bytes`);
      }
    });
  },
});

Deno.test({
  name: "librarySystem: says what Deno's own calls say",
  ignore: LIBRARY === null,
  fn() {
    withSite((site) => {
      if (LIBRARY === null) return;
      const [library, deno] = [librarySystem(LIBRARY), denoSystem()];
      Deno.symlinkSync("joe", site.path("home/link"));
      for (const name of ["etc/passwd", "home", "home/link", "nosuch", "etc/passwd/x"]) {
        const path = binaryPath(site.path(name));
        for (const follow of [true, false]) {
          assertEquals(
            comparable(library.stat(path, follow)),
            comparable(deno.stat(path, follow)),
          );
        }
        assertEquals(library.read(path), deno.read(path));
        assertEquals(library.readLink(path), deno.readLink(path));
      }
    });
  },
});

/**
 * Deno rounds times and puts device numbers together differently; they only have to stay the same.
 */
const comparable = (stat: Stat | string): unknown =>
  typeof stat === "string" ? stat : { ...stat, dev: 0, ctime: 0, mtime: Math.trunc(stat.mtime) };

Deno.test("denoPath: bytes as UTF-8, or nothing", () => {
  assertEquals(denoPath(binaryPath("/h\u00f6me")), "/h\u00f6me");
  assertEquals(denoPath("/h\u00f6me"), null);
});

Deno.test("openFiles names: those that begin so, unless there are too many or none can be seen", () => {
  const root = Deno.makeTempDirSync();
  try {
    for (const name of [".qmail-a", ".qmail-b", "other"]) {
      Deno.writeTextFileSync(`${root}/${name}`, "");
    }
    const files = openFiles("");
    const home = files.resolve(root, null);
    if (!home.ok) throw new Error(home.errno);
    assertEquals([...files.names(home, ".qmail", 3) ?? []].sort(), [".qmail-a", ".qmail-b"]);
    assertEquals(files.names(home, ".qmail", 2), null);
    assertEquals(files.names({ ...home, path: `${root}/none` }, ".qmail", 3), null);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
