/**
 * Is the client's address in lists of the DNS? The weights of those that have it are added up; from
 * the threshold on it is refused, with what the list says (TXT) or the list's name.
 *
 * All lists are asked at once, whatever the first ones say, so that the trace shows which of them
 * would have been enough alone. A list that can't answer never refuses for good: where its weight
 * would decide, the setting says whether that is no opinion or 451. Lists that failed their
 * self-test are not asked.
 */
import { type DnsblFinding, type DnsblList, dnsblName, readDnsblAnswer } from "./dnsbl_lists.ts";
import { against, NONE, POLICY_REPLIES } from "./replies.ts";
import { recordsOf } from "../dns/types.ts";
import type { AgainstVerdict, Check, ClientFacts, DnsTrouble, Known, Need } from "./types.ts";

/** What is done with the lists. */
export interface DnsblTerms {
  readonly lists: readonly DnsblList[];
  /** Score from which on a client is refused. */
  readonly threshold: number;
  /** refuse: 553, as rblsmtpd -b; defer: 451, as rblsmtpd -B. */
  readonly answer: "refuse" | "defer";
  readonly trouble: DnsTrouble;
}

/** What one list said of a client. */
export interface ListResult {
  readonly list: DnsblList;
  readonly name: string;
  readonly finding: DnsblFinding;
}

/** All lists together. */
export interface DnsblScore {
  readonly results: readonly ListResult[];
  readonly score: number;
  /** What the score could be if lists that failed had answered. */
  readonly lowest: number;
  readonly highest: number;
}

/** Adds up. */
export function scoreOf(lists: readonly DnsblList[], ip: string, known: Known): DnsblScore {
  const results: ListResult[] = [];
  let score = 0;
  let lowest = 0;
  let highest = 0;
  for (const list of lists) {
    const name = dnsblName(list, ip);
    if (name === null || known.isDeadZone(list.zone)) continue;
    const finding = readDnsblAnswer(list, known.dns(name, "A"));
    results.push({ list, name, finding });
    if (finding.kind === "listed") score += list.weight;
    else if (finding.kind === "error" && list.weight > 0) highest += list.weight;
    else if (finding.kind === "error") lowest += list.weight;
  }
  return { results, score, lowest: score + lowest, highest: score + highest };
}

/** Lists with the client, the heaviest first. */
const listedBy = (score: DnsblScore): ListResult[] =>
  score.results.filter(({ finding, list }) => finding.kind === "listed" && list.weight > 0)
    .toSorted((a, b) => b.list.weight - a.list.weight);

/** The line for the trace; "" where no list had anything to say. */
export function showScore(score: DnsblScore, threshold: number): string {
  const said = score.results.flatMap(({ list, finding }) => {
    if (finding.kind === "listed") {
      return [`${list.zone}[${finding.codes.join(" ")}]*${list.weight}`];
    }
    if (finding.kind === "filtered") return [`${list.zone}[other codes]`];
    return finding.kind === "error" ? [`${list.zone}[error]`] : [];
  });
  if (said.length === 0) return "";
  const alone = listedBy(score).filter(({ list }) => list.weight >= threshold)
    .map(({ list }) => list.zone);
  const enough = alone.length === 0 ? "none" : alone.join(" ");
  return `score=${score.score} of ${threshold} lists=${said.join(" ")} enough_alone=${enough}`;
}

/** The client's address is asked about, unless RBLSMTPD is set: then somebody knows better. */
const isAsked = (client: ClientFacts): boolean => client.env["RBLSMTPD"] === undefined;

/** The check. */
export function dnsbl(terms: DnsblTerms): Check<"rcpt_valid"> {
  const { lists, threshold, trouble } = terms;
  return {
    name: "dnsbl",
    stage: "rcpt_valid",
    spares: ["trusted", "loopback", "forwarder", "recipient"],
    needs: ({ client }, known) => isAsked(client) ? needsOf(terms, client.ip, known) : [],
    findings: ({ client }, known) =>
      isAsked(client) ? showScore(scoreOf(lists, client.ip, known), threshold) : "",
    judge({ client }, known) {
      if (!isAsked(client)) return NONE;
      const score = scoreOf(lists, client.ip, known);
      if (score.lowest >= threshold) return listedVerdict(terms, client.ip, score, known);
      if (score.highest < threshold || trouble === "pass") return NONE;
      const silent = score.results.filter(({ finding }) => finding.kind === "error")
        .map(({ list }) => list.zone).join(", ");
      const reason = `The score is ${score.score}, and ${silent} would decide`;
      return against(POLICY_REPLIES.dnsbl_undecided, "dnsbl: undecided", reason);
    },
  };
}

/** First all lists, then the text of the one that is quoted. */
function needsOf(terms: DnsblTerms, ip: string, known: Known): readonly Need[] {
  const names = terms.lists.filter((list) => !known.isDeadZone(list.zone))
    .flatMap((list) => dnsblName(list, ip) ?? []);
  const first = names.filter((name) => known.dns(name, "A") === undefined);
  if (first.length > 0) return first.map((name): Need => ({ kind: "dns", name, type: "A" }));
  const score = scoreOf(terms.lists, ip, known);
  const quoted = score.lowest >= terms.threshold ? listedBy(score)[0]?.name : undefined;
  if (quoted === undefined || known.dns(quoted, "TXT") !== undefined) return [];
  return [{ kind: "dns", name: quoted, type: "TXT" }];
}

function listedVerdict(
  terms: DnsblTerms,
  ip: string,
  score: DnsblScore,
  known: Known,
): AgainstVerdict {
  const worst = listedBy(score)[0];
  const zone = worst?.list.zone ?? "";
  const answer = worst === undefined ? undefined : known.dns(worst.name, "TXT");
  const said = answer === undefined ? undefined : recordsOf(answer, "TXT")[0]?.texts.join("");
  const text = said === undefined || said === ""
    ? `${ip} is listed by ${zone}`
    : `${zone}: ${said}`;
  const code = terms.answer === "defer" ? 451 : POLICY_REPLIES.dnsbl.code;
  const enhanced = terms.answer === "defer" ? "4.7.1" : POLICY_REPLIES.dnsbl.enhanced;
  const reply = { ...POLICY_REPLIES.dnsbl, code, enhanced };
  const reason = showScore(score, terms.threshold);
  return against(reply, `dnsbl: ${zone}`, reason, { text });
}
