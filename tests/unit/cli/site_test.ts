import { assertEquals, assertRejects } from "@std/assert";
import { SiteError } from "../../../cli/command.ts";
import { parseServe } from "../../../cli/serve_options.ts";
import { openSite } from "../../../cli/site.ts";

Deno.test("Site.refresh: one that fails while a message is in hand does not count that twice", async () => {
  const top = Deno.makeTempDirSync();
  try {
    for (const name of ["control", "users", "Maildir"]) Deno.mkdirSync(`${top}/${name}`);
    Deno.writeTextFileSync(`${top}/control/me`, "mx.example\n");
    const cfg = `${top}/control/trace.cfg`;
    Deno.writeTextFileSync(cfg, "trace_level: 0\n");
    const site = await openSite(parseServe(["--qmail-dir", top]), {
      isService: false,
    });
    const delivery = await site.current.queue.open(1, { sender: "", recipients: ["a@b.example"] });
    assertEquals(site.inHand, 1);
    Deno.writeTextFileSync(cfg, "trace_level: 0\nauth_source: nonsense\n");
    for (let i = 0; i < 3; i++) await assertRejects(() => site.refresh(true), SiteError);
    assertEquals(site.inHand, 1);
    Deno.writeTextFileSync(cfg, "trace_level: 0\n");
    assertEquals(await site.refresh(true), true);
    assertEquals(site.inHand, 1);
    await delivery.abort();
    assertEquals(site.inHand, 0);
    await site.close();
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
});
