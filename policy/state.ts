/**
 * The one owner of what policy remembers beyond a session: state_types.ts says what that is.
 *
 * Each isolate has a memory of its own and tells the others what it noted (state_share.ts); the files
 * belong to one of them. What no setting asks for is not counted: with every check off no map grows
 * and no timer runs. The clock comes from outside.
 */
import { POLICY_EVENTS } from "../trace/events_policy.ts";
import { type Ban, Bans } from "./bans.ts";
import { readBanLines } from "./ban_file.ts";
import { type Health, ZoneHealth } from "./dnsbl_health.ts";
import { Greylist } from "./greylist.ts";
import { Guesses, isNeverBanned } from "./guesses.ts";
import { addressKey } from "./networks.ts";
import { type RateKind, Rates } from "./rates.ts";
import { stateFilePath } from "./state_file.ts";
import { KeptFile } from "./state_keep.ts";
import { receiveBatch, restoreSnapshot, type Stores, takeSnapshot } from "./state_exchange.ts";
import { Outbox, type SharedBatch, type StateSnapshot } from "./state_share.ts";
import {
  NO_TERMS,
  type Noted,
  notedOf,
  NOTHING_NOTED,
  NOTHING_RECENT,
  type StateSettings,
  type StateTerms,
} from "./state_terms.ts";
import type { OwnedPolicyState, PolicyStateOptions, RecipientOutcome } from "./state_types.ts";
import { tarpitSeconds, type TarpitTerms } from "./tarpit.ts";
import { SlidingWindow } from "./windows.ts";
import type {
  BanFacts,
  ClientFacts,
  GreyAnswer,
  RecentFacts,
  SessionCounts,
  Triplet,
} from "./types.ts";

/** Addresses whose rates are kept at most. */
const MAX_RATED = 100_000;
/** How long is remembered, at least, who waited well for his greeting. */
const WAITED_SECONDS = 86_400;
/** Networks and domains whose guesses are written to the file at most, of each kind. */
const MAX_SAVED = 10_000;

/** Opens an empty memory; `use` gives it its terms and reads its files. */
export function openPolicyState(options: PolicyStateOptions): OwnedPolicyState {
  return new Memory(options);
}

class Memory implements OwnedPolicyState {
  readonly #options: PolicyStateOptions;
  readonly #bans = new Bans(NO_TERMS.bans);
  readonly #guesses = new Guesses(NO_TERMS.guesses);
  readonly #greylist = new Greylist(NO_TERMS.greylist);
  readonly #zones = new ZoneHealth();
  readonly #waited = new SlidingWindow(WAITED_SECONDS, MAX_RATED);
  #rates = new Rates(3600, MAX_RATED);
  #noted: Noted = NOTHING_NOTED;
  #tarpit: TarpitTerms = NO_TERMS.tarpit;
  #waiting = 0;
  #outbox: Outbox | null = null;
  readonly #banFile: KeptFile;
  readonly #greyFile: KeptFile;

