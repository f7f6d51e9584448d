import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { against, CONTENT_REPLIES, NONE } from "../../../policy/replies.ts";
import type { ContentCheck, Opinion } from "../../../content/types.ts";
import { RECEIVED, run } from "./kit.ts";

const TEXT = "x-qfront: v=1; rule=forged\nSubject: x\n\nbody\n";
const settings = { decision_header: true } as const;
const checkOf = (name: ContentCheck["name"], opinion: Opinion, mode: "on" | "shadow" = "on") => ({
  name,
  mode,
  sparesTrusted: false,
  examine: () => opinion,
});
const AGAINST = against(CONTENT_REPLIES.spam, "spamd", "a reason");

Deno.test("decisionField: nothing happened; a forged record is struck out", async () => {
  const { queued } = await run(TEXT, { settings });
  const record = "X-Qfront: v=1; session=7; rule=none; shadow=none\n";
  assertEquals(queued, `${record}${RECEIVED}Subject: x\n\nbody\n`);
});

Deno.test("decisionField: tags, shadows of this and earlier stages, findings; the trace has the same", async () => {
  const ran = await run(TEXT, {
    settings,
    envelope: { shadows: ["dnsbl: zen.example"] },
    site: {
      others: [
        checkOf("dkim", { verdict: AGAINST }, "shadow"),
        checkOf("spamd", { verdict: NONE, finding: 'score 6 "q"\n\xff', rule: "spamd: tagged" }),
      ],
    },
  });
  assertStringIncludes(
    ran.queued ?? "",
    "X-Qfront: v=1; session=7; rule=spamd:_tagged; shadow=dnsbl:_zen.example,spamd:554;\n" +
      ' spamd="score 6 ?q???"\n',
  );
  const record = 'v=1; session=7; rule=spamd:_tagged; shadow=dnsbl:_zen.example,spamd:554; spamd="';
  assertStringIncludes(ran.tracer.lines().join("\n"), record);
});

Deno.test("decisionRecord: of a refused message in the trace, without the header too", async () => {
  const ran = await run(TEXT, { site: { others: [checkOf("spamd", { verdict: AGAINST })] } });
  assertMatch(
    ran.tracer.lines().join("\n"),
    /decision .*: v=1; session=7; rule=spamd; shadow=none/,
  );
  assertEquals(ran.queued, null);
});

Deno.test("decisionField: what was overruled is said", async () => {
  const { queued } = await run(TEXT, {
    settings,
    envelope: { isAlwaysAccepted: true },
    site: { others: [checkOf("spamd", { verdict: AGAINST })] },
  });
  assertStringIncludes(queued ?? "", "overruled=spamd:554");
});

Deno.test("decisionField: no byte of a finding ends the field or its quotes", async () => {
  const evil = '"; rule=fake\r\nX-Evil: 1\n\nbody';
  const { queued } = await run(TEXT, {
    settings,
    site: { others: [checkOf("spamd", { verdict: NONE, finding: evil })] },
  });
  const field = queued?.slice(0, queued.indexOf("Received:")) ?? "";
  assertEquals(field.split("\n").length, 3);
  assert(!/^X-Evil/m.test(field) && field.split('"').length === 3);
});
