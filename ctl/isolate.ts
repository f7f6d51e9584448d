/** One isolate's answers about itself: its sessions, its numbers. The supervising one adds them up. */
import type { Listener } from "../net/listener.ts";
import type { CheckCounts, PolicyCounts } from "../policy/counts.ts";
import type { CheckName } from "../policy/types.ts";
import { addCounts, addMeters, type Meter, NO_NUMBERS } from "./meter.ts";
import type {
  IsolateAnswer,
  IsolateNumbers,
  IsolateQuestion,
  SessionInfo,
  Stats,
} from "./types.ts";

/** A listener with the name of its service. */
export interface NamedListener {
  readonly service: string;
  readonly listener: Pick<Listener, "list" | "sessions">;
}

/** What there is to ask in an isolate. */
export interface IsolateParts {
  readonly worker: number;
  readonly listeners: () => readonly NamedListener[];
  readonly inHand: () => number;
  readonly counts: Pick<PolicyCounts, "snapshot"> | null;
  readonly dns: () => { readonly questions: number; readonly hits: number };
  readonly meter: Meter | null;
}

/** Answers a question about this isolate. */
export function answerIsolate(parts: IsolateParts, question: IsolateQuestion): IsolateAnswer {
  switch (question.ask) {
    case "sessions":
      return { ask: "sessions", sessions: listSessions(parts) };
    case "numbers":
      return { ask: "numbers", numbers: numbersOf(parts) };
    case "kill":
      return { ask: "kill", isKilled: kill(parts, question.session) };
  }
}

function listSessions({ worker, listeners }: IsolateParts): SessionInfo[] {
  return listeners().flatMap(({ service, listener }) =>
    listener.list().map((session): SessionInfo => ({
      id: session.peer.session,
      worker,
      ip: session.peer.remoteIp,
      service,
      seconds: session.seconds,
      ...session.view(),
    }))
  );
}

function kill({ listeners }: IsolateParts, id: number): boolean {
  for (const { listener } of listeners()) {
    const session = listener.list().find(({ peer }) => peer.session === id);
    if (session === undefined) continue;
    session.kill();
    return true;
  }
  return false;
}

function numbersOf(parts: IsolateParts): IsolateNumbers {
  const { worker, listeners, inHand, counts, dns, meter } = parts;
  const open = listeners().reduce(
    (sum, { service, listener }) => addCounts(sum, { [service]: listener.sessions }),
    {},
  );
  return {
    worker,
    open,
    inHand: inHand(),
    checks: counts === null ? [] : [...counts.snapshot()],
    dns: dns(),
    meter: meter?.numbers() ?? NO_NUMBERS,
  };
}

/** The numbers of all isolates together. */
export function addNumbers(
  all: readonly IsolateNumbers[],
): Pick<Stats, "open" | "inHand" | "checks" | "dns" | "meter"> {
  const checks: Partial<Record<CheckName, CheckCounts>> = {};
  for (const [check, counts] of all.flatMap((one) => one.checks)) {
    const before = checks[check];
    checks[check] = before === undefined ? counts : addChecks(before, counts);
  }
  return {
    open: all.reduce<Record<string, number>>((sum, one) => addCounts(sum, one.open), {}),
    inHand: all.reduce((sum, one) => sum + one.inHand, 0),
    checks,
    dns: {
      questions: all.reduce((sum, one) => sum + one.dns.questions, 0),
      hits: all.reduce((sum, one) => sum + one.dns.hits, 0),
    },
    meter: all.reduce((sum, one) => addMeters(sum, one.meter), NO_NUMBERS),
  };
}

const addChecks = (a: CheckCounts, b: CheckCounts): CheckCounts => ({
  accepted: a.accepted + b.accepted,
  applied: a.applied + b.applied,
  softened: a.softened + b.softened,
  shadow: a.shadow + b.shadow,
});