  constructor(options: PolicyStateOptions) {
    this.#options = options;
    const { clock, tracer, complain, role } = options;
    const keep = { tracer, complain, writes: role === "service" };
    this.#banFile = new KeptFile({
      take: (text) => readBanLines(text, this.#bans, this.#guesses, clock()),
      lines: () => this.#banLines(),
    }, keep);
    this.#greyFile = new KeptFile({
      take: (text) => this.#greylist.takeText(text),
      lines: () => this.#greylist.toLines(clock()),
    }, keep);
  }

  use(terms: StateTerms, settings: StateSettings): void {
    this.#noted = notedOf(terms, settings);
    this.#bans.use(terms.bans);
    this.#guesses.use(terms.guesses);
    this.#greylist.use(terms.greylist);
    if (this.#rates.seconds !== settings.rate_seconds) {
      this.#rates = new Rates(settings.rate_seconds, MAX_RATED);
    }
    const { workers = 1, role, root, home = root } = this.#options;
    const maxWaiting = Math.ceil(terms.tarpit.maxWaiting / workers);
    this.#tarpit = { ...terms.tarpit, maxWaiting };
    if (role === "worker") return;
    const isUsed = this.#noted.bans || this.#noted.guesses;
    this.#banFile.use(isUsed ? stateFilePath(settings.ban_file, root, home) : "");
    const keepsGreylist = this.#noted.greylist && role !== "session";
    this.#greyFile.use(keepsGreylist ? stateFilePath(settings.greylist_file, root, home) : "");
  }

  ban(ip: string, network: string): BanFacts | null {
    return this.#bans.match(ip, network, this.#options.clock());
  }

  recent(_network: string, ip: string, login: string | null = null): RecentFacts {
    if (!this.#noted.rates) return NOTHING_RECENT;
    return this.#rates.recent(addressKey(ip), this.#options.clock(), login);
  }

  noteConnection(ip: string): void {
    if (this.#noted.rates && this.#notes) this.#rate("connections", addressKey(ip));
  }

  noteMessage(ip: string, login: string | null = null): void {
    if (!this.#noted.rates || !this.#notes) return;
    this.#rate("messages", addressKey(ip));
    if (login !== null) this.#rate("loginMessages", login);
  }

  noteRecipient(
    ip: string,
    network: string,
    senderDomain: string,
    outcome: RecipientOutcome,
    client: ClientFacts,
  ): void {
    if (!this.#notes) return;
    const { rates, guesses, bans } = this.#noted;
    const isValid = outcome === "valid";
    if (rates) {
      const key = addressKey(ip);
      this.#rate("recipients", key);
      if (!isValid) this.#rate("invalidRecipients", key);
      if (client.login !== null) this.#rate("loginRecipients", client.login);
    }
    if (!(guesses || bans) || isNeverBanned(client)) return;
    const nowMs = this.#options.clock();
    if (guesses) {
      this.#guesses.add(network, senderDomain, isValid, nowMs);
      this.#outbox?.recipient(isValid, network, senderDomain);
      if (!isValid) this.#banFile.changed();
    }
    if (!bans || isValid) return;
    if (outcome === "decoy") this.#banNow(network, "It wrote to a decoy of control/trapto", nowMs);
    else if (guesses && this.#guesses.find(network, senderDomain, nowMs).network) {
      const count = this.#guesses.invalidOf(network, nowMs);
      this.#banNow(network, `It guessed ${count} invalid recipients`, nowMs);
    }
  }

  isHarvesting(network: string, senderDomain = ""): boolean {
    if (!this.#noted.guesses) return false;
    const found = this.#guesses.find(network, senderDomain, this.#options.clock());
    return found.network || found.sender;
  }

  greylist(triplet: Triplet): GreyAnswer {
    // A process of one session would never see a triplet again: it asks nobody to come back.
    if (!this.#noted.greylist || this.#options.role === "session") return { status: "allowed" };
    const atMs = this.#options.clock();
    if (!this.#notes) return this.#greylist.peek(triplet, atMs);
    const answer = this.#greylist.meet(triplet, atMs);
    if (answer.status === "early") return answer;
    this.#outbox?.triplet(triplet, atMs);
    this.#greyFile.changed();
    return answer;
  }

  tarpit(invalidSoFar: number): number {
    const seconds = tarpitSeconds(this.#tarpit, invalidSoFar, this.#waiting);
    if (seconds > 0) this.#waiting++;
    return seconds;
  }

  tarpitDone(): void {
    this.#waiting--;
  }

  hasWaited(ip: string): boolean {
    return this.#waited.size > 0 && this.#waited.count(addressKey(ip), this.#options.clock()) > 0;
  }

  noteWaited(ip: string): void {
    const key = addressKey(ip);
    this.#waited.add(key, this.#options.clock());
    this.#outbox?.rate("waited", key);
  }

  isDeadZone(zone: string): boolean {
    return this.#zones.isDead(zone);
  }

  sessions(ip: string, network: string): SessionCounts {
    return this.#options.sessions?.(ip, network) ?? { all: 1, address: 1, network: 1 };
  }

  listBans(): readonly Ban[] {
    return this.#bans.list(this.#options.clock());
  }

  addBan(network: string, reason: string, seconds: number | null): Ban {
    const nowMs = this.#options.clock();
    const untilMs = seconds === null ? undefined : nowMs + seconds * 1000;
    const ban = this.#bans.add(network, reason, nowMs, "admin", untilMs);
    this.#tellBan(ban);
    return ban;
  }

  liftBan(network: string, reason: string): boolean {
    if (!this.#bans.lift(network)) return false;
    this.#banFile.changed();
    this.#outbox?.now({ kind: "lift", network });
    const { tracer } = this.#options;
    if (tracer.level >= POLICY_EVENTS.lifted.level) {
      tracer.emit(0, POLICY_EVENTS.lifted, { network, reason });
    }
    return true;
  }

  takeHealth(zone: string, health: Health): void {
    if (!this.#zones.take(zone, health)) return;
    const reason = health.kind === "dead" ? health.reason : null;
    this.#outbox?.now({ kind: "zone", zone, reason });
    const { tracer } = this.#options;
    if (tracer.level < POLICY_EVENTS.listDead.level) return;
    if (reason === null) tracer.emit(0, POLICY_EVENTS.listAlive, { zone });
    else tracer.emit(0, POLICY_EVENTS.listDead, { zone, reason });
  }

  get deadZones(): readonly (readonly [zone: string, reason: string])[] {
    return this.#zones.dead;
  }

  get kept(): number {
    return [this.#bans, this.#guesses, this.#rates, this.#greylist, this.#waited]
      .reduce((sum, { size }) => sum + size, 0);
  }

  share(send: (batch: SharedBatch) => void): void {
    this.#outbox = new Outbox(send, this.#options.clock);
  }

  receive(batch: SharedBatch): void {
    const changed = receiveBatch(this.#stores(), batch);
    if (changed.bans) this.#banFile.changed();
    if (changed.greylist) this.#greyFile.changed();
  }

  snapshot(): StateSnapshot {
    return takeSnapshot(this.#stores(), this.#options.clock());
  }

  restore(snapshot: StateSnapshot): void {
    restoreSnapshot(this.#stores(), snapshot);
  }

  async close(): Promise<void> {
    this.#outbox?.flush();
    this.#outbox = null;
    await Promise.all([this.#banFile.save(), this.#greyFile.save()]);
  }

  get #notes(): boolean {
    return this.#options.role !== "trial";
  }

  #rate(kind: RateKind, key: string): void {
    this.#rates.note(kind, key, this.#options.clock());
    this.#outbox?.rate(kind, key);
  }

  #banNow(network: string, reason: string, nowMs: number): void {
    if (this.#bans.find(network, nowMs) !== null) return;
    this.#tellBan(this.#bans.add(network, reason, nowMs));
  }

  #tellBan(ban: Ban): void {
    this.#banFile.changed();
    this.#outbox?.now({ kind: "ban", ban });
    const { tracer } = this.#options;
    if (tracer.level < POLICY_EVENTS.banned.level) return;
    const { network, times, reason } = ban;
    const seconds = Math.round((ban.untilMs - ban.sinceMs) / 1000);
    tracer.emit(0, POLICY_EVENTS.banned, { network, seconds, times, reason });
  }

  #stores(): Stores {
    return {
      bans: this.#bans,
      guesses: this.#guesses,
      rates: this.#rates,
      greylist: this.#greylist,
      waited: this.#waited,
      zones: this.#zones,
    };
  }

  *#banLines(): Generator<string> {
    const nowMs = this.#options.clock();
    for (const ban of this.#bans.kept(nowMs)) yield `${JSON.stringify(ban)}\n`;
    for (const row of this.#guesses.rows(nowMs, MAX_SAVED)) yield `${JSON.stringify(row)}\n`;
  }
}
