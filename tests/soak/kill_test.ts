import { assert, assertEquals } from "@std/assert";
import { bodyOf, checkAndEmpty, faultsOf, makeMaildirs, takeSome } from "./kill_check.ts";
import { libc } from "../../queue/libc.ts";
import { killAgainAndAgain } from "./kill.ts";

// Opened once for all tests, or the one that needs it first would be said to leak it.
libc();

Deno.test("maildir: 20 kills under load lose, double and cut nothing that was promised", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const report = await killAgainAndAgain(dir, { kills: 20, sync: "auto", journal: false });
    assertEquals(report.faults, []);
    assert(report.promised > 0, "nothing was promised: the kills came too early to show anything");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("maildir with a journal: kills lose, double and cut nothing, and bring nothing back", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const report = await killAgainAndAgain(dir, { kills: 8, sync: "auto", journal: true });
    assertEquals(report.faults, []);
    assert(report.promised > 0, "nothing was promised: the kills came too early to show anything");
    assert(report.held > 0, "the journal was not used");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("takeSome: what was taken away and is there again is seen", () => {
  const dir = Deno.makeTempDirSync();
  try {
    makeMaildirs(dir);
    const text = `Return-Path: <>\nDelivered-To: a\n${new TextDecoder().decode(bodyOf("1-1"))}`;
    Deno.writeTextFileSync(`${dir}/a/new/1`, text);
    const taken = takeSome(dir, ["1-1 a"]);
    assertEquals(faultsOf(dir, ["1-1 a"], taken), []);
    Deno.writeTextFileSync(`${dir}/a/new/1`, text);
    assertEquals(faultsOf(dir, ["1-1 a"], taken), [
      "message 1-1 was taken away and is in a again",
    ]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("checkAndEmpty: sees what is lost, doubled and cut", () => {
  const dir = Deno.makeTempDirSync();
  try {
    makeMaildirs(dir);
    const whole = `Return-Path: <>\nDelivered-To: a\n${new TextDecoder().decode(bodyOf("1-1"))}`;
    Deno.writeTextFileSync(`${dir}/a/new/1`, whole);
    Deno.writeTextFileSync(`${dir}/a/new/2`, whole);
    Deno.writeTextFileSync(`${dir}/a/new/3`, whole.slice(0, -1));
    const faults = checkAndEmpty(dir, ["1-1 a", "1-2 a b"]).join("\n");
    for (
      const part of [
        "3 times in a",
        "3 is not complete",
        "1-2 was promised and is not in a",
        "not in b",
      ]
    ) {
      assert(faults.includes(part), `no word of "${part}" in: ${faults}`);
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
