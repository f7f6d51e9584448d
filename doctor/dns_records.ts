/**
 * The records that belong into the DNS for mail to this host, as lines of a zone, each with what is there now: MX and address,
 * reverse name, SPF (RFC 7208), DMARC (RFC 7489), MTA-STS (RFC 8461), TLS reports (RFC 8460), DANE (RFC 7672).
 *
 * They are proposals: only the administrator knows who else sends mail for a domain. Nothing is published by anybody here.
 */
import { createHash, X509Certificate } from "node:crypto";
import { confirmReverse, type ReverseResult } from "../dns/reverse.ts";
import { type DnsAnswer, type QueryType, recordsOf } from "../dns/types.ts";
import { indexForName } from "../net/certificates.ts";
import { type CertificateFacts, gatherCertificates } from "./certificates.ts";
import { gatherDomains, lookedUp } from "./site_domains.ts";
import type { Patient } from "./types.ts";

/** Domains that are asked about; the others get the same records. */
const SHOWN = 20;

/** What the DNS has of one domain. */
export interface DomainRecords {
  readonly domain: string;
  readonly mx: DnsAnswer;
  readonly txt: DnsAnswer;
  readonly dmarc: DnsAnswer;
  readonly mtaSts: DnsAnswer;
  readonly tlsReports: DnsAnswer;
}

export interface DnsFacts {
  /** control/me. */
  readonly me: string;
  readonly addresses: readonly { readonly ip: string; readonly reverse: ReverseResult }[];
  readonly domains: readonly DomainRecords[];
  readonly others: number;
  readonly certificates: CertificateFacts;
  readonly nowMs: number;
}

const textsOf = (answer: DnsAnswer, start: string): string[] =>
  recordsOf(answer, "TXT").map(({ texts }) => texts.join("")).filter((text) =>
    text.toLowerCase().startsWith(start)
  );

/** "there", "missing", or that nobody could say. */
function stateOf(answer: DnsAnswer, there: readonly string[]): string {
  if (answer.status === "temporary") return `not known now: ${answer.problem}`;
  if (there.length === 0) return "missing";
  return there.length === 1
    ? `there: ${there[0]}`
    : `${there.length} of them, only one may be there`;
}

const record = (name: string, type: string, data: string, state: string): string =>
  `${`${name}.`.padEnd(34)} ${type.padEnd(4)} ${data}\n    ; ${state}`;

function mxLines({ domain, mx }: DomainRecords, me: string): string {
  const hosts = recordsOf(mx, "MX").map(({ preference, exchange }) => `${preference} ${exchange}`);
  const leadsHere = recordsOf(mx, "MX").some(({ exchange }) => exchange === me);
  const state = mx.status === "temporary"
    ? `not known now: ${mx.problem}`
    : hosts.length === 0
    ? "missing"
    : `there: ${hosts.join(", ")}${leadsHere ? "" : `; none of them is ${me}`}`;
  return record(domain, "MX", `10 ${me}.`, state);
}

function domainLines(one: DomainRecords, me: string, id: string): string[] {
  const { domain } = one;
  return [
    `; ---- ${domain}`,
    mxLines(one, me),
    record(domain, "TXT", '"v=spf1 mx -all"', stateOf(one.txt, textsOf(one.txt, "v=spf1"))),
    record(
      `_dmarc.${domain}`,
      "TXT",
      `"v=DMARC1; p=none; rua=mailto:postmaster@${domain}"`,
      stateOf(one.dmarc, textsOf(one.dmarc, "v=dmarc1")),
    ),
    record(
      `_mta-sts.${domain}`,
      "TXT",
      `"v=STSv1; id=${id}"`,
      stateOf(one.mtaSts, textsOf(one.mtaSts, "v=stsv1")),
    ),
    record(
      `_smtp._tls.${domain}`,
      "TXT",
      `"v=TLSRPTv1; rua=mailto:postmaster@${domain}"`,
      stateOf(one.tlsReports, textsOf(one.tlsReports, "v=tlsrptv1")),
    ),
  ];
}

