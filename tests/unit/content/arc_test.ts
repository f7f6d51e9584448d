import { assertEquals } from "@std/assert";
import { verifyArc } from "../../../content/arc.ts";
import { createFileResolver } from "../../../dns/file_resolver.ts";
import { messageOf } from "./kit.ts";
import { fixture, FIXTURES, readFixtures, readKeys, SIGNED_MS } from "./signed_kit.ts";

const context = { resolver: readKeys(FIXTURES), nowMs: SIGNED_MS, session: 1 };

for (const { name, method, wanted, text } of readFixtures(FIXTURES)) {
  if (method !== "arc") continue;
  Deno.test(`verifyArc: ${name}.eml, sealed by another implementation, is ${wanted}`, async () => {
    assertEquals((await verifyArc(messageOf(text), context)).result, wanted);
  });
}

Deno.test("verifyArc: tells who sealed and what they had found, the first one first", async () => {
  const { instances } = await verifyArc(messageOf(fixture("arc_two")), context);
  assertEquals(instances.map(({ sealer }) => sealer), ["list.example", "hub.example"]);
  assertEquals(instances[0]?.results.includes("dmarc=pass"), true);
  assertEquals(instances[1]?.results.includes("dmarc=fail"), true);
});

Deno.test("verifyArc: what is wrong with a chain, in words", async () => {
  const reason = async (from: string | RegExp, to: string) =>
    (await verifyArc(messageOf(fixture("arc_two").replace(from, to)), context)).reason;
  assertEquals(await reason("cv=pass", "cv=fail"), "instance 2 says cv=fail");
  assertEquals(await reason("cv=none", "cv=pass"), "instance 1 says cv=pass");
  assertEquals(await reason("i=2; hub", "i=3; hub"), "instance 2 is not complete");
  assertEquals(await reason("i=2; hub", "i=1; hub"), "instance 1 is there twice");
  assertEquals(await reason("i=2; hub", "hub"), "an instance has no number");
  assertEquals(await reason("i=2; hub", "i=51; hub"), "an instance has no number");
  assertEquals(await reason("; t=", "; h=from; t="), "seal 2 can't be read");
  assertEquals(await reason("s=hub; t=", "s=hub; n=1; t="), "seal 2 does not fit");
  assertEquals(
    await reason("Lunch", "Dinner"),
    "message signature: the signature does not fit the header",
  );
  assertEquals(await reason("See you", "See me"), "message signature: the body was changed");
});

Deno.test("verifyArc: while a key can't be had nothing is said for good", async () => {
  const zone = "hub._domainkey.hub.example TIMEOUT";
  const resolver = createFileResolver(zone, "zone");
  const found = await verifyArc(messageOf(fixture("arc_two")), { ...context, resolver });
  assertEquals(found.result, "temperror");
});
