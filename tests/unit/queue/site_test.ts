import { assertEquals, assertMatch } from "@std/assert";
import { openQueue } from "../../../queue/mod.ts";
import { defaultSettings } from "../../../settings/mod.ts";
import { createLookupService } from "../../../validate/lookup.ts";
import {
  assertKind,
  deliver,
  inTempDir,
  keepTrace,
  mails,
  makeMaildir,
  names,
  reasonOf,
} from "./kit.ts";

/** Files are root's to give away; without root everything belongs to whoever runs the tests. */
const UID = Deno.uid() === 0 ? 54321 : Deno.uid() ?? 54321;
const GID = Deno.uid() === 0 ? 54321 : Deno.gid() ?? 54321;

function giveAway(path: string): void {
  if (Deno.uid() !== 0) return;
  Deno.chownSync(path, UID, GID);
  if (!Deno.lstatSync(path).isDirectory) return;
  for (const name of names(path)) giveAway(`${path}/${name}`);
}

/** A qmail installation below `root`: joe and alias, example.com local, virt.example to joe-virt. */
function makeSite(root: string): void {
  Deno.chmodSync(root, 0o755);
  const write = (path: string, text: string) => {
    Deno.mkdirSync(`${root}${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${root}${path}`, text, { mode: 0o644 });
  };
  write("/var/qmail/control/me", "mx.example.com\n");
  write("/var/qmail/control/locals", "example.com\nmx.example.com\n");
  write("/var/qmail/control/virtualdomains", "virt.example:joe-virt\n");
  write(
    "/etc/passwd",
    `root:x:0:0::/:/bin/sh\njoe:x:${UID}:${GID}::/home/joe:/bin/sh\nalias:x:${UID}:${GID}::/var/qmail/alias:/bin/sh\n`,
  );
  write("/home/joe/.qmail", "./Maildir/\n");
  write("/home/joe/.qmail-list", "&joe@example.com\n&info@virt.example\n");
  write("/home/joe/.qmail-list-owner", "./Maildir/\n");
  write("/home/joe/.qmail-virt-info", "./virt/\n");
  write("/home/joe/.qmail-prog", "./Maildir/\n|vacation joe\n");
  write("/home/joe/.qmail-far", "&somebody@elsewhere.example\n");
  write("/var/qmail/alias/.qmail-postmaster", "joe\n");
  makeMaildir(`${root}/home/joe/Maildir`);
  makeMaildir(`${root}/home/joe/virt`);
  giveAway(`${root}/home/joe`);
  giveAway(`${root}/var/qmail/alias`);
}

Deno.test("openQueue: a small qmail site, with the real look-up: users, virtual domain, list, alias", () =>
  inTempDir(async (root) => {
    makeSite(root);
    const site = createLookupService({ root, users: "passwd", recheckMs: 0 });
    const queue = openQueue({
      settings: { ...defaultSettings(), queue: "maildir" },
      qmailDir: `${root}/var/qmail`,
      env: {},
      site,
      controlLines: (name) => site.control.lines(name),
      trace: keepTrace(),
      host: "mx.example.com",
    });
    const maildir = `${root}/home/joe/Maildir`;
    const virt = `${root}/home/joe/virt`;
    const empty = () =>
      [maildir, virt].forEach((m) =>
        names(`${m}/new`).forEach((n) => Deno.removeSync(`${m}/new/${n}`))
      );

    assertKind(await deliver(queue, ["joe@example.com"], "x\n", "s@far"), "queued");
    assertEquals(mails(maildir), ["Return-Path: <s@far>\nDelivered-To: joe@example.com\nx\n"]);
    empty();

    assertKind(await deliver(queue, ["info@virt.example"], "x\n", "s@far"), "queued");
    assertEquals(mails(virt), [
      "Return-Path: <s@far>\nDelivered-To: joe-virt-info@virt.example\nx\n",
    ]);
    empty();

    assertKind(await deliver(queue, ["joe-list@example.com"], "x\n", "s@far"), "queued");
    const owner = "Return-Path: <joe-list-owner@example.com>\n";
    assertEquals(mails(maildir), [
      `${owner}Delivered-To: joe@example.com\nDelivered-To: joe-list@example.com\nx\n`,
    ]);
    assertEquals(mails(virt), [
      `${owner}Delivered-To: joe-virt-info@virt.example\nDelivered-To: joe-list@example.com\nx\n`,
    ]);
    empty();

    assertKind(await deliver(queue, ["postmaster@example.com"], "x\n", ""), "queued");
    assertMatch(
      mails(maildir)[0] ?? "",
      /^Return-Path: <>\nDelivered-To: joe@.*\nDelivered-To: postmaster@example.com\n/,
    );
    assertEquals(Deno.statSync(`${maildir}/new/${names(`${maildir}/new`)[0]}`).uid, UID);
    empty();

    for (
      const [address, kind, why] of [
        ["joe-prog@example.com", "deferred", /line 2 of .*\.qmail-prog.*qmail-queue/],
        ["joe-far@example.com", "deferred", /somebody@elsewhere\.example/],
        ["nobody@example.com", "refused", /./],
        ["x@elsewhere.example", "deferred", /leaves this machine/],
      ] as const
    ) {
      const outcome = await deliver(queue, [address], "x\n", "s@far");
      assertKind(outcome, kind);
      assertMatch(reasonOf(outcome), why);
      const before = await queue.canDeliver?.(address);
      assertMatch(before ?? "", why);
    }
    assertEquals(await queue.canDeliver?.("joe-list@example.com"), null);
    assertEquals(
      [...names(`${maildir}/new`), ...names(`${maildir}/tmp`), ...names(`${virt}/new`)],
      [],
    );
  }));
