/**
 * Facts counted, in bounded memory: sums, tables of the most frequent, times, lists that are cut at their hundredth
 * entry. What the report says is made of this (summary.ts).
 */
import { networkOf as workOutNetwork } from "../policy/networks.ts";
import type {
  Attempt,
  BackscatterFacts,
  DeliveryFacts,
  Facts,
  Finding,
  Listing,
  MessageFacts,
  Refusal,
  SessionFacts,
} from "./facts.ts";
import { Histogram } from "./histogram.ts";
import { Timeline } from "./timeline.ts";
import { TopCounter } from "./top_counter.ts";

/** Suspects and troubles that are named one by one. */
const MOST_NAMED = 100;
const FEW = 1000;

/** Networks of addresses that came lately: an attack comes from few. */
const networks = new Map<string, string>();

function networkOf(ip: string): string {
  const known = networks.get(ip);
  if (known !== undefined) return known;
  if (networks.size >= FEW) networks.clear();
  const network = workOutNetwork(ip);
  networks.set(ip, network);
  return network;
}

/** A list of the DNS: how often it listed a client, alone or with others. */
export interface ZoneCount {
  listed: number;
  alone: number;
  errors: number;
  readonly together: Map<string, number>;
}

export interface Suspect {
  readonly whenMs: number | null;
  readonly ip: string;
  readonly helo: string;
  /** null: the log does not say. */
  readonly sender: string | null;
  readonly rule: string;
  readonly fcrdns: boolean | null;
}

export class Tally implements Facts {
  firstMs: number | null = null;
  lastMs: number | null = null;
  readonly sessions = new TopCounter(FEW);
  readonly clients = new TopCounter();
  readonly attempts = { accepted: 0, refused: 0, deferred: 0 };
  readonly turnedAway = { recipient: 0, message: 0, session: 0, connection: 0 };
  readonly rules = new TopCounter(FEW);
  readonly deferredBy = new TopCounter(FEW);
  readonly shadows = new TopCounter(FEW);
  readonly softenedBy = new TopCounter(FEW);
  readonly guessAddresses = new TopCounter();
  readonly guessNetworks = new TopCounter();
  readonly guessedNames = new TopCounter();
  readonly refusedNetworks = new TopCounter();
  readonly relayAddresses = new TopCounter();
  readonly decoys = new TopCounter(FEW);
  readonly bans = new TopCounter();
  readonly logins = new TopCounter();
  readonly acceptedRecipients = new TopCounter();
  readonly bouncedRecipients = new TopCounter();
  readonly bounceReasons = new TopCounter(FEW);
  readonly victims = new TopCounter();
  readonly backscatterRecipients = new TopCounter();
  readonly backscatterSources = new TopCounter();
  readonly bounces = { bounce: 0, double: 0, triple: 0 };
  readonly results = new Map<Finding["check"], TopCounter>();
  readonly zones = new Map<string, ZoneCount>();
  readonly suspects: Suspect[] = [];
  suspectCount = 0;
  readonly timeline = new Timeline();
  readonly messages = { count: 0, bytes: 0, recipients: 0 };
  readonly arrivals = { count: 0, bytes: 0, null_sender: 0 };
  readonly deliveries = {
    local: { success: 0, failure: 0, deferral: 0 },
    remote: { success: 0, failure: 0, deferral: 0 },
  };
  readonly latency = { local: new Histogram(), remote: new Histogram() };
  readonly arrivalLatency = new Histogram();
  readonly troubles = new TopCounter(FEW);
  readonly connections = { ok: 0, deny: 0 };
  lostLines = 0;

  attempt({ whenMs, ip, recipient, outcome, rule }: Attempt): void {
    this.attempts[outcome]++;
    this.#seen(whenMs);
    if (whenMs !== null) this.timeline.add(whenMs, outcome);
    if (outcome === "accepted") this.acceptedRecipients.add(recipient.toLowerCase());
    if (rule === "relaying denied") this.relayAddresses.add(ip);
    if (rule !== "unknown recipient") return;
    this.guessedNames.add(recipient.toLowerCase());
    if (ip === "") return;
    this.guessAddresses.add(ip);
    this.guessNetworks.add(networkOf(ip));
  }