function hostLines({ me, addresses }: DnsFacts): string[] {
  const head = ["; ---- this host"];
  if (addresses.length === 0) {
    return [...head, record(me, "A", "192.0.2.1", "missing: the address of this host")];
  }
  return [
    ...head,
    ...addresses.map(({ ip, reverse }) => {
      const state = {
        fcrdns: `there, and ${reverse.confirmed} leads back`,
        exists: `there, but ${
          reverse.names.join(", ")
        } does not lead back: many refuse mail from it`,
        none: "there, but the address has no name (PTR): many refuse mail from it",
        undecided: `there; its reverse name is not known now: ${reverse.problem}`,
      }[reverse.status];
      return record(me, ip.includes(":") ? "AAAA" : "A", ip, state);
    }),
  ];
}

/** DANE-EE, the key alone: it stays the same when a certificate is renewed with the same key. */
function certificateLines({ certificates, me }: DnsFacts): string[] {
  if (certificates.kind !== "read") {
    return [
      "; no certificate that can be used: nothing to publish for DANE, and mode: none for MTA-STS",
    ];
  }
  const set = certificates.all.map(({ certificate }) => certificate);
  const first = set[0];
  if (first === undefined) return [];
  const at = indexForName([{ ...first, names: [] }, ...set], me);
  const chosen = at === 0 ? first : set[at - 1] ?? first;
  const key = new X509Certificate(chosen.certPem).publicKey.export({ type: "spki", format: "der" });
  const digest = createHash("sha256").update(key).digest("hex");
  const names = chosen.names.join(", ");
  return [
    record(`_25._tcp.${me}`, "TLSA", `3 1 1 ${digest}`, "only where the zone is signed (DNSSEC)"),
    at === 0
      ? `    ; the certificate is for ${names}, not for ${me}: MTA-STS would fail`
      : `    ; the certificate is for ${names}: it fits ${me}`,
  ];
}

const policyFile = (me: string): string[] => [
  "; ---- https://mta-sts.DOMAIN/.well-known/mta-sts.txt, for each domain; a web server's work",
  ";   version: STSv1",
  ";   mode: testing",
  `;   mx: ${me}`,
  ";   max_age: 604800",
];

export function dnsText(facts: DnsFacts): string {
  const id = new Date(facts.nowMs).toISOString().slice(0, 10).replaceAll("-", "");
  return [
    "; Proposals, with what the DNS has now. SPF: add whoever else sends mail for the domain.",
    ...hostLines(facts),
    ...certificateLines(facts),
    ...facts.domains.flatMap((one) => domainLines(one, facts.me, id)),
    ...(facts.others === 0
      ? []
      : [`; ... and ${facts.others} more domains, with the same records`]),
    ...policyFile(facts.me),
  ].join("\n");
}

async function addressesOf(patient: Patient, me: string): Promise<DnsFacts["addresses"]> {
  const [four, six] = await Promise.all([
    patient.resolver.query(me, "A"),
    patient.resolver.query(me, "AAAA"),
  ]);
  const ips = [...recordsOf(four, "A"), ...recordsOf(six, "AAAA")].map(({ address }) => address);
  return await Promise.all(
    ips.map(async (ip) => ({ ip, reverse: await confirmReverse(ip, patient.resolver) })),
  );
}

async function domainRecords(patient: Patient, domain: string): Promise<DomainRecords> {
  const ask = (name: string, type: QueryType) => patient.resolver.query(name, type);
  const [mx, txt, dmarc, mtaSts, tlsReports] = await Promise.all([
    ask(domain, "MX"),
    ask(domain, "TXT"),
    ask(`_dmarc.${domain}`, "TXT"),
    ask(`_mta-sts.${domain}`, "TXT"),
    ask(`_smtp._tls.${domain}`, "TXT"),
  ]);
  return { domain, mx, txt, dmarc, mtaSts, tlsReports };
}

/** The text for a site. */
export async function adviseDns(patient: Patient): Promise<string> {
  const domains = gatherDomains(patient);
  const me = domains === null ? "" : patient.control.line("me") ?? "";
  if (domains === null || me === "") return "; control/me is missing: see qfront doctor";
  const all = lookedUp(domains).map(({ domain }) => domain).filter((domain) =>
    !domain.startsWith(".") && domain.includes(".") && domain !== me
  );
  const shown = all.slice(0, SHOWN);
  return dnsText({
    me,
    addresses: await addressesOf(patient, me),
    domains: await Promise.all(shown.map((domain) => domainRecords(patient, domain))),
    others: all.length - shown.length,
    certificates: gatherCertificates(patient),
    nowMs: patient.nowMs,
  });
}
