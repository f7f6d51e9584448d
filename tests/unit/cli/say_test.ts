import { assertEquals, assertMatch } from "@std/assert";
import { faultText } from "../../../cli/say.ts";

function faultAt(...places: readonly string[]): Error {
  const fault = new TypeError("x is not a function");
  fault.stack = ["TypeError: x is not a function", ...places.map((at) => `    at ${at}`)].join(
    "\n",
  );
  return fault;
}

Deno.test("faultText: room and file of three places, whatever the directory of the program", () => {
  const fault = faultAt(
    "a (file:///tmp/deno-compile-qfront/smtp/session.ts:4:9)",
    "file:///main.ts:7:20",
    "Array.map (<anonymous>)",
    "b (file:///net/session.ts:1:1)",
  );
  assertEquals(
    faultText(fault),
    "TypeError: x is not a function (at a (smtp/session.ts:4:9), main.ts:7:20, Array.map (<anonymous>))",
  );
  assertEquals(faultText("nonsense"), "nonsense");
  assertMatch(faultText(new Error("here")), /^Error: here \(at .*cli\/say_test\.ts:\d+:\d+/);
});
