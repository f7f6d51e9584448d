import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../cli/command.ts";
import { listenPlaces, movedTo, parsePlace } from "../../../cli/places.ts";
import { parseServe } from "../../../cli/serve_options.ts";
import { defaultSettings } from "../../../settings/mod.ts";

Deno.test("parsePlace: HOST:PORT, and what is different for this listener alone", () => {
  const plain = parsePlace("smtps", "[::1]:465");
  assertEquals([plain.address.hosts, plain.address.port, plain.tls], [["::1"], 465, {}]);
  const own = parsePlace("smtps", "127.0.0.1:465+client_cert=require+client_ca=/etc/x/ca.pem");
  assertEquals(own.address.text, "127.0.0.1:465");
  assertEquals(own.tls, { client_cert: "require", client_ca: "/etc/x/ca.pem" });
  assertEquals(parsePlace("smtp", ":25+client_cert=none").tls, { client_cert: "none" });
});

Deno.test("parsePlace: what is no option, stands twice or has no TLS is said with the word", () => {
  for (
    const [service, word, why] of [
      ["smtp", ":25+", '"" is neither'],
      ["smtp", ":25+client_cert", '"client_cert" is neither'],
      ["smtp", ":25+client_ca=", '"client_ca=" is neither'],
      ["smtp", ":25+tls_cert=x", '"tls_cert=x" is neither'],
      ["smtp", ":25+client_cert=always", 'client_cert: "always" is not one of none, ask, require'],
      ["smtp", ":25+client_ca=a+client_ca=b", "client_ca stands twice"],
      ["qmtp", ":209+client_cert=ask", "qmtp has no TLS"],
      ["smtp", "25+client_cert=ask", '"25" is not HOST:PORT'],
    ] as const
  ) {
    assertThrows(() => parsePlace(service, word), UsageError, why);
  }
});

Deno.test("listenPlaces: the command line before the settings, both with options", () => {
  const settings = {
    ...defaultSettings(),
    smtps_listen: [":465+client_cert=require+client_ca=a.pem", ":1465"],
    pop3_listen: ["off"],
  };
  const args = parseServe(["--smtp", "127.0.0.1:2525+client_cert=ask+client_ca=b.pem"]);
  const found = listenPlaces(args, settings).map(({ service, address, tls }) =>
    [service, address.text, tls] as const
  );
  assertEquals(found, [
    ["smtp", "127.0.0.1:2525", { client_cert: "ask", client_ca: "b.pem" }],
    ["smtps", ":465", { client_cert: "require", client_ca: "a.pem" }],
    ["smtps", ":1465", {}],
  ]);
});

Deno.test("listenPlaces: authorities that nobody is asked for are a mistake", () => {
  const args = parseServe(["--smtps", ":465+client_ca=a.pem", "--smtp", "off", "--pop3", "off"]);
  assertThrows(() => listenPlaces(args, defaultSettings()), UsageError, "client_ca is of no use");
  const asking = { ...defaultSettings(), client_cert: "ask" as const };
  assertEquals(listenPlaces(args, asking)[0]?.tls, { client_ca: "a.pem" });
});

Deno.test("movedTo: another address, the same options", () => {
  const place = parsePlace("smtps", "127.0.0.1:0+client_cert=none");
  const moved = movedTo(place, "127.0.0.1:4650");
  assertEquals([moved.address.port, moved.tls, moved.service], [4650, place.tls, "smtps"]);
});
