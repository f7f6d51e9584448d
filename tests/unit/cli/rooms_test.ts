// Opens the C library before any test, so that none is seen to open it.
import "../../../validate/library.ts";
import { assert, assertEquals } from "@std/assert";
import { loadRooms, looksIntoMessages, mayLogIn, type Rooms } from "../../../cli/rooms.ts";
import { AUTHENTICITY_SETTINGS } from "../../../settings/authenticity.ts";
import { CONTENT_SETTINGS, FILTER_SETTINGS } from "../../../settings/content.ts";
import { defaultSettings } from "../../../settings/mod.ts";

const loadedOf = (rooms: Rooms): string[] =>
  Object.entries(rooms).flatMap(([name, room]) => room === null || name === "openQueue" ? [] : name)
    .toSorted();

/** No program qmail-queue is there. */
const PLACE = { path: "/nonexistent" };

const ALL = ["auth", "content", "dns", "kept", "pop3", "qmtp"];

Deno.test("loadRooms: a service has everything, and so has a session that gives root away, but for journals", async () => {
  const settings = defaultSettings();
  assertEquals(
    loadedOf(await loadRooms(PLACE, { isService: true }, settings)),
    [
      ...ALL,
      "journals",
    ].toSorted(),
  );
  const settles = { isService: false, serves: "smtp", asRoot: "settle" } as const;
  assertEquals(loadedOf(await loadRooms(PLACE, settles, settings)), ALL);
});

Deno.test("loadRooms: a session has what it serves, and the content checks where one is on", async () => {
  const settings = defaultSettings();
  const ofSession = async (serves: "smtp" | "pop3" | "qmtp" | "qmqp", more = {}) =>
    loadedOf(
      await loadRooms(PLACE, { isService: false, serves, isSecurable: false }, {
        ...settings,
        ...more,
      }),
    );
  assertEquals(await ofSession("smtp"), []);
  assertEquals(await ofSession("smtp", { patterns: "shadow" }), ["content"]);
  assertEquals(await ofSession("pop3"), ["auth", "pop3"]);
  assertEquals(await ofSession("qmtp"), ["qmtp"]);
  assertEquals(await ofSession("qmqp", { dkim: "on" }), ["content", "qmtp"]);
});

Deno.test("loadRooms: where mail goes is loaded by the setting queue and by what is installed", async () => {
  const names = [];
  for (const queue of ["auto", "maildir", "qmail-queue", "qmqp"] as const) {
    const settings = { ...defaultSettings(), queue };
    const rooms = await loadRooms(PLACE, { isService: false, serves: "smtp" }, settings);
    names.push(rooms.openQueue.name);
  }
  assertEquals(names, ["openMaildirWay", "openMaildirWay", "openProgramWay", "openQmqpWay"]);
});

Deno.test("mayLogIn: SMTP without TLS only where AUTH is open in clear, or auth_source must be looked at", () => {
  const settings = defaultSettings();
  const smtp = { isService: false, serves: "smtp" } as const;
  const always = { ...settings, smtp_auth: "always" } as const;
  assert(mayLogIn({ isService: true }, settings));
  assert(mayLogIn(smtp, settings));
  assert(!mayLogIn({ ...smtp, isSecurable: false }, settings));
  assert(mayLogIn({ ...smtp, isSecurable: false }, always));
  assert(!mayLogIn({ ...smtp, isSecurable: true }, { ...settings, smtp_auth: "off" }));
  assert(!mayLogIn({ ...smtp, serves: "qmtp" }, always));
  assert(mayLogIn({ ...smtp, serves: "qmtp" }, { ...settings, auth_source: "nonsense" }));
});

Deno.test("looksIntoMessages: every check of messages that is not off counts, and nothing by default", () => {
  const settings = defaultSettings();
  assert(!looksIntoMessages(settings));
  assert(looksIntoMessages({ ...settings, decision_header: true }));
  const modes = Object.entries({
    ...CONTENT_SETTINGS,
    ...FILTER_SETTINGS,
    ...AUTHENTICITY_SETTINGS,
  })
    .flatMap(([name, setting]) => setting.default === "off" && name !== "spf" ? name : []);
  assert(modes.length >= 8, `${modes}`);
  for (const name of modes) assert(looksIntoMessages({ ...settings, [name]: "shadow" }), name);
});
