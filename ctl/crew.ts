/**
 * Questions to all isolates of a service, whether there is one or there are several.
 *
 * A worker that does not answer in time (it is being replaced, or hangs) is left out: an answer that
 * is a little short is better than none.
 */
import type { IsolateAnswer, IsolateQuestion } from "./types.ts";

/** How long a worker may take. */
const PATIENCE_MS = 2000;

/** Asks every isolate. Never rejects. */
export type AskAll = (question: IsolateQuestion) => Promise<readonly IsolateAnswer[]>;

/** A question on its way to a worker, and its answer on the way back. */
export interface CrewQuestion {
  readonly kind: "question";
  readonly number: number;
  readonly question: IsolateQuestion;
}
export interface CrewAnswer {
  readonly kind: "answer";
  readonly number: number;
  readonly answer: IsolateAnswer;
}

interface Waiting {
  readonly answers: IsolateAnswer[];
  readonly wanted: number;
  readonly done: () => void;
}

/** The supervising isolate's side. */
export class Crew {
  readonly #tellAll: (message: CrewQuestion) => number;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  /** `tellAll` says how many it told. */
  constructor(tellAll: (message: CrewQuestion) => number) {
    this.#tellAll = tellAll;
  }

  readonly ask: AskAll = (question) => {
    const number = ++this.#number;
    const answers: IsolateAnswer[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const wanted = this.#tellAll({ kind: "question", number, question });
    if (wanted === 0) return Promise.resolve(answers);
    this.#waiting.set(number, { answers, wanted, done: resolve });
    const timer = setTimeout(resolve, PATIENCE_MS);
    return promise.then(() => {
      clearTimeout(timer);
      this.#waiting.delete(number);
      return answers;
    });
  };

  /** Takes a worker's answer. */
  take({ number, answer }: CrewAnswer): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    waiting.answers.push(answer);
    if (waiting.answers.length === waiting.wanted) waiting.done();
  }
}