  refusal({ whenMs, ip, rule, outcome, what }: Refusal): void {
    this.turnedAway[what]++;
    (outcome === "refused" ? this.rules : this.deferredBy).add(rule);
    if (ip !== "" && outcome === "refused") this.refusedNetworks.add(networkOf(ip));
    // A recipient's attempt is counted by itself.
    if (what === "recipient" || what === "message") return;
    this.#seen(whenMs);
    if (whenMs !== null) this.timeline.add(whenMs, outcome);
  }

  begun(service: string, ip: string, whenMs: number | null): void {
    this.#seen(whenMs);
    this.sessions.add(service);
    if (ip !== "") this.clients.add(ip);
  }

  session({ whenMs, ip, helo, sender, refusedBy, spf, fcrdns }: SessionFacts): void {
    if (refusedBy === null || spf !== "pass" || fcrdns === false) return;
    this.suspectCount++;
    if (this.suspects.length >= MOST_NAMED) return;
    const rule = refusedBy;
    this.suspects.push({ whenMs, ip, helo: helo ?? "", sender, rule, fcrdns });
  }

  finding({ check, result }: Finding): void {
    const counter = this.results.get(check) ?? new TopCounter(FEW);
    this.results.set(check, counter);
    counter.add(result);
  }

  listing({ zones, errors }: Listing): void {
    for (const zone of errors) {
      const count = this.#zone(zone);
      if (count !== null) count.errors++;
    }
    for (const zone of zones) {
      const count = this.#zone(zone);
      if (count === null) continue;
      count.listed++;
      if (zones.length === 1) count.alone++;
      for (const other of zones) {
        if (other !== zone) count.together.set(other, (count.together.get(other) ?? 0) + 1);
      }
    }
  }

  shadow(rule: string): void {
    this.shadows.add(rule);
  }

  softened(rule: string): void {
    this.softenedBy.add(rule);
  }

  decoy(ip: string): void {
    this.decoys.add(ip);
  }

  ban(network: string): void {
    this.bans.add(network);
  }

  loginFailed(_service: string, ip: string): void {
    this.logins.add(ip);
  }

  lost(lines: number): void {
    this.lostLines += lines;
  }

  message({ bytes, recipients }: MessageFacts): void {
    this.messages.count++;
    this.messages.bytes += bytes;
    this.messages.recipients += recipients;
  }

  arrival(sender: string, bytes: number): void {
    this.arrivals.count++;
    this.arrivals.bytes += bytes;
    if (sender === "") this.arrivals.null_sender++;
  }

  delivery(facts: DeliveryFacts): void {
    const { whenMs, channel, result, recipient, text, tookMs, sinceArrivalMs, isBounce } = facts;
    this.#seen(whenMs);
    this.deliveries[channel][result]++;
    if (tookMs !== null) this.latency[channel].add(tookMs);
    if (result === "success" && sinceArrivalMs !== null) this.arrivalLatency.add(sinceArrivalMs);
    if (result !== "failure" || isBounce) return;
    this.bounceReasons.add(reasonOf(text));
    if (channel === "local") this.bouncedRecipients.add(recipient.toLowerCase());
  }

  backscatter({ victim, recipients, ip }: BackscatterFacts): void {
    this.victims.add(victim.toLowerCase());
    for (const recipient of recipients) this.backscatterRecipients.add(recipient.toLowerCase());
    if (ip !== "") this.backscatterSources.add(networkOf(ip));
  }

  bounce(kind: "bounce" | "double" | "triple"): void {
    this.bounces[kind]++;
  }

  trouble(text: string): void {
    this.troubles.add(text.slice(0, 200));
  }

  connection(what: "ok" | "deny"): void {
    this.connections[what]++;
  }

  #seen(whenMs: number | null): void {
    if (whenMs === null) return;
    if (this.firstMs === null || whenMs < this.firstMs) this.firstMs = whenMs;
    if (this.lastMs === null || whenMs > this.lastMs) this.lastMs = whenMs;
  }

  /** null: there are more lists than anybody asks. */
  #zone(zone: string): ZoneCount | null {
    const known = this.zones.get(zone);
    if (known !== undefined) return known;
    if (this.zones.size >= MOST_NAMED) return null;
    const made = { listed: 0, alone: 0, errors: 0, together: new Map<string, number>() };
    this.zones.set(zone, made);
    return made;
  }
}

/** qmail-send's report as a reason to count: its first line, as it was before spaces became "_". */
export function reasonOf(text: string): string {
  const first = text.split("/")[0] ?? "";
  return first.replaceAll("_", " ").replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, "*").trim().slice(
    0,
    100,
  );
}
