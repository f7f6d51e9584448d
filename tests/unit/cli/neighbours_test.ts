import { assertEquals } from "@std/assert";
import { limitBySettings, proxiesOf } from "../../../cli/neighbours.ts";
import type { Site } from "../../../cli/site.ts";
import { makeSharedLimits, SessionLimits } from "../../../net/limits.ts";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";

const siteWith = (changes: Partial<Settings>): Site =>
  ({ current: { settings: { ...defaultSettings(), ...changes } } }) as unknown as Site;

Deno.test("limitBySettings: forwarders and this machine are spared the limit of networks, nobody else", () => {
  const limits = new SessionLimits(makeSharedLimits(10, 1), 0, 1, 1);
  limitBySettings(
    limits,
    siteWith({ max_sessions_per_network: 1, known_forwarders: ["192.0.2.7"] }),
  );
  assertEquals([limits.maxSessions, limits.maxPerNetwork], [10_000, 1]);
  const enter = (ip: string) => typeof limits.enter(ip) === "number";
  assertEquals(["192.0.2.1", "192.0.2.2", "192.0.2.7"].map(enter), [true, false, true]);
  assertEquals(["127.0.0.1", "127.0.0.2"].map(enter), [true, true]);
});

Deno.test("proxiesOf: none by default; those of the settings of the moment", () => {
  assertEquals(proxiesOf(siteWith({})), undefined);
  const terms = proxiesOf(siteWith({ proxy_from: ["10.0.0.0/8"], proxy_timeout_seconds: 7 }));
  assertEquals([terms?.isProxy("10.1.2.3"), terms?.isProxy("192.0.2.1"), terms?.seconds], [
    true,
    false,
    7,
  ]);
});
