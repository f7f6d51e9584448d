/**
 * Connection rules by address: who may connect, and with which environment (tcpserver -x, tcpsvd -x).
 *
 * The file is a text of tcprules(1), or the cdb that tcprules makes of it where its name ends in ".cdb". It is read again
 * when it changes, at the cost of one stat(2) a connection. What can't be read or understood then leaves the rules read
 * before in force, and is said once. Rules for host names need `nameOf`; ident is not asked.
 */
import { latin1 } from "../cdb/mod.ts";
import { NET_EVENTS } from "../trace/events_net.ts";
import type { Tracer } from "../trace/tracer.ts";
import type { Rules } from "./listener.ts";
import { note } from "./note.ts";
import { readRulesCdb } from "./rules_cdb.ts";
import type { Rule } from "./rules_table.ts";
import { parseRules, type ReadRules, RulesError } from "./rules_text.ts";

export { RulesError } from "./rules_text.ts";

export interface RulesOptions {
  /** The file, as Deno's file calls take it. */
  readonly path: string;
  /** Its name in messages. */
  readonly name: string;
  /** What every session gets; a rule's assignments go over it. */
  readonly env: Readonly<Record<string, string>>;
  /** Takes sentences for the administrator. */
  readonly onProblem: (sentence: string) => void;
  readonly trace: Tracer;
  /**
   * The name of an address by reverse DNS, null: none; never rejects. Asked only where a rule is for a name. Absent: rules
   * for names are skipped, and that is said.
   */
  readonly nameOf?: ((ip: string) => string | null | Promise<string | null>) | undefined;
}

/** Milliseconds a file must have been at rest before its times are trusted. */
const REST_MS = 1000;

/**
 * Opens the rules.
 * @throws {RulesError} when the file can't be read or understood: one sentence with its name
 */
export function openRules(options: RulesOptions): Rules {
  return new RulesFile(options).of;
}

class RulesFile {
  readonly #options: RulesOptions;
  #read: ReadRules;
  #identity = "";
  #complaint = "";
  #told = "";
  /** The environments made so far, one a rule. */
  #envs = new WeakMap<Rule, Readonly<Record<string, string>>>();

  constructor(options: RulesOptions) {
    this.#options = options;
    try {
      this.#read = this.#load(this.#look());
    } catch (error) {
      throw new RulesError(this.#sentence(error));
    }
    this.#tellNotes();
  }

  /** The environment of a session from `ip`; null: it may not connect. */
  readonly of: Rules = (ip) => {
    this.#refresh();
    const { table } = this.#read;
    const { nameOf } = this.#options;
    const name = table.asksNames && nameOf !== undefined ? nameOf(ip) : null;
    return name instanceof Promise
      ? name.then((known) => this.#answer(table.find(ip, known), ip))
      : this.#answer(table.find(ip, name), ip);
  };

  #answer(rule: Rule | null, ip: string): Readonly<Record<string, string>> | null {
    const { env, trace } = this.#options;
    if (rule === null) return env;
    if (rule.deny) {
      note(trace, 0, NET_EVENTS.refused, { ip, reason: "denied by a connection rule" });
      return null;
    }
    let merged = this.#envs.get(rule);
    if (merged === undefined) {
      merged = Object.freeze({ ...env, ...rule.env });
      this.#envs.set(rule, merged);
    }
    return merged;
  }

  /** Reads the file again if it is another one. */
  #refresh(): void {
    try {
      const stat = this.#look();
      if (identityOf(stat) === this.#identity) return;
      this.#read = this.#load(stat);
      this.#complaint = "";
      this.#tellNotes();
    } catch (error) {
      const sentence = `${this.#sentence(error)}; the rules read before stay in force`;
      if (sentence !== this.#complaint) this.#options.onProblem(sentence);
      this.#complaint = sentence;
    }
  }

  #look(): Deno.FileInfo {
    return Deno.statSync(this.#options.path);
  }

  #load(stat: Deno.FileInfo): ReadRules {
    const { path, nameOf } = this.#options;
    // Times may be too coarse to show a second change: what changed just now is read again at the next question.
    const changed = Math.max(stat.mtime?.getTime() ?? 0, stat.ctime?.getTime() ?? 0);
    this.#identity = Date.now() - changed > REST_MS ? identityOf(stat) : "";
    const bytes = Deno.readFileSync(path);
    const reading = { names: nameOf !== undefined };
    return path.endsWith(".cdb")
      ? readRulesCdb(bytes, reading)
      : parseRules(latin1(bytes), reading);
  }

  /** Says which rules match nobody; once, as long as they are the same. */
  #tellNotes(): void {
    const { name, onProblem } = this.#options;
    const all = this.#read.notes.join("\n");
    if (all === this.#told) return;
    this.#told = all;
    for (const sentence of this.#read.notes) onProblem(`Connection rules "${name}": ${sentence}`);
  }

  #sentence(error: unknown): string {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    return `Connection rules "${this.#options.name}" can't be used: ${why}`;
  }
}

function identityOf(stat: Deno.FileInfo): string {
  const { dev, ino, size, mtime, ctime } = stat;
  return `${dev} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
}
