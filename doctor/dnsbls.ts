/** The lists of dnsbl_lists, by the self-test that the service makes (RFC 5782 section 5). */
import type { DnsAnswer } from "../dns/types.ts";
import { DnsblError, type DnsblList, readDnsblList } from "../policy/dnsbl_lists.ts";
import { type Health, judgeHealth, selfTestNeeds } from "../policy/dnsbl_health.ts";
import { NOTHING_KNOWN } from "../policy/types.ts";
import type { Check, Finding, Patient } from "./types.ts";
import { found } from "./words.ts";

export interface ListHealth {
  readonly zone: string;
  readonly health: Health;
}

export function judgeLists(lists: readonly ListHealth[], traceCfg: string): Finding[] {
  const where = { path: traceCfg };
  return lists.flatMap(({ zone, health }) => {
    switch (health.kind) {
      case "alive":
        return [];
      case "undecided":
        return [
          found("dnsbl-silent", where, `${zone} gave no answer`, `dig +short 2.0.0.127.${zone}`),
        ];
      case "dead":
        return [
          found(
            "dnsbl-dead",
            where,
            health.reason,
            `take ${zone} out of dnsbl_lists in ${traceCfg}`,
          ),
        ];
    }
  });
}

async function test(patient: Patient, list: DnsblList): Promise<ListHealth> {
  const answers = new Map<string, DnsAnswer>();
  await Promise.all(
    selfTestNeeds(list).map(async (need) => {
      if (need.kind !== "dns") return;
      answers.set(need.name, await patient.resolver.query(need.name, need.type));
    }),
  );
  const known = { ...NOTHING_KNOWN, dns: (name: string) => answers.get(name) };
  return { zone: list.zone, health: judgeHealth(list, known) };
}

/** Words that are no lists are told with the settings. */
function readList(word: string): DnsblList[] {
  try {
    return [readDnsblList(word)];
  } catch (error) {
    if (error instanceof DnsblError) return [];
    throw error;
  }
}

export const DNSBLS: Check = {
  name: "dnsbl",
  async run(patient) {
    const lists = (patient.settings.dnsbl_lists ?? []).flatMap(readList);
    const healths = await Promise.all(lists.map((list) => test(patient, list)));
    return judgeLists(healths, patient.place.traceCfg);
  },
};
