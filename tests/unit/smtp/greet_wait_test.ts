import { assertEquals } from "@std/assert";
import { defaultSettings, type Settings } from "../../../settings/mod.ts";
import { controlOf, deskOf, feed, rigOf, SITE } from "./kit.ts";

const STRANGER = { TCPREMOTEIP: "192.0.2.7" };

/** Sessions of one service, whose memory is one. */
function service(settings: Partial<Settings>) {
  const { state } = deskOf({ ...defaultSettings(), ...settings }, controlOf(SITE));
  return (env: Record<string, string> = STRANGER) => rigOf({ settings, desk: { state }, env });
}

Deno.test("greetDelaySeconds: who waited well is greeted at once the next time", async () => {
  const open = service({ greet_delay_seconds: 3 });
  const first = open();
  assertEquals(first.engine.greetDelaySeconds, 3);
  await feed(first.engine, "QUIT\r\n");
  assertEquals(open().engine.greetDelaySeconds, undefined);
  assertEquals(open({ TCPREMOTEIP: "192.0.2.8" }).engine.greetDelaySeconds, 3);
});

Deno.test("greetDelaySeconds: who spoke early waits again", async () => {
  const open = service({ greet_delay_seconds: 3, early_talker: "on" });
  const early = open();
  early.engine.spokeEarly?.();
  await feed(early.engine, "QUIT\r\n");
  assertEquals(open().engine.greetDelaySeconds, 3);
});
