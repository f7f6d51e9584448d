/**
 * The page of `qfront report --html` in a real browser: on a phone and on a desk, light and dark. REPORT_SCREENSHOTS names a
 * directory for the pictures.
 */
import { assert, assertEquals } from "@std/assert";
import { htmlReport } from "../../report/html.ts";
import { reported } from "../unit/report/kit.ts";
import { sampleLogs } from "../unit/report/sample_logs.ts";
import { findChromium, openPage } from "./chromium.ts";

const directory = Deno.makeTempDirSync({ prefix: "qfront-page-" });
Deno.chmodSync(directory, 0o755);
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
const chromium = await findChromium(directory);
if (chromium === null) console.log("skipped: Chromium can't be had here");

const EVIL =
  "rblsmtpd: 192.0.2.7 pid 1: 553 <script>document.title='x'</script><img src=x onerror=1>\n" +
  `rblsmtpd: 192.0.2.7 pid 1: 553 ${"wide".repeat(200)}\n` +
  `starting delivery 1: msg 1 to local ${"long".repeat(100)}@example.org\n` +
  "delivery 1: failure: no/\n";

async function makePage(): Promise<string> {
  const start = Date.UTC(2026, 2, 1);
  const logs = sampleLogs(3000, "katr", start, 60_000);
  const report = await reported([[...logs.trace].join(""), logs.send.join(""), EVIL], {
    recheck: {
      asked: 3,
      undecided: 0,
      refused: [{
        recipient: `${"x".repeat(90)}@example.org`,
        accepted: 3,
        bounced: 1,
        reason: "why",
      }],
    },
  });
  const path = `${directory}/page.html`;
  Deno.writeTextFileSync(path, htmlReport(report));
  return path;
}

Deno.test({
  name: "htmlReport: a browser shows it at every width without scrolling sideways or complaining",
  ignore: chromium === null,
  async fn() {
    assert(chromium !== null);
    const page = await openPage(chromium, await makePage(), directory);
    try {
      for (const width of [320, 390, 768, 1280]) {
        for (const scheme of ["light", "dark"] as const) {
          await page.show(width, scheme);
          const wide = await page.evaluate("document.documentElement.scrollWidth");
          assertEquals(wide, width, `${width} ${scheme}`);
          const pictures = Deno.env.get("REPORT_SCREENSHOTS");
          if (pictures !== undefined) await page.screenshot(`${pictures}/${width}_${scheme}.png`);
        }
      }
      assertEquals(await page.evaluate("document.scripts.length + document.images.length"), 0);
      assert(String(await page.evaluate("document.title")).startsWith("Mail report of"));
      const seen = await page.evaluate(
        "[...document.querySelectorAll('svg')].filter((s) => s.getBoundingClientRect().height > 2).length",
      );
      assert(Number(seen) > 20, `${seen} charts`);
      const font = await page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *')].filter((e) => e.innerText)" +
          ".map((e) => parseFloat(getComputedStyle(e).fontSize)))",
      );
      assert(Number(font) >= 11, `smallest letters: ${font}px`);
      assertEquals(page.complaints, []);
    } finally {
      await page.close();
    }
  },
});
