import { assertEquals } from "@std/assert";
import { later, runWaiting } from "../../../net/later.ts";

const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("later: what is ready goes first, then all that wait, in their order", async () => {
  const log: string[] = [];
  later(() => log.push("first"));
  later(() => log.push("second"));
  await Promise.resolve().then(() => log.push("ready"));
  assertEquals(log, ["ready"]);
  await nextTurn();
  assertEquals(log, ["ready", "first", "second"]);
});

Deno.test("runWaiting: does at once what waits, which is then not done again", async () => {
  const log: string[] = [];
  later(() => {
    log.push("outer");
    later(() => log.push("inner"));
  });
  runWaiting();
  assertEquals(log, ["outer"]);
  await nextTurn();
  assertEquals(log, ["outer", "inner"]);
});

Deno.test("runWaiting: a fault of one is told, and the others are done", async () => {
  const told = Promise.withResolvers<unknown>();
  const listen = (event: ErrorEvent) => {
    event.preventDefault();
    told.resolve(event.error);
  };
  globalThis.addEventListener("error", listen);
  try {
    const log: string[] = [];
    later(() => {
      throw new Error("a fault");
    });
    later(() => log.push("done"));
    runWaiting();
    assertEquals(log, ["done"]);
    assertEquals((await told.promise as Error).message, "a fault");
  } finally {
    globalThis.removeEventListener("error", listen);
  }
});
