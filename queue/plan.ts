/**
 * From an envelope to the Maildirs that get the message: the look-up's answers and delivery instructions, followed
 * through forwards to local addresses.
 *
 * Mirrors what qmail-local does with maildir and forward lines (dot-qmail(5)). Programs, mboxes and forwards that leave the machine
 * need qmail-queue: the whole message is deferred, with a sentence that names the line.
 * DIFFERS: two recipients that end in the same Maildir with the same sender get one copy with both Delivered-To lines, not two,
 * because there is no queue that would deliver them one after the other.
 * DIFFERS: a circle of forwards is deferred, not bounced: the sender can't mend it, the administrator can.
 */
import type { Envelope, QueueOutcome } from "./types.ts";
import type { Instruction } from "../validate/types.ts";
import type { Owner } from "./libc.ts";
import { deliveredToLine } from "./local_lines.ts";

export type { Instruction } from "../validate/types.ts";

/** What is known of a local address. */
export interface LocalRoute {
  readonly outcome: "deliver" | "discard" | "remote" | "undeliverable" | "undecided";
  /** One sentence: why. */
  readonly reason: string;
  /** The recipient after rewriting, `prepend-local@domain` for a virtual domain. */
  readonly rewritten: string;
  /** Whose files are made; null: this process's. */
  readonly owner: Owner | null;
  /** Absolute; binary. */
  readonly home: string;
  readonly instructions: readonly Instruction[];
  /** The sender that forwards get (qmail-local's -owner files). */
  forwardSender(sender: string): string;
}

/** The look-up, as this room needs it. Never rejects. */
export type Routing = (address: string) => LocalRoute | Promise<LocalRoute>;

/** One copy of the message. */
export interface Target {
  /** Absolute path without "/" at its end; binary. */
  readonly maildir: string;
  readonly owner: Owner | null;
  readonly sender: string;
  /** Delivered-To lines, LF included, the recipient's before those it was forwarded from. */
  readonly deliveredTo: readonly string[];
}

/** A target while recipients are still added to it. */
interface GrowingTarget extends Omit<Target, "deliveredTo"> {
  readonly deliveredTo: Set<string>;
}

const grown = (target: GrowingTarget): Target => ({
  ...target,
  deliveredTo: [...target.deliveredTo],
});

type Trouble = Exclude<QueueOutcome, { kind: "queued" }>;

export type Plan =
  | { readonly targets: readonly Target[]; readonly trouble: null }
  | { readonly targets: readonly []; readonly trouble: Trouble };

/** One address still to be asked for. */
interface Visit {
  readonly address: string;
  readonly sender: string;
  /** Delivered-To lines of the addresses it was forwarded from, nearest first. */
  readonly trail: readonly string[];
}

/** Forwards followed for one message; more is a mistake, and each costs a look-up. */
const MAX_FORWARDS = 1000;

/** Plans a message. At once when the look-up answers at once. */
export function planDelivery(envelope: Envelope, routing: Routing): Plan | Promise<Plan> {
  const todo: Visit[] = [...new Set(envelope.recipients)].map((address) => ({
    address,
    sender: senderFor(envelope.sender, address),
    trail: [],
  }));
  const mostVisits = todo.length + MAX_FORWARDS;
  const targets = new Map<string, GrowingTarget>();

  function run(from: number): Plan | Promise<Plan> {
    for (let i = from;; i++) {
      const visit = todo[i];
      if (visit === undefined) return { targets: [...targets.values()].map(grown), trouble: null };
      if (i >= mostVisits) return blocked(deferred("4.4.6", TOO_MANY));
      const route = routing(visit.address);
      if (route instanceof Promise) {
        return route.then((r) => {
          const trouble = follow(r, visit, todo, targets);
          return trouble === null ? run(i + 1) : blocked(trouble);
        });
      }
      const trouble = follow(route, visit, todo, targets);
      if (trouble !== null) return blocked(trouble);
    }
  }
  return run(0);
}

