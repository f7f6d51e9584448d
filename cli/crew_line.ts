/** Both ends of the line between the isolate that supervises and those that serve. */
import { Crew } from "../ctl/crew.ts";
import { answerIsolate, type IsolateParts } from "../ctl/isolate.ts";
import type { FromWorker, ToWorker } from "../ctl/line.ts";
import type { WatchEvent } from "../ctl/types.ts";
import { EventGatherer, Watchers } from "../ctl/watchers.ts";
import { DNS_NUMBERS } from "../dns/resolver.ts";
import type { WorkerLine } from "../net/workers.ts";
import type { Front } from "./front.ts";
import type { Site } from "./site.ts";
import type { Tap } from "./switch_tracer.ts";

/** What there is to ask in an isolate that serves. */
export function isolateParts(site: Site, front: Front, worker: number): IsolateParts {
  return {
    worker,
    listeners: () => front.listeners,
    inHand: () => site.inHand,
    counts: site.policy.counts,
    dns: () => ({ ...DNS_NUMBERS }),
    meter: site.meter,
  };
}

/** Level of the events that are watched: sessions and verdicts, not each step. */
const WATCH_LEVEL = 2;

/** Makes events of what is traced. */
export function watchTap(put: (event: WatchEvent) => void): Tap {
  return {
    level: WATCH_LEVEL,
    take: (session, event, fields) =>
      put({ atMs: Date.now(), session, id: event.id, text: event.text(fields) }),
  };
}

/**
 * A worker's end. Resolves when it knows what the others know, so that nobody who is banned comes in
 * meanwhile.
 */
export function joinCrew(line: WorkerLine, site: Site, parts: IsolateParts): Promise<void> {
  const say = (message: FromWorker) => line.say(message);
  const events = new EventGatherer(say);
  const tap = watchTap(events.put);
  const { state } = site.policy;
  state.share((batch) => say({ kind: "state", batch }));
  const { promise, resolve } = Promise.withResolvers<void>();
  line.hear((heard) => {
    const message = heard as ToWorker;
    switch (message.kind) {
      case "snapshot":
        state.restore(message.snapshot);
        if (message.isWatched) site.tracer.tap(tap);
        return resolve();
      case "watch":
        events.flush();
        return site.tracer.tap(message.isOn ? tap : null);
      case "state":
        return state.receive(message.batch);
      case "question": {
        const { number, question } = message;
        return say({ kind: "answer", number, answer: answerIsolate(parts, question) });
      }
    }
  });
  say({ kind: "hello" });
  return promise;
}

/** What the supervising end tells workers with. */
export interface CrewVoice {
  tell(worker: number, message: ToWorker): void;
  /** Tells all but one; how many. */
  tellAll(message: ToWorker, but?: number): number;
}

/** The supervising end. */
export interface CrewEnd {
  readonly crew: Crew;
  readonly watchers: Watchers;
  readonly heard: (worker: number, message: unknown) => void;
}

/** Opens it: memory is shared, questions go to all, events of all come to who watches. */
export function leadCrew(site: Site, voice: CrewVoice): CrewEnd {
  const { state } = site.policy;
  const crew = new Crew((question) => voice.tellAll(question));
  const watchers: Watchers = new Watchers((isOn) => {
    voice.tellAll({ kind: "watch", isOn });
    site.tracer.tap(isOn ? watchTap((event) => watchers.tell(event)) : null);
  });
  state.share((batch) => void voice.tellAll({ kind: "state", batch }));
  const heard = (worker: number, said: unknown): void => {
    const message = said as FromWorker;
    switch (message.kind) {
      case "hello": {
        const snapshot = state.snapshot();
        return voice.tell(worker, { kind: "snapshot", snapshot, isWatched: watchers.isOn });
      }
      case "state":
        state.receive(message.batch);
        voice.tellAll(message, worker);
        return;
      case "answer":
        return crew.take(message);
      case "events":
        for (const [i, event] of message.events.entries()) {
          watchers.tell(event, i === 0 ? message.lost : 0);
        }
    }
  };
  return { crew, watchers, heard };
}

/** The same for a service of one isolate. */
export function aloneCrew(site: Site): Watchers {
  const watchers: Watchers = new Watchers((isOn) =>
    site.tracer.tap(isOn ? watchTap((event) => watchers.tell(event)) : null)
  );
  return watchers;
}
