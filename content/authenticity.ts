/**
 * The checks of sender authenticity: DKIM, ARC and DMARC, and who tells their results.
 *
 * Each asks the others for what it needs, whether they are checks of their own or not: DMARC
 * verifies signatures where `dkim` is off. A message is verified once. The last check that is on
 * tells all results in one field and strikes out forged ones; relay clients and who logged in are
 * not asked, their mail is ours: of a login nothing but its name is told, and only where that is
 * wanted.
 */
import { withDeadline } from "../dns/deadline.ts";
import type { Resolver } from "../dns/types.ts";
import { NONE } from "../policy/replies.ts";
import type { AuthenticitySettings } from "../policy/spf_check.ts";
import type { CheckName, DnsTrouble } from "../policy/types.ts";
import { type ArcFinding, verifyArc } from "./arc.ts";
import { type DkimFinding, type VerifyContext, verifyDkim } from "./dkim_verify.ts";
import { decideDmarc, type DmarcDecision, type DmarcTerms } from "./dmarc.ts";
import { loadOrgDomains } from "./dmarc_domains.ts";
import { type DmarcFinding, evaluateDmarc } from "./dmarc_evaluate.ts";
import { authorDomains } from "./dmarc_from.ts";
import {
  arcResults,
  dkimResults,
  dmarcResults,
  envelopeResults,
  isForged,
  type MethodResult,
  resultsField,
} from "./results.ts";
import type { ContentCheck, Envelope, Message, Opinion } from "./types.ts";

/** What the checks need beside their settings. */
export interface AuthenticitySite {
  readonly resolver: Resolver;
  /** on_dns_trouble. */
  readonly trouble: DnsTrouble;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** What was found out about one message; each thing is found out when it is first asked for. */
interface Findings {
  dkim(): Promise<readonly DkimFinding[]>;
  arc(): Promise<ArcFinding>;
  dmarc(): Promise<{ readonly finding: DmarcFinding; readonly decision: DmarcDecision }>;
}

const NO_CHAIN: ArcFinding = { result: "none", instances: [], reason: "" };

/** Remembers the first answer. */
function once<T>(find: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | null = null;
  return () => answer ??= find();
}

/** Longest time of all questions to the DNS about one message: its sender waits for our answer. */
const DNS_MS = 30_000;

function findingsOf(
  message: Message,
  envelope: Envelope,
  site: AuthenticitySite,
  terms: DmarcTerms,
): Findings {
  const { session, nowMs, spf } = envelope;
  const resolver = withDeadline(site.resolver, DNS_MS, session);
  const context: VerifyContext = { resolver, nowMs, session };
  const dkim = once(() => verifyDkim(message, context));
  const arc = once(() => verifyArc(message, context));
  const dmarc = once(async () => {
    const evidence = { dkim: await dkim(), spf };
    const orgDomainOf = await loadOrgDomains();
    const authors = authorDomains(message.fields);
    const finding = await evaluateDmarc(authors, evidence, { resolver, orgDomainOf, session });
    const wantsChain = finding.result === "fail" && terms.trusted.length > 0;
    const isForwarder = envelope.client.isForwarder;
    const facts = { finding, evidence, arc: wantsChain ? await arc() : NO_CHAIN, isForwarder };
    return { finding, decision: decideDmarc(facts, terms) };
  });
  return { dkim, arc, dmarc };
}

type Name = Extract<CheckName, "dkim" | "arc" | "dmarc">;

const NAMES: readonly Name[] = ["dkim", "arc", "dmarc"];

/** The opinion of one check, without what is told in the header. */
const OPINIONS: Readonly<Record<Name, (findings: Findings) => Promise<Opinion>>> = {
  async dkim(findings) {
    const seen = (await findings.dkim()).map(({ result, domain, selector, reason }) =>
      `${result} domain[${domain}] selector[${selector}]${reason === "" ? "" : `: ${reason}`}`
    );
    return { verdict: NONE, finding: seen.length === 0 ? "none" : seen.join("; ") };
  },
  async arc(findings) {
    const { result, instances, reason } = await findings.arc();
    const sealers = instances.map(({ sealer }) => sealer).join(" ");
    const finding = `${result} sealers[${sealers}]${reason === "" ? "" : `: ${reason}`}`;
    return { verdict: NONE, finding };
  },
  async dmarc(findings) {
    const { finding: { result, domain, policy, reason }, decision } = await findings.dmarc();
    const { verdict, quarantine, done } = decision;
    const finding = `${result} domain[${domain}] policy[${policy}]` +
      [reason, done].filter((text) => text !== "").map((text) => `: ${text}`).join("");
    const opinion = { verdict, finding };
    return quarantine === "" ? opinion : { ...opinion, quarantine, rule: "dmarc: quarantine" };
  },
};

/** What is told of one method. */
const RESULTS: Readonly<Record<Name, (findings: Findings) => Promise<MethodResult[]>>> = {
  dkim: async (findings) => dkimResults(await findings.dkim()),
  arc: async (findings) => arcResults(await findings.arc()),
  async dmarc(findings) {
    const { finding, decision } = await findings.dmarc();
    return dmarcResults(finding, decision.done);
  },
};

/** Puts the field on top, and strikes out those who gave our name. */
async function told(
  opinion: Opinion,
  names: readonly Name[],
  findings: Findings,
  envelope: Envelope,
): Promise<Opinion> {
  const { hostname } = envelope;
  const results = envelopeResults(envelope);
  for (const name of names) results.push(...await RESULTS[name](findings));
  return {
    ...opinion,
    addFields: [resultsField(hostname, results)],
    strikes: (field) => isForged(field, hostname),
  };
}

/** Of a login's mail nothing is verified. */
function toldOfLogin(envelope: Envelope): Opinion {
  const { client, hostname } = envelope;
  if (client.login === null) return { verdict: NONE };
  return {
    verdict: NONE,
    addFields: [resultsField(hostname, envelopeResults(envelope))],
    strikes: (field) => isForged(field, hostname),
  };
}

/** The findings of each message. */
function createMemory(site: AuthenticitySite, terms: DmarcTerms) {
  const known = new WeakMap<Message, Findings>();
  return (message: Message, envelope: Envelope): Findings => {
    let findings = known.get(message);
    if (findings === undefined) {
      known.set(message, findings = findingsOf(message, envelope, site, terms));
    }
    return findings;
  };
}

/** The checks that are not off, in their order. */
export function authenticityChecks(
  settings: AuthenticitySettings,
  site: AuthenticitySite,
): readonly ContentCheck[] {
  const findingsFor = createMemory(site, {
    action: settings.dmarc_action,
    lists: settings.dmarc_lists,
    trusted: settings.arc_trusted,
    trouble: site.trouble,
    random: site.random,
  });
  const shown = NAMES.filter((name) => settings[name] === "on");
  const teller = settings.authentication_results ? shown.at(-1) : undefined;
  return NAMES.flatMap((name): ContentCheck[] => {
    const mode = settings[name];
    if (mode === "off") return [];
    const isTeller = name === teller;
    const examine = async (message: Message, envelope: Envelope): Promise<Opinion> => {
      const { isRelayClient, login } = envelope.client;
      if (isRelayClient || login !== null) return toldOfLogin(envelope);
      const findings = findingsFor(message, envelope);
      const opinion = await OPINIONS[name](findings);
      return isTeller ? await told(opinion, shown, findings, envelope) : opinion;
    };
    const sparesTrusted = !(isTeller && settings.authentication_results_login);
    return [{ name, mode, sparesTrusted, examine }];
  });
}