/** A sender `list-@host-@[]` names the recipient, as qmail-send makes it: `list-joe=example.com@host`. */
function senderFor(sender: string, recipient: string): string {
  const match = /^(.*)@([^@]*)-@\[\]$/s.exec(sender);
  const at = recipient.lastIndexOf("@");
  if (match === null || at < 0) return sender;
  return `${match[1]}${recipient.slice(0, at)}=${recipient.slice(at + 1)}@${match[2]}`;
}

const TOO_MANY = `This message is forwarded more than ${MAX_FORWARDS} times on this machine`;

const blocked = (trouble: Trouble): Plan => ({ targets: [], trouble });
const deferred = (code: string, reason: string): Trouble => ({ kind: "deferred", code, reason });

/** Takes one route: adds Maildirs to `targets` and forwards to `todo`, or says why the message must wait. */
function follow(
  route: LocalRoute,
  visit: Visit,
  todo: Visit[],
  targets: Map<string, GrowingTarget>,
): Trouble | null {
  const forwarded = visit.trail.length > 0;
  switch (route.outcome) {
    case "discard":
      return null;
    case "remote":
      return deferred(
        "4.3.5",
        `Mail for "${visit.address}" leaves this machine, which needs qmail-queue`,
      );
    case "undecided":
      return deferred("4.3.0", route.reason);
    case "undeliverable":
      return forwarded
        ? deferred("4.3.5", `A forward goes to "${visit.address}": ${route.reason}`)
        : { kind: "refused", code: "5.1.1", reason: route.reason };
    case "deliver":
      return carryOut(route, visit, todo, targets);
  }
}

function carryOut(
  route: LocalRoute,
  visit: Visit,
  todo: Visit[],
  targets: Map<string, GrowingTarget>,
): Trouble | null {
  const line = deliveredToLine(route.rewritten);
  if (visit.trail.includes(line)) {
    return deferred("4.4.6", `The forwards of "${visit.address}" lead back to it`);
  }
  const deliveredTo = [line, ...visit.trail];
  for (const instruction of route.instructions) {
    switch (instruction.kind) {
      case "maildir":
        addTarget(targets, route, instruction.text, visit.sender, deliveredTo);
        break;
      case "forward":
        todo.push({
          address: instruction.text,
          sender: senderFor(route.forwardSender(visit.sender), instruction.text),
          trail: deliveredTo,
        });
        break;
      case "mbox":
      case "program":
        return deferred("4.3.5", needsQueue(instruction));
    }
  }
  return null;
}

function needsQueue(instruction: Instruction): string {
  const what = instruction.kind === "mbox"
    ? `delivers to the mbox "${instruction.text}"`
    : `runs the program "${instruction.text}"`;
  return `${instruction.where} ${what}, which needs qmail-queue`;
}

/** A maildir line as an absolute path without "/" at its end: relative ones start at home, where qmail-local works. */
function maildirPath(home: string, text: string): string {
  const path = text.startsWith("/") ? text : `${home}/${text.replace(/^(\.\/+)+/, "")}`;
  return path.replace(/\/+$/, "") || "/";
}

function addTarget(
  targets: Map<string, GrowingTarget>,
  route: LocalRoute,
  text: string,
  sender: string,
  deliveredTo: readonly string[],
): void {
  const maildir = maildirPath(route.home, text);
  const key = `${maildir}\0${sender}`;
  const known = targets.get(key);
  if (known === undefined) {
    targets.set(key, { maildir, owner: route.owner, sender, deliveredTo: new Set(deliveredTo) });
  } else for (const line of deliveredTo) known.deliveredTo.add(line);
}

/**
 * Can a message for `address` be delivered without qmail-queue? null, or one sentence why not: for 451 at RCPT,
 * before the client has sent the message.
 */
export function canDeliver(
  address: string,
  routing: Routing,
): string | null | Promise<string | null> {
  const plan = planDelivery({ sender: "", recipients: [address] }, routing);
  const reason = (p: Plan) => p.trouble === null ? null : p.trouble.reason;
  return plan instanceof Promise ? plan.then(reason) : reason(plan);
}
